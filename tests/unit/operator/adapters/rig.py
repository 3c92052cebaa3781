"""A namespace with a service of adapters, its workers' Pods, and engines that load what they are told, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from objects import CLAIM, Object, service
from tidegate_api.names import API_VERSION, DRAINING_ANNOTATION, SERVICE_LABEL
from tidegate_api.settings import Settings
from tidegate_operator.adapters.loop import AdapterLoop
from tidegate_operator.adapters.workers import Refused
from tidegate_operator.cache import Cache
from tidegate_operator.conditions.chain import Finding
from tidegate_operator.facts import Key
from tidegate_operator.kinds import POD
from tidegate_operator.metrics import Metrics
from tidegate_operator.podanswer import Unreadable

KEY = Key("team-a", "chat")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "hf://acme/support"
HUB_PATH = f"hf/acme--support/{COMMIT}"
SETTINGS = Settings(allowed_file_paths=["/srv/adapters"])


def adapter(name: str = "support", uri: str = f"pvc://{CLAIM}/lora/support", **more: Any) -> Object:
    """Return an entry of `spec.model.lora.adapters`; by default on the claim of the model."""
    return {"name": name, "uri": uri, **more}


def with_adapters(
    *entries: Object, of: str = "chat", uri: str = f"pvc://{CLAIM}/smollm2", **lora: Any
) -> Object:
    """Return an LLMService that lists these adapters."""
    return service(of, model={"uri": uri, "lora": {"adapters": list(entries), **lora}})


def llmmodel(
    phase: str = "Ready", uri: str = HUB, reason: str = "ModelCached", path: str = HUB_PATH, **spec: Any
) -> Object:
    """Return the LLMModel of an adapter."""
    is_ready = phase == "Ready"
    said = {"type": "Ready", "status": str(is_ready), "reason": reason, "message": f"{reason}!"}
    return {
        "apiVersion": API_VERSION,
        "kind": "LLMModel",
        "metadata": {"name": "hf-acme-support", "namespace": "team-a", "uid": "uid-model"},
        "spec": {"uri": uri, "type": "Adapter", **spec},
        "status": {
            "phase": phase,
            "conditions": [said],
            **({"path": path, "revision": COMMIT} if is_ready else {}),
        },
    }


def claim(name: str = CLAIM, **metadata: Any) -> Object:
    """Return a PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "team-a", **metadata},
    }


def worker(
    number: int = 1,
    *,
    ready: bool = True,
    draining: bool = False,
    lora: bool = True,
    volumes: Mapping[str, Object] | None = None,
    of: str = "chat",
) -> Object:
    """Return a worker's Pod; by default the claim of the model is its one volume, below /models."""
    mounted = volumes if volumes is not None else {"/models": {"persistentVolumeClaim": {"claimName": CLAIM}}}
    named = {f"v{index}": (mount, source) for index, (mount, source) in enumerate(mounted.items())}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{of}-shared-{number}",
            "namespace": "team-a",
            "uid": f"uid-{of}-{number}",
            "labels": {SERVICE_LABEL: of},
            "annotations": {DRAINING_ANNOTATION: "2026-11-21T12:00:00Z"} if draining else {},
        },
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "args": ["--", "--enable-lora"] if lora else ["--"],
                    "volumeMounts": [
                        {"name": name, "mountPath": mount} for name, (mount, _) in named.items()
                    ],
                }
            ],
            "volumes": [{"name": name, **source} for name, (_, source) in named.items()],
        },
        "status": {
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


@dataclass
class Engines:
    """`Workers` in memory. `refuses` maps a directory to why it cannot be loaded; who is `deaf` does not answer."""

    has: dict[str, dict[str, str]] = field(default_factory=dict)
    refuses: dict[str, Finding] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    slow: dict[str, asyncio.Event] = field(default_factory=dict)

    async def served(self, address: str) -> Mapping[str, str]:
        self._answer(address)
        return dict(self.has.setdefault(address, {}))

    async def load(self, address: str, name: str, path: str) -> None:
        self._answer(address)
        self.told.append((address, f"load {name}", path))
        if address in self.slow:
            await self.slow[address].wait()
        if path in self.refuses:
            raise Refused(self.refuses[path])
        assert name not in self.has[address], "vLLM refuses a name that it has"
        self.has[address][name] = path

    async def unload(self, address: str, name: str) -> None:
        self._answer(address)
        self.told.append((address, f"unload {name}", ""))
        self.has[address].pop(name, None)

    def _answer(self, address: str) -> None:
        if address in self.deaf:
            raise Unreadable("no answer in time")


@dataclass
class Room:
    """A loop over a cache, with a clock that stands still until told otherwise."""

    engines: Engines = field(default_factory=Engines)
    cache: Cache = field(default_factory=Cache)
    news: list[Key] = field(default_factory=list)
    time: float = 1000.0

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.loop = AdapterLoop(
            self.engines, self.cache, SETTINGS, self.metrics, self.news.append, lambda: self.time
        )
        self._version = 0

    def put(self, *items: Object) -> Room:
        """Show objects to the operator."""
        for item in items:
            self._version += 1
            kind = {"apiVersion": item.get("apiVersion", API_VERSION), "kind": item.get("kind", "LLMService")}
            metadata = {**item["metadata"], "resourceVersion": str(self._version)}
            self.cache.put({**item, **kind, "metadata": metadata})
        return self

    def drop(self, item: Object) -> None:
        """Show that a Pod is gone."""
        live = self.cache.get(POD, "team-a", item["metadata"]["name"])
        assert live is not None
        self.cache.drop(live)

    async def rounds(self, count: int = 1, seconds: float = 2.0) -> None:
        """Let the loop look so often, with so long between."""
        for _ in range(count):
            await self.loop.round()
            self.time += seconds

    def at(self, number: int = 1) -> dict[str, str]:
        """Return what the engine of a worker has."""
        return self.engines.has.get(f"10.0.0.{number}", {})
