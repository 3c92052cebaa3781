"""Bringing in, pausing and removing models, loading services: what is written, and what is refused and why."""

from collections.abc import Callable
from typing import Any

import pytest
from urllib3.exceptions import MaxRetryError

from tidegate_models import (
    Cluster,
    ClusterDown,
    Denied,
    InUse,
    Invalid,
    Missing,
    load,
    models,
    pause,
    pull,
    remove,
    resume,
    unload,
)
from unit.cli.modelcluster import URI, Objects, model, refusal, service

DERIVED = "hf-org-name-"


def test_a_model_that_is_not_there_is_asked_for() -> None:
    objects = Objects(model("other", uri="hf://Org/Other"))
    pulled = pull(objects.cluster(), URI, "v1", "hub/read")
    assert pulled.changed
    assert pulled.name.startswith(DERIVED)
    assert objects.writes == [
        (
            "create",
            pulled.name,
            {"uri": URI, "revision": "v1", "tokenSecretRef": {"name": "hub", "key": "read"}},
        )
    ]


@pytest.mark.parametrize(
    ("found", "token", "written"),
    [
        pytest.param(model("mine"), None, [], id="nothing, where it is there or on its way"),
        pytest.param(model("mine", revision="main"), None, [], id="nothing, where its branch is spelled out"),
        pytest.param(
            model("mine", suspend=True),
            None,
            [("patch", "mine", {"spec": {"suspend": False}})],
            id="that a paused one goes on",
        ),
        pytest.param(
            model("mine", tokenSecretRef={"name": "old", "key": "token"}),
            "new",
            [("patch", "mine", {"spec": {"tokenSecretRef": {"name": "new", "key": "token"}}})],
            id="another token",
        ),
        pytest.param(
            model("mine", tokenSecretRef={"name": "old", "key": "token"}),
            None,
            [],
            id="no token where none is given: the old one stays",
        ),
    ],
)
def test_asking_again_writes_only_what_is_new(found: Any, token: str | None, written: list[Any]) -> None:
    objects = Objects(found)
    pulled = pull(objects.cluster(), URI, None, token)
    assert (pulled.name, pulled.changed) == ("mine", bool(written))
    assert objects.writes == written


def test_who_comes_second_gets_the_one_that_is_there() -> None:
    objects = Objects()
    name = pull(objects.cluster(), URI).name
    raced = Objects(model(name))
    raced.list_namespaced_custom_object = lambda *_, **__: {"items": []}  # type: ignore[method-assign]
    raced.refused["llmmodels create"] = refusal(409)
    assert pull(raced.cluster(), URI).name == name
    taken = Objects(model(name, uri="hf://Org/Other"))
    taken.refused = raced.refused
    with pytest.raises(Invalid, match="is taken by hf://Org/Other"):
        pull(taken.cluster(), URI)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("Org/Name",), r"names no model of a hub \(URI\): write hf://ORG/NAME", id="no scheme"),
        pytest.param(("pvc://claim/m",), "names no model of a hub", id="a volume"),
        pytest.param(("hf://a/../b",), "names no model of a hub", id="a way out"),
        pytest.param(("hf://Org/Name@main",), "names no model of a hub", id="a revision in the URI"),
        pytest.param((URI, "--x"), "'--x' is no revision", id="a flag as revision"),
        pytest.param(
            (URI, None, "hf_SeCrEt"), r"no name of a Secret \(token Secret\): write NAME", id="a token"
        ),
    ],
)
def test_what_makes_no_sense_is_not_asked_for(words: tuple[str], says: str) -> None:
    objects = Objects()
    with pytest.raises(Invalid, match=says) as raised:
        pull(objects.cluster(), *words)
    assert objects.writes == []
    assert "SeCrEt" not in str(raised.value)


def test_what_nobody_uses_is_removed_by_name_or_source() -> None:
    for word in ("m", URI):
        objects = Objects(model(), service(uri="hf://Org/Other"))
        assert remove(objects.cluster(), word) == "m"
        assert objects.writes == [("delete", "m", None)]


