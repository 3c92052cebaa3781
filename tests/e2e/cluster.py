"""The cluster under test, through kubectl and whatever kubeconfig is in the environment.

Owns the calls and the waiting; every wait has a deadline and, when it passes, says what was last seen.
"""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")
KUBECTL = os.environ.get("TIDEGATE_KUBECTL", "kubectl")


class Refused(AssertionError):
    """kubectl ended with an error; the text is what it said."""


def kubectl(*words: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl and return what it printed; raises Refused with what it said instead."""
    done = subprocess.run(
        [KUBECTL, *words], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode != 0:
        raise Refused(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def eventually(check: Callable[[], T | None], what: str, seconds: float = 180, every: float = 0.5) -> T:
    """Return the first true value of `check`; fails with `what` and the last value when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = check()
            if last:
                return last
        except Refused as refused:
            last = refused
        time.sleep(every)
    raise AssertionError(f"not within {seconds:.0f} s: {what}; last seen: {last}")


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace, and what tests do in it."""

    name: str

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Apply manifests, given as plain dicts."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        kubectl("apply", "-n", self.name, "-f", "-", stdin=json.dumps(items))

    def get(self, kind: str, name: str) -> Json:
        """Return one object."""
        found: Json = json.loads(kubectl("get", "-n", self.name, kind, name, "-o", "json"))
        return found

    def pods_of(self, service: str) -> list[Json]:
        """Return the workers of a service that are not going away."""
        listed = kubectl(
            "get", "pods", "-n", self.name, "-l", f"serving.tidegate.dev/service={service}", "-o", "json"
        )
        return [pod for pod in json.loads(listed)["items"] if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods_of(self, service: str) -> list[str]:
        """Return the names of the workers that answer."""
        return [pod["metadata"]["name"] for pod in self.pods_of(service) if holds(pod, "Ready")]

    def condition(self, service: str, kind: str) -> Json:
        """Return one condition of an LLMService, empty while it is not there."""
        conditions = self.get("llmservice", service).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {})

    def wait_for_reason(self, service: str, kind: str, reason: str, seconds: float = 180) -> Json:
        """Wait until a condition of an LLMService has the reason, and return the condition."""
        return eventually(
            lambda: found if (found := self.condition(service, kind)).get("reason") == reason else None,
            f"{kind} of {self.name}/{service} with reason {reason}: {self.last_status(service)}",
            seconds,
        )

    def wait_for_ready(self, service: str, workers: int, seconds: float = 400) -> list[str]:
        """Wait until so many workers answer, no more and no fewer, and return their names."""
        return eventually(
            lambda: names if len(names := self.ready_pods_of(service)) == workers else None,
            f"{workers} ready workers of {self.name}/{service}",
            seconds,
        )

    def last_status(self, service: str) -> str:
        """Return the status as text, for a failure's message."""
        with contextlib.suppress(Refused):
            return json.dumps(self.get("llmservice", service).get("status"))
        return "none"


def holds(thing: Json, kind: str) -> bool:
    """Tell whether a condition of an object is True."""
    conditions = thing.get("status", {}).get("conditions", [])
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


@contextlib.contextmanager
def port_forward(namespace: str, target: str, port: int) -> Iterator[str]:
    """Yield `http://127.0.0.1:PORT`, forwarded to a port of a Service or Pod while the block runs."""
    words = [KUBECTL, "port-forward", "-n", namespace, target, f":{port}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as forward:
        try:
            assert forward.stdout is not None
            line = forward.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, f"kubectl port-forward said {line!r}"
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            forward.terminate()
