"""What users may not hand to the engine: flags and variables that open the worker or that Tidegate owns.

Owns the list and the reasons, which users read. Must not know how flags are written.
"""

import re

from tidegate_api.serving import CREDENTIAL_PATTERN

_OWNED = "Tidegate sets it"
_GATEWAY = "workers are reached through the gateway alone, which checks keys"
_CODE = "it would run code that comes with a model or from a path"
_LORA = "use spec.model.lora, whose adapters are loaded while workers run"
_POD = "one worker is one Pod and opens no port but its own"
_OFFLINE = "the model is read from its volume, and workers have no way out"

# Flag without dashes → why not.
FLAGS = {
    "host": _OWNED,
    "port": _OWNED,
    "uds": _OWNED,
    "headless": _OWNED,
    "grpc": _GATEWAY,
    "grpc-port": _GATEWAY,
    "enable-ssl-refresh": _OWNED,
    "model": "use spec.model.uri",
    "model-tag": "use spec.model.uri",
    "served-model-name": "use spec.model.name",
    "config": "write its flags into spec.engine.args",
    "shutdown-timeout": _OWNED,
    "scheduling-policy": _OWNED,
    "scheduler-cls": _CODE,
    "enable-lora": _LORA,
    "max-lora-rank": _LORA,
    "max-loras": _LORA,
    "max-cpu-loras": _LORA,
    "lora-modules": _LORA,
    "api-key": f"{_GATEWAY}; keys are those of an LLMTenant",
    "root-path": _GATEWAY,
    "middleware": _CODE,
    "allowed-local-media-path": "it would let requests read files of the worker",
    "enable-request-id-headers": "the gateway gives each request its id",
    "enable-prompt-embeds": "it would let requests hand tensors to the engine",
    "enable-mm-embeds": "it would let requests hand tensors to the engine",
    "enable-tokenizer-info-endpoint": _GATEWAY,
    "trust-request-chat-template": "it would let requests bring templates to run",
    "trust-request-mm-kwargs": "it would let requests configure the engine's processors",
    "trust-remote-code": f"{_CODE}: use a model whose architecture vLLM knows",
    "worker-cls": _CODE,
    "worker-extension-cls": _CODE,
    "logits-processors": _CODE,
    "tool-parser-plugin": _CODE,
    "reasoning-parser-plugin": _CODE,
    "io-processor-plugin": _CODE,
    "model-class-overrides": _CODE,
    "logging-config": _CODE,
    "log-config-file": _CODE,
    "tool-server": "it would let requests call tools from the worker",
    "weight-transfer-config": "it would let weights be replaced from outside",
    "profiler-config": "it would open endpoints for profiling",
    "hf-token": "a token here would be readable by all; the model is read from its volume",
    "download-dir": _OFFLINE,
    "kv-events-config": _POD,
    "master-addr": _POD,
    "master-port": _POD,
    "nnodes": _POD,
    "node-rank": _POD,
    "data-parallel-address": _POD,
    "data-parallel-rpc-port": _POD,
    "data-parallel-start-rank": _POD,
    "data-parallel-size-local": _POD,
    "data-parallel-rank": _POD,
    "data-parallel-external-lb": _POD,
    "data-parallel-multi-port-external-lb": _POD,
    "data-parallel-supervisor-port": _POD,
    "data-parallel-hybrid-lb": _POD,
}
_PREFIXES = {"ssl-": _GATEWAY, "uvicorn-": _OWNED}

# `--load-format` is free only among formats that neither fetch nor unpickle.
LOAD_FORMATS = frozenset(
    {
        "auto",
        "safetensors",
        "fastsafetensors",
        "bitsandbytes",
        "sharded_state",
        "mistral",
        "dummy",
        "runai_streamer",
        "runai_streamer_sharded",
    }
)

_CREDENTIAL = re.compile(CREDENTIAL_PATTERN)
_VARIABLES = {
    "VLLM_SERVER_DEV_MODE": "it opens endpoints that control the engine",
    "VLLM_API_KEY": f"{_GATEWAY}; keys are those of an LLMTenant",
    "VLLM_ALLOW_INSECURE_SERIALIZATION": _CODE,
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "it lets requests load files into the engine",
    "VLLM_HOST_IP": _OWNED,
    "VLLM_PORT": _OWNED,
}


def why_not(flag: str) -> str | None:
    """Return why a flag (its long name, with dashes) is refused, None where it is not."""
    bare = flag.lstrip("-").removeprefix("no-")
    if bare in FLAGS:
        return FLAGS[bare]
    return next((why for prefix, why in _PREFIXES.items() if bare.startswith(prefix)), None)


def why_not_variable(name: str) -> str | None:
    """Return why a variable is refused, None where it is not."""
    if name in _VARIABLES:
        return _VARIABLES[name]
    if _CREDENTIAL.search(name):
        return "a credential here would be readable by all who may read the LLMService"
    return None