def test_what_somebody_uses_is_not_removed_and_they_are_named() -> None:
    objects = Objects(model(), service("chat"), service("assistant", suspend=True))
    with pytest.raises(
        InUse, match=r"hf://Org/Name is not removed: it is used by assistant, chat \(namespace team-a\)"
    ) as raised:
        remove(objects.cluster(), "m")
    assert raised.value.users == ("assistant", "chat")
    assert objects.writes == []


def test_who_may_not_see_services_is_told_what_the_operator_knows() -> None:
    objects = Objects(model(status={"usedBy": ["chat"]}))
    objects.refused["llmservices list"] = refusal(403)
    with pytest.raises(InUse, match="used by chat"):
        remove(objects.cluster(), "m")


def test_one_that_is_gone_meanwhile_is_removed() -> None:
    objects = Objects(model())
    objects.refused["llmmodels delete"] = refusal(404)
    assert remove(objects.cluster(), "m") == "m"


@pytest.mark.parametrize(
    ("word", "revision", "error", "says"),
    [
        pytest.param(
            "x", None, Missing, r"no model 'x' \(namespace team-a\): `tidegate models list`", id="no name"
        ),
        pytest.param("hf://Org/X", None, Missing, "no model 'hf://Org/X'", id="no source"),
        pytest.param(URI, "v3", Missing, "no model", id="no such revision of it"),
        pytest.param(
            URI, None, Invalid, "is more than one LLMModel .*: name one of one, two", id="two of one source"
        ),
    ],
)
def test_a_model_must_be_told_apart(
    word: str, revision: str | None, error: type[Exception], says: str
) -> None:
    objects = Objects(model("one", revision="v1"), model("two", revision="v2"))
    with pytest.raises(error, match=says):
        remove(objects.cluster(), word, revision)


def test_a_revision_tells_two_of_one_source_apart() -> None:
    assert (
        remove(Objects(model("one", revision="v1"), model("two", revision="v2")).cluster(), URI, "v2")
        == "two"
    )


Switch = Callable[[Cluster, str], Any]


@pytest.mark.parametrize(
    ("switch", "name", "found", "written"),
    [
        pytest.param(pause, "m", model(), True, id="pause one that comes"),
        pytest.param(pause, "m", model(suspend=True), None, id="pause one that is paused"),
        pytest.param(resume, "m", model(suspend=True), False, id="resume one that is paused"),
        pytest.param(resume, URI, model(), None, id="resume one that comes"),
        pytest.param(unload, "chat", service(), True, id="unload one that serves"),
        pytest.param(unload, "chat", service(suspend=True), None, id="unload one that is unloaded"),
        pytest.param(load, "chat", service(suspend=True), False, id="load one that is unloaded"),
        pytest.param(load, "chat", service(), None, id="load one that serves"),
    ],
)
def test_a_switch_is_written_once(switch: Switch, name: str, found: Any, written: bool | None) -> None:
    objects = Objects(found)
    done = switch(objects.cluster(), name)
    assert done.changed == (written is not None)
    wanted = [] if written is None else [("patch", found["metadata"]["name"], {"spec": {"suspend": written}})]
    assert objects.writes == wanted


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        pytest.param(
            refusal(403, "jane may not"), Denied, r"\(403 Reason\): jane may not .*role `edit`", id="no right"
        ),
        pytest.param(
            refusal(422, "spec.uri: bad"), Denied, r"422 Reason\): spec.uri: bad", id="a refused value"
        ),
        pytest.param(
            refusal(404, "404 page not found"), Missing, "does not know LLMModel", id="no such resource"
        ),
        pytest.param(MaxRetryError(None, "/", None), ClusterDown, "did not answer", id="no API server"),  # type: ignore[arg-type]
        pytest.param(
            TimeoutError("slow"), ClusterDown, r"slow \(namespace team-a\): is the cluster up", id="no answer"
        ),
    ],
)
def test_what_the_api_server_says_is_one_sentence(
    answer: Exception, error: type[Exception], says: str
) -> None:
    objects = Objects()
    objects.refused["llmmodels list"] = answer
    with pytest.raises(error, match=says):
        models(objects.cluster())


def test_a_service_that_is_not_there_is_named() -> None:
    with pytest.raises(Missing, match=r"there is no LLMService 'chta' \(namespace team-a\)"):
        load(Objects().cluster(), "chta")
