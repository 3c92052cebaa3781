"""A worker that does not answer yet: on its way, late, or stuck; and what is said of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from objects import NOW, Object, crash_loop, manifest, observed, pod, service, waiting
from tidegate_api.settings import Settings
from tidegate_operator.conditions.record import rfc3339
from tidegate_operator.conditions.scene import look
from tidegate_operator.starts import Start, Usual, look_at

SERVICE = service(scaling={"maxReplicas": 8})
USUAL = Usual(62.0, 200.0)
LOADS = {"startupProbe": {"periodSeconds": 5, "failureThreshold": 360}}


def ago(seconds: float) -> str:
    return rfc3339(NOW - timedelta(seconds=seconds))


def running(seconds: float, **more: Any) -> Object:
    """Return a container that was started so long ago."""
    return {"state": {"running": {"startedAt": ago(seconds)}}, **more}


def says(kind: str, status: str, **more: Any) -> Object:
    return {"type": kind, "status": status, **more}


def start(
    seconds: float,
    main: Object,
    *conditions: Object,
    unready: float = 0.0,
    usual: Usual = USUAL,
    probe: Object = LOADS,
) -> Start:
    """Look at a worker that was made so long ago, and was ready until so long ago if it ever was."""
    made = pod("w", created=ago(seconds), main=main, conditions=conditions)
    made["status"]["conditions"][0]["lastTransitionTime"] = ago(unready or seconds)
    made["spec"] = {"containers": [{"name": "main", **probe}]}
    facts = observed(SERVICE, pods=[made], children=[manifest("Deployment", SERVICE)])
    scene = look(facts, None, None, Settings())
    return look_at(scene, scene.pools[0], made, usual)


NODE = says("PodScheduled", "True")
NO_NODE = says("PodScheduled", "False", reason="Unschedulable", message="0/3 nodes have a free GPU")
GATED = says("PodScheduled", "False", reason="SchedulingGated", message="a gate is not open")
CREATING = waiting("ContainerCreating")
UP = {"started": True}

CASES: list[Any] = [
    pytest.param(start(190, running(180)), "", False, id="it loads, and not for longer than others"),
    pytest.param(start(190, CREATING, NODE), "", False, id="its node is about it"),
    pytest.param(start(170, CREATING, NO_NODE), "", False, id="a node may be on its way"),
    pytest.param(start(4000, running(3900, **UP), NODE, unready=90), "", False, id="it was ready just now"),
    pytest.param(
        start(400, running(340), NODE),
        "Pod 'w' has been loading the model for 340 s; a start takes 62 s as a rule, and its startup probe gives it "
        "1800 s",
        False,
        id="it loads for longer than others, and may",
    ),
    pytest.param(
        start(400, running(340), NODE, probe={}),
        "gives it 1800 s",
        False,
        id="it loads, and nobody would end that",
    ),
    pytest.param(
        start(400, running(340), probe={"startupProbe": {"initialDelaySeconds": 20}}),
        "gives it 50 s",
        True,
        id="it loads for longer than its own startup probe gives it, with Kubernetes' defaults",
    ),
    pytest.param(start(1900, running(1870)), "for 1870 s", True, id="it has loaded for too long"),
    pytest.param(
        start(1900, running(1870), usual=Usual(None, 1800)),
        "how long a start takes is not known yet",
        True,
        id="it has loaded for too long, and is the first",
    ),
    pytest.param(
        start(400, CREATING, NODE),
        "the node of Pod 'w' has been fetching image 'tidegate/worker-cpu:0.1.0' for 400 s; a start takes 62 s",
        False,
        id="its image takes long",
    ),
    pytest.param(start(1900, CREATING, NODE), "has been fetching image", True, id="its image does not come"),
    pytest.param(start(190, CREATING, NO_NODE), "0/3 nodes have a free GPU", True, id="no node comes"),
    pytest.param(start(210, CREATING, GATED), "for 210 s: a gate is not open", True, id="its gate is shut"),
    pytest.param(start(210, CREATING), "no scheduler has looked at it", True, id="there is no scheduler"),
    pytest.param(
        start(5, waiting("ImagePullBackOff"), NODE), "cannot be pulled", True, id="its image cannot be had"
    ),
    pytest.param(
        start(5, crash_loop(1, "no such file"), NODE),
        "no such file",
        True,
        id="its engine ends with an error",
    ),
    pytest.param(
        start(4000, running(3900, **UP), NODE, unready=150),
        "has not answered for 150 s, though its engine had started",
        True,
        id="it was ready, and does not answer any more",
    ),
]


@pytest.mark.parametrize(("found", "words", "is_stuck"), CASES)
def test_how_a_worker_stands_that_does_not_answer_yet(found: Start, words: str, is_stuck: bool) -> None:
    assert words in found.words
    assert bool(words) == bool(found.words)
    assert found.is_stuck == is_stuck
