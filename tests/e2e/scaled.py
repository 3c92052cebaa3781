"""The service that the stories about replicas are told of: a real model on real engines, small enough for two.

Owns its manifest, the load on it, and the clocks that say when something became so.
"""

import contextlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import openai

from e2e.cluster import KUBECTL, Json, Namespace, eventually, kubectl
from tidegate_api.names import API_VERSION, POOL_LABEL, SERVICE_KIND, SERVICE_LABEL, pool_name

NAME = "scaled"
DEPLOYMENT = pool_name(NAME, "shared")
STORY = "Write a very long story about a lighthouse keeper."
# What this machine takes to start an engine is told, so that waiting for it is not part of the story.
COLD_START_SECONDS = 20
SCALING: Mapping[str, Any] = {
    "mode": "Auto",
    "minReplicas": 1,
    "maxReplicas": 2,
    "metrics": [{"type": "QueueDepth", "target": 4}],
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 10}},
    "coldStartSeconds": COLD_START_SECONDS,
    "idleSeconds": 60,
}


def manifest() -> Json:
    """Return the service, with the model of the demo's volume; four requests at a time fill one worker."""
    return {
        "apiVersion": API_VERSION,
        "kind": SERVICE_KIND,
        "metadata": {"name": NAME},
        "spec": {
            "model": {"uri": "pvc://models/smollm2-135m-instruct"},
            "engine": {
                "maxModelLen": 2048,
                "maxNumSeqs": 4,
                # Every CPU engine would bind itself to the same first core.
                "env": [{"name": "VLLM_CPU_OMP_THREADS_BIND", "value": "nobind"}],
            },
            "resources": {"requests": {"cpu": "100m", "memory": "2Gi"}},
            "scaling": dict(SCALING),
        },
    }


@dataclass(frozen=True, slots=True)
class Scaled:
    """The service as it stands in a namespace."""

    namespace: Namespace

    def scale(self, **changes: Any) -> None:
        """Set the scaling to what the stories begin with, but for these fields."""
        patch = json.dumps({"spec": {"scaling": {**SCALING, **changes}}})
        kubectl("patch", "llmservice", NAME, "-n", self.namespace.name, "--type=merge", "-p", patch)

    def decision(self) -> Json:
        """Return what status says of the shared pool, empty while it says nothing."""
        status = self.namespace.get("llmservice", NAME).get("status", {})
        return next((one for one in status.get("scaling", []) if one["pool"] == "shared"), {})

    def replicas(self) -> int:
        """Return what the Deployment asks for."""
        return int(self.namespace.get("deployment", DEPLOYMENT)["spec"]["replicas"])

    def wait_for_wanted(self, wanted: int, seconds: float = 120) -> Json:
        """Wait until so many are wanted, and return the decision."""
        return eventually(
            lambda: found if (found := self.decision()).get("wanted") == wanted else None,
            f"{wanted} replicas wanted of {self.namespace.name}/{NAME}: {self.namespace.last_status(NAME)}",
            seconds,
        )

    def wait_for_workers(self, count: int, seconds: float = 400) -> list[str]:
        """Wait until exactly so many Pods are asked for and exist, and all of them answer; return their names."""
        [names] = eventually(
            lambda: [found] if (found := self._workers()) is not None and len(found) == count else None,
            f"{count} workers of {self.namespace.name}/{NAME}: {self.namespace.last_status(NAME)}",
            seconds,
        )
        return names

    def _workers(self) -> list[str] | None:
        """Return who answers, None while others are asked for or exist."""
        names, pods = self.namespace.ready_pods_of(NAME), self.namespace.pods_of(NAME)
        return names if len(names) == len(pods) == self.replicas() else None


def stream(client: openai.OpenAI, tokens: int) -> openai.Stream:  # type: ignore[type-arg]
    """Begin a stream of exactly so many tokens."""
    return client.completions.create(
        model=NAME, prompt=STORY, max_tokens=tokens, stream=True, extra_body={"ignore_eos": True}
    )


@dataclass(slots=True)
class Load:
    """What the clients of a load have got so far."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)


@contextlib.contextmanager
def load(client: openai.OpenAI, clients: int, tokens: int = 48) -> Iterator[Load]:
    """Keep so many requests going while the block runs; whoever is answered asks again."""
    seen, ended, lock = Load(), threading.Event(), threading.Lock()

    def ask() -> None:
        while not ended.is_set():
            try:
                client.completions.create(
                    model=NAME, prompt=STORY, max_tokens=tokens, extra_body={"ignore_eos": True}
                )
            except openai.APIError as error:
                with lock:
                    seen.failures.append(str(error))
                ended.wait(1)
            else:
                with lock:
                    seen.answered += 1

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(ask)
        try:
            yield seen
        finally:
            ended.set()


@dataclass(slots=True)
class Sightings:
    """What a watch has printed, each line with the moment at which it was read (`time.monotonic()`)."""

    lines: list[tuple[float, str]] = field(default_factory=list)

    def first(self, pattern: str, after: float) -> float:
        """Return when a line that matches whole was first seen after a moment; fails with all lines if none was."""
        found = [at for at, line in self.lines if at > after and re.fullmatch(pattern, line)]
        assert found, f"no line {pattern!r} after {after:.1f} in {self.lines}"
        return found[0]

    def last_before(self, moment: float) -> str:
        """Return the newest line at a moment."""
        return [line for at, line in self.lines if at <= moment][-1]


@contextlib.contextmanager
def watching(namespace: str, kind: str, jsonpath: str, *selector: str) -> Iterator[Sightings]:
    """Watch objects while the block runs, a line for each change; returns only once the watch has begun."""
    words = [
        KUBECTL,
        "get",
        kind,
        "-n",
        namespace,
        *selector,
        "--watch",
        f"--output=jsonpath={jsonpath}{{'\\n'}}",
    ]
    seen = Sightings()

    def read(output: Any) -> None:
        for line in output:
            seen.lines.append((time.monotonic(), line.rstrip("\n")))

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as watch:
        reader = threading.Thread(target=read, args=[watch.stdout])
        reader.start()
        # What is there already is printed first; of nothing, nothing.
        time.sleep(2)
        try:
            yield seen
        finally:
            watch.terminate()
            reader.join()


def selector_of_workers() -> str:
    """Return the label selector of the pool's Pods."""
    return f"--selector={SERVICE_LABEL}={NAME},{POOL_LABEL}=shared"
