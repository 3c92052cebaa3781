"""Where a model really runs: of each worker its node, device and numbers, as Pod and engine tell them. Pure.

Owns reading them. What neither tells is None, never a guess.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate_api.names import POOL_LABEL, WORKER_CONTAINER
from tidegate_cli.status.said import Said, said
from tidegate_cli.status.scene import is_ready

Json = Mapping[str, Any]
_INFO: Final = re.compile(r"^vllm:cache_config_info\{(.*)\} ", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_USED: Final = re.compile(r"^vllm:kv_cache_usage_perc\{.*\} (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Running:
    """One worker: what it was asked for, and what its engine says. What is None is not known."""

    pod: str
    pool: str
    ready: bool
    state: str
    node: str | None
    device: str
    dtype: str | None
    quantization: str | None
    kv_cache_dtype: str | None
    kv_blocks: int | None
    kv_block_tokens: int | None
    kv_used_ratio: float | None
    restarts: int
    engine: Said


def workers(pods: Sequence[Json], pages: Mapping[str, str], logs: Mapping[str, str]) -> list[Running]:
    """Return what is known of each worker, by the name of its Pod."""
    return [
        _running(pod, pages.get(pod["metadata"]["name"], ""), said(logs.get(pod["metadata"]["name"], "")))
        for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"]))
    ]


def _running(pod: Json, page: str, told: Said) -> Running:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    engine: Json = next((one for one in spec.get("containers") or () if one["name"] == WORKER_CONTAINER), {})
    cache = dict(_LABEL.findall(found[1])) if (found := _INFO.search(page)) else {}
    used = _USED.search(page)
    blocks, size = _number(cache.get("num_gpu_blocks")), _number(cache.get("block_size"))
    return Running(
        pod=pod["metadata"]["name"],
        pool=(pod["metadata"].get("labels") or {}).get(POOL_LABEL, ""),
        ready=is_ready(pod),
        state=_state(pod),
        node=spec.get("nodeName"),
        device=_device(engine),
        dtype=_flag(engine, "--dtype"),
        quantization=_flag(engine, "--quantization"),
        kv_cache_dtype=cache.get("cache_dtype"),
        kv_blocks=blocks,
        kv_block_tokens=size,
        kv_used_ratio=float(used[1]) if used else None,
        restarts=sum(one.get("restartCount", 0) for one in status.get("containerStatuses") or ()),
        engine=told,
    )


def _state(pod: Json) -> str:
    """Return how a Pod is in one word, as `kubectl get` would."""
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = pod.get("status") or {}
    for one in status.get("containerStatuses") or ():
        for how in ("waiting", "terminated"):
            if reason := ((one.get("state") or {}).get(how) or {}).get("reason"):
                return str(reason)
    return "Ready" if is_ready(pod) else str(status.get("phase") or "Unknown")


def _device(engine: Json) -> str:
    """Return what a container computes on: the accelerators that it was given, or else processors."""
    asked = engine.get("resources") or {}
    given = {**(asked.get("requests") or {}), **(asked.get("limits") or {})}
    # Kubernetes' own resources have no domain; devices have one.
    devices = [f"{count} × {name}" for name, count in given.items() if "/" in name]
    return ", ".join(devices) or "CPU"


def _flag(engine: Json, name: str) -> str | None:
    """Return the value of a flag of the engine, None where it is not set: then the engine follows the model."""
    words = [str(one) for one in engine.get("args") or ()]
    for at, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and at + 1 < len(words):
            return words[at + 1]
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
