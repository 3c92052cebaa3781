#!/usr/bin/env bash
# Makes .venv from the lockfile. Needs Python 3.11+; uv comes from PyPI into the cache when it is not on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${TIDEGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidegate}"

fail() { echo "setup: $1" >&2; exit 2; }

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "Python 3.11 or newer is needed as python3; install it and run make again."

if ! uv="$(command -v uv)"; then
  uv="$cache/uv/bin/uv"
  if [ ! -x "$uv" ]; then
    echo "setup: installing uv from PyPI into the cache"
    python3 -m venv "$cache/uv" >/dev/null 2>&1 || {
      rm -rf "$cache/uv"
      echo "setup: python3 has no venv module; installing python3-venv"
      apt-get -qq update >/dev/null && apt-get -qq install -y python3-venv >/dev/null ||
        fail "cannot install python3-venv: run 'apt-get install python3-venv' as root, then make again."
      python3 -m venv "$cache/uv"
    }
    "$cache/uv/bin/pip" install -q --require-hashes --no-deps -r hack/image/uv-requirements.txt ||
      fail "cannot install uv from PyPI: check the network, or put uv on PATH."
  fi
fi
"$uv" sync -q --frozen
touch .venv/.synced
