#!/bin/sh
# Leaves in the virtual environment $1 the bytecode of what a vLLM worker imports. Three processes import it at every
# start, from a root file system that they cannot write to; compiling it each time costs nine seconds each.
set -eu
unset PYTHONDONTWRITEBYTECODE
HOME=/tmp "$1/bin/python" -c '
import vllm.entrypoints.openai.api_server
import vllm.v1.engine.core
import vllm.v1.worker.cpu_worker
import vllm.model_executor.models.llama
' >/dev/null
