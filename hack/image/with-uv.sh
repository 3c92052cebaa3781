#!/bin/sh
# Runs a command with uv on PATH, inside an image build; nothing of uv is left behind. The files beside it pin uv.
set -eu
here="$(dirname "$0")"
python3 -m venv /tmp/uv
/tmp/uv/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps -r "$here/uv-requirements.txt"
PATH="/tmp/uv/bin:$PATH" "$@"
rm -rf /tmp/uv
