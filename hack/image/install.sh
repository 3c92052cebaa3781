#!/bin/sh
# Makes the virtual environment $1, or adds to it, from a requirements file with hashes: install.sh VENV FILE [OPTION…]
set -eu
venv="$1" requirements="$2"
shift 2
[ -d "$venv/bin" ] || python3 -m venv --without-pip "$venv"
uv pip install --quiet --python "$venv/bin/python" --link-mode copy --require-hashes --no-deps "$@" -r "$requirements"
