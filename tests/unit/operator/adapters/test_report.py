"""What `status.adapters`, AdaptersReady, Degraded and events say."""

from dataclasses import replace
from typing import Any

import pytest

from objects import CLAIM, Object, condition, deployment, observed, status
from tidegate_api.v1alpha1 import LLMServiceStatus
from tidegate_operator.adapters.state import Refusal, WorkerAdapters
from tidegate_operator.facts import Observed
from tidegate_operator.status import transitions
from unit.operator.adapters.rig import HUB, adapter, claim, llmmodel, with_adapters, worker

SUPPORT = "/models/lora/support"
HAS = WorkerAdapters({"support": SUPPORT}, {})
LACKS = WorkerAdapters({}, {})
REFUSES = WorkerAdapters(
    {}, {"support": Refusal(SUPPORT, "AdapterIncompatible", "rank 64 is greater than 16")}
)


def facts(
    *known: WorkerAdapters | None,
    of: Object | None = None,
    models: tuple[Object, ...] = (),
    before: Object | None = None,
    pods: tuple[Object, ...] | None = None,
) -> Observed:
    """Return facts with a worker for each; None is one that was not asked yet."""
    service = {**(of or with_adapters(adapter())), **({"status": before} if before else {})}
    there = pods if pods is not None else tuple(worker(number + 1) for number in range(len(known)))
    told = {f"uid-chat-{number + 1}": one for number, one in enumerate(known) if one is not None}
    seen = observed(service, pods=there, children=[deployment(service)])
    return replace(seen, models=models, claims={CLAIM: claim()}, adapters=told)


ENTRIES = [
    pytest.param(facts(HAS, HAS), ("Ready", "2/2", ""), id="all workers have it"),
    pytest.param(facts(HAS, LACKS), ("Loading", "1/2", "1 of 2"), id="one is still to get it"),
    pytest.param(facts(HAS, REFUSES), ("Failed", "1/2", "rank 64 is greater"), id="one refuses it"),
    pytest.param(facts(), ("Pending", "0/0", "no worker answers"), id="nobody answers"),
    pytest.param(
        facts(WorkerAdapters({}, {}, "no answer in time")),
        ("Loading", "0/1", "no answer in time"),
        id="a worker cannot be asked",
    ),
    pytest.param(
        facts(LACKS, pods=(worker(lora=False),)),
        ("Loading", "0/1", "of a version before it"),
        id="a worker of a version without adapters will be replaced",
    ),
    pytest.param(
        facts(HAS, of=with_adapters(adapter(uri=f"pvc://{CLAIM}/lora/v2"))),
        ("Loading", "0/1", ""),
        id="it has the one before it",
    ),
    pytest.param(
        facts(HAS, of=with_adapters(adapter(uri=HUB)), models=(llmmodel("Downloading"),)),
        ("Downloading", "1/1", "ModelCached!"),
        id="its files come again, while workers have it",
    ),
    pytest.param(
        facts(HAS, of=with_adapters(adapter("chat"))),
        ("Failed", "0/1", "the model itself"),
        id="its name is taken",
    ),
]


@pytest.mark.parametrize(("seen", "expected"), ENTRIES)
def test_an_adapter_in_the_status(seen: Observed, expected: tuple[str, str, str]) -> None:
    found = status(seen)
    (entry,) = found["adapters"]
    assert (entry["phase"], entry["loaded"]) == expected[:2]
    assert expected[2] in entry.get("message", "")
    assert ("message" in entry) == (entry["phase"] != "Ready")
    LLMServiceStatus.model_validate(found)


def test_a_worker_says_itself_why_it_lacks_one() -> None:
    (entry,) = status(facts(HAS, REFUSES))["adapters"]
    assert entry["pods"] == [
        {"name": "chat-shared-1", "state": "Loaded"},
        {"name": "chat-shared-2", "state": "Failed", "message": "rank 64 is greater than 16"},
    ]


def test_one_that_cannot_be_replaced_goes_on_in_its_old_revision_and_says_so() -> None:
    new = "/models/lora/v2"
    stuck = WorkerAdapters({"support": SUPPORT}, {"support": Refusal(new, "AdapterFailed", "too large")})
    (entry,) = status(facts(stuck, of=with_adapters(adapter(uri=f"pvc://{CLAIM}/lora/v2"))))["adapters"]
    assert entry["pods"][0]["message"] == "too large; the one before it goes on answering"


def test_of_many_workers_those_that_lack_it_are_told_of() -> None:
    found = status(facts(*[HAS] * 20, LACKS))["adapters"][0]
    assert found["loaded"] == "20/21"
    assert len(found["pods"]) == 16
    assert [one["state"] for one in found["pods"] if one["name"] == "chat-shared-21"] == ["Loading"]


def test_what_was_known_before_the_operator_started_is_not_forgotten_until_it_has_asked() -> None:
    before = status(facts(HAS))
    assert status(facts(None, before=before))["adapters"] == before["adapters"]


def test_a_service_without_adapters_says_nothing_of_them() -> None:
    found = status(observed())
    assert "adapters" not in found
    assert all(one["type"] != "AdaptersReady" for one in found["conditions"])


CONDITIONS = [
    pytest.param(facts(HAS), ("True", "AdaptersLoaded"), ("False", "Serving"), id="all is well"),
    pytest.param(
        facts(LACKS), ("False", "AdapterLoading"), ("False", "Serving"), id="on its way is no degradation"
    ),
    pytest.param(
        facts(REFUSES),
        ("False", "AdapterIncompatible"),
        ("True", "AdapterIncompatible"),
        id="one that failed is one",
    ),
]


@pytest.mark.parametrize(("seen", "ready", "degraded"), CONDITIONS)
def test_conditions(seen: Observed, ready: tuple[str, str], degraded: tuple[str, str]) -> None:
    found = status(seen)
    for kind, expected in (("AdaptersReady", ready), ("Degraded", degraded)):
        said = condition(found, kind)
        assert (said["status"], said["reason"]) == expected
    assert condition(found, "Ready")["status"] == "True"


def test_a_failure_comes_before_what_is_on_its_way_and_counts_the_rest() -> None:
    entries = (adapter("a", HUB), adapter(), adapter("b", HUB))
    found = status(facts(REFUSES, of=with_adapters(*entries), models=(llmmodel("Downloading"),)))
    message = condition(found, "AdaptersReady")["message"]
    assert message.startswith("adapter 'support' on Pod 'chat-shared-1'")
    assert message.endswith("(and 2 more)")


EVENTS: list[Any] = [
    pytest.param(facts(LACKS), facts(HAS), [("Normal", "AdapterLoaded")], id="it came"),
    pytest.param(
        facts(LACKS),
        facts(REFUSES),
        [("Warning", "AdapterIncompatible"), ("Warning", "AdapterFailed")],
        id="it failed",
    ),
    pytest.param(facts(LACKS, LACKS), facts(HAS, LACKS), [("Normal", "AdapterLoaded")], id="one has it"),
    pytest.param(facts(HAS, LACKS), facts(HAS, HAS), [], id="another worker has it too"),
    pytest.param(facts(HAS), facts(HAS, LACKS), [], id="a worker is added"),
    pytest.param(
        facts(REFUSES), facts(HAS), [("Normal", "Serving"), ("Normal", "AdapterLoaded")], id="it was mended"
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), EVENTS)
def test_what_is_worth_an_event(old: Observed, new: Observed, expected: list[tuple[str, str]]) -> None:
    said = transitions(status(old), status(new))
    assert [(one.type, one.reason) for one in said] == expected
