#!/bin/sh
# Copies the models of this image into the volume $1, as one step each: a model is there whole or not at all.
# Running it again changes nothing.
set -eu
volume="$1"

if [ ! -w "$volume" ]; then
    echo "user $(id -u) cannot write to $volume: give the volume to group $(id -g) (securityContext.fsGroup)" >&2
    exit 1
fi
for model in /model/*/; do
    name="$(basename "$model")"
    if (cd "$volume/$name" && sha256sum --check --status SHA256SUMS) 2>/dev/null; then
        echo "$name is already there"
        continue
    fi
    # Left over when an earlier copy was cut off.
    rm -rf "$volume/.$name".*
    next="$volume/.$name.next"
    cp -R "$model" "$next"
    (cd "$next" && sha256sum --check --quiet SHA256SUMS)
    sync "$next"/* 2>/dev/null || sync
    [ ! -e "$volume/$name" ] || mv "$volume/$name" "$volume/.$name.old"
    mv "$next" "$volume/$name"
    rm -rf "$volume/.$name.old"
    echo "$name copied to $volume/$name"
done
