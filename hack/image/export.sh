#!/bin/sh
# Writes what each image installs, with hashes, from the lockfile in this directory to the directory $1.
set -eu
mkdir -p "$1"
for extra in operator gateway console loader worker-cpu example-model; do
    uv export --quiet --frozen --no-dev --no-emit-project --no-header --no-annotate \
        --extra "$extra" --output-file "$1/$extra.txt"
done
