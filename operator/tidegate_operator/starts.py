"""How far a worker has come that does not answer yet, and whether it will get there without help.

Owns the line between slow and stuck: an engine that loads its model is slow for as long as its own startup probe gives
it. Must not count workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from tidegate_api.names import WORKER_CONTAINER
from tidegate_operator.conditions import pods as of_pod
from tidegate_operator.conditions import workloads
from tidegate_operator.conditions.chain import first
from tidegate_operator.conditions.scene import PoolScene, Scene
from tidegate_operator.facts import Manifest

# A node may still be on its way: autoscalers of nodes need minutes.
_NODE_PATIENCE_SECONDS: Final = 180.0
_TAKES_TIME: Final = frozenset({"Unschedulable", "PodNotStarted"})
# An engine that has answered before answers again soon, or not at all.
_DEAF_SECONDS: Final = 120.0
# As long as our startup probe gives an engine, for what has none.
LONGEST_SECONDS: Final = 1800.0
# The kubelet ends what its startup probe has given up: if it has not by then, it will not.
_KILL_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Usual:
    """How long workers take to start, in seconds: as a rule (None: not known), and when one is late."""

    typical: float | None
    late: float


@dataclass(frozen=True, slots=True)
class Start:
    """A worker on its way: what it waits for in a sentence's words, empty while there is nothing to say."""

    words: str = ""
    is_stuck: bool = False


def look_at(scene: Scene, pool: PoolScene, pod: Manifest, usual: Usual) -> Start:
    """Return how a worker stands that does not answer yet."""
    age = _seconds_since(pod["metadata"].get("creationTimestamp"), scene)
    found = first(workloads.STUCK, replace(scene, pools=(replace(pool, starting=(pod,)),)))
    if found is not None:
        is_early = found.reason in _TAKES_TIME and age < _NODE_PATIENCE_SECONDS
        return Start("" if is_early else found.message, not is_early)
    container = _container((pod.get("status") or {}).get("containerStatuses"))
    running = (container.get("state") or {}).get("running")
    if running is not None and container.get("started"):
        return _deaf(scene, pod)
    if age <= usual.late:
        return Start()
    if running is not None:
        return _loading(pod, _seconds_since(running.get("startedAt"), scene, age), usual)
    return _without_engine(pod, age, usual)


def _deaf(scene: Scene, pod: Manifest) -> Start:
    """Return how one stands whose engine had started and does not answer now."""
    seconds = _seconds_since(of_pod.condition(pod, "Ready").get("lastTransitionTime"), scene)
    if seconds <= _DEAF_SECONDS:
        return Start()
    return Start(
        f"Pod {of_pod.name(pod)!r} has not answered for {seconds:.0f} s, though its engine had started: see its log",
        is_stuck=True,
    )


def _loading(pod: Manifest, seconds: float, usual: Usual) -> Start:
    most = _most_seconds(pod)
    words = f"Pod {of_pod.name(pod)!r} has been loading the model for {seconds:.0f} s; {_rule(usual)}"
    return Start(f"{words}, and its startup probe gives it {most:.0f} s", seconds > most + _KILL_SECONDS)


def _without_engine(pod: Manifest, age: float, usual: Usual) -> Start:
    """Return how one stands whose engine does not run yet, for no reason that anybody has given."""
    name = of_pod.name(pod)
    scheduled = of_pod.condition(pod, "PodScheduled")
    if scheduled.get("status") == "True":
        image = _container((pod.get("status") or {}).get("containerStatuses")).get("image", "")
        words = f"the node of Pod {name!r} has been fetching image {image!r} for {age:.0f} s; {_rule(usual)}"
        return Start(words, age > LONGEST_SECONDS)
    why = scheduled.get("message") or scheduled.get("reason") or "no scheduler has looked at it"
    return Start(f"Pod {name!r} has had no node for {age:.0f} s: {why}", age > _NODE_PATIENCE_SECONDS)


def _rule(usual: Usual) -> str:
    return (
        "how long a start takes is not known yet"
        if usual.typical is None
        else f"a start takes {usual.typical:.0f} s as a rule"
    )


def _most_seconds(pod: Manifest) -> float:
    """Return how long the kubelet lets the engine load."""
    probe = of_pod.engine_spec(pod).get("startupProbe")
    if not probe:
        return LONGEST_SECONDS
    # What the API server fills in where nothing is said.
    tries, period = probe.get("failureThreshold", 3), probe.get("periodSeconds", 10)
    return float(probe.get("initialDelaySeconds", 0) + tries * period)


def _container(listed: Any) -> Mapping[str, Any]:
    return next((one for one in listed or () if one.get("name") == WORKER_CONTAINER), {})


def _seconds_since(moment: str | None, scene: Scene, otherwise: float = 0.0) -> float:
    if not moment:
        return otherwise
    return (scene.observed.now - datetime.fromisoformat(moment)).total_seconds()
