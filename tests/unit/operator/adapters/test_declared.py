"""What is judged of an adapter without asking a worker: its name, its source, its download."""

from typing import Any

import pytest

from objects import CLAIM, Object, service
from tidegate_api.settings import Settings
from tidegate_operator.adapters.declared import Around, Declared, Place, Volume, declared
from unit.operator.adapters.rig import (
    COMMIT,
    HUB,
    HUB_PATH,
    SETTINGS,
    adapter,
    claim,
    llmmodel,
    with_adapters,
)


def one(
    of: Object,
    *,
    siblings: tuple[Object, ...] = (),
    models: tuple[Object, ...] = (),
    claims: tuple[Object, ...] = (claim(),),
    settings: Settings = SETTINGS,
) -> Declared:
    """Return the first adapter of a service, judged."""
    around = Around(siblings, models, {each["metadata"]["name"]: each for each in claims})
    return declared(of, around, settings)[0]


def older(of: Object) -> Object:
    """Return a service that was there before ours."""
    return {**of, "metadata": {**of["metadata"], "creationTimestamp": "2026-11-01T00:00:00Z"}}


CACHE = Volume("claim", "tidegate-models")
PLACES = [
    pytest.param(adapter(), Place(Volume("claim", CLAIM), "lora/support"), id="a directory of a claim"),
    pytest.param(adapter(uri=f"pvc://{CLAIM}"), Place(Volume("claim", CLAIM), ""), id="a whole claim"),
    pytest.param(adapter(uri=HUB), Place(CACHE, HUB_PATH), id="one of a hub, in the cache"),
    pytest.param(
        adapter(uri="file:///srv/adapters/a/"),
        Place(Volume("host", "/srv/adapters"), "a"),
        id="a directory of the node, on the volume of all that is allowed",
    ),
]


@pytest.mark.parametrize(("entry", "place"), PLACES)
def test_where_it_is(entry: Object, place: Place) -> None:
    found = one(with_adapters(entry), models=(llmmodel(),))
    assert (found.place, found.obstacle) == (place, None)


def test_one_of_a_hub_tells_its_commit() -> None:
    assert one(with_adapters(adapter(uri=HUB)), models=(llmmodel(),)).revision == COMMIT


OBSTACLES: list[Any] = [
    pytest.param(
        one(with_adapters(adapter("chat"))),
        ("Failed", "AdapterNameTaken", "the model itself"),
        id="it is called as its model",
    ),
    pytest.param(
        one(
            with_adapters(adapter("support")),
            siblings=(service("other", model={"uri": "x", "name": "support"}),),
        ),
        ("Failed", "AdapterNameTaken", "the model of LLMService 'other'"),
        id="it is called as another model, however young that is",
    ),
    pytest.param(
        one(with_adapters(adapter()), siblings=(older(with_adapters(adapter(), of="other")),)),
        ("Failed", "AdapterNameTaken", "the older LLMService 'other'"),
        id="it is called as an adapter of an older service",
    ),
    pytest.param(
        one(with_adapters(adapter()), claims=()),
        ("Failed", "AdapterNotFound", "PersistentVolumeClaim 'weights'"),
        id="its claim is not there",
    ),
    pytest.param(
        one(with_adapters(adapter()), claims=(claim(deletionTimestamp="2026-11-21T12:00:00Z"),)),
        ("Failed", "AdapterNotFound", "is being deleted"),
        id="its claim is about to go",
    ),
    pytest.param(
        one(with_adapters(adapter(uri="file:///etc/passwd"))),
        ("Failed", "AdapterFailed", "allowedFilePaths"),
        id="its directory is not allowed",
    ),
    pytest.param(
        one(with_adapters(adapter(uri=HUB))),
        ("Pending", "AdapterPending", "is being made"),
        id="its LLMModel is not there yet",
    ),
    pytest.param(
        one(with_adapters(adapter(uri=HUB)), models=(llmmodel("Downloading", reason="ModelDownloading"),)),
        ("Downloading", "AdapterDownloading", "ModelDownloading!"),
        id="it is on its way",
    ),
    pytest.param(
        one(with_adapters(adapter(uri=HUB)), models=(llmmodel("Failed", reason="ModelNotFound"),)),
        ("Failed", "AdapterNotFound", "ModelNotFound!"),
        id="the hub has none of this name",
    ),
    pytest.param(
        one(with_adapters(adapter(uri=HUB)), models=(llmmodel("Failed", reason="UnsafeFormat"),)),
        ("Failed", "AdapterFailed", "UnsafeFormat!"),
        id="it is a pickle",
    ),
    pytest.param(
        one(
            with_adapters(adapter(uri=HUB)),
            models=({**llmmodel(), "spec": {"uri": HUB}},),
        ),
        ("Pending", "AdapterPending", "is being made"),
        id="what there is of this name is a model",
    ),
    pytest.param(
        one(
            with_adapters(adapter(uri=HUB)),
            settings=Settings.model_validate({"models": {"strategy": "None"}}),
        ),
        ("Failed", "AdapterFailed", "models.strategy"),
        id="there is no cache",
    ),
]


@pytest.mark.parametrize(("found", "expected"), OBSTACLES)
def test_why_it_cannot_be_loaded(found: Declared, expected: tuple[str, str, str]) -> None:
    phase, reason, words = expected
    assert found.place is None
    assert found.obstacle is not None
    assert (found.obstacle.phase, found.obstacle.finding.reason) == (phase, reason)
    assert words in found.obstacle.finding.message
    assert found.name in found.obstacle.finding.message


def test_an_older_service_keeps_the_name_of_its_adapter() -> None:
    mine = older(with_adapters(adapter()))
    assert one(mine, siblings=(with_adapters(adapter(), of="other"),)).obstacle is None


def test_only_a_taken_name_takes_an_adapter_away_from_where_it_is() -> None:
    forbidding = {
        found.values[0].obstacle.finding.reason: found.values[0].obstacle.forbids for found in OBSTACLES
    }
    assert {reason for reason, forbids in forbidding.items() if forbids} == {"AdapterNameTaken"}
