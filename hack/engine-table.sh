#!/usr/bin/env bash
# Writes crds/tidegate_api/engine/vllm-VERSION.json from the vLLM that uv.lock pins.
set -euo pipefail
cd "$(dirname "$0")/.."
python="$(.venv/bin/python hack/vllm_env.py)"
VLLM_LOGGING_LEVEL=ERROR exec "$python" hack/engine_table.py
