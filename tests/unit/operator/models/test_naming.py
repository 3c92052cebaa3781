"""Which LLMModel an LLMService means, and what one is called that is made for it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objects import Object, service
from tidegate_api.settings import ModelCacheSettings
from tidegate_operator.models.naming import Identity, cache_volume, derived_name, model_of, wanted

TINY = "hf://acme/Tiny-1.5_B"


def model(name: str, uri: str = TINY, revision: str | None = None, **metadata: str) -> Object:
    """Return an LLMModel."""
    own = {"name": name, "namespace": "team-a", "creationTimestamp": "2026-11-21T11:00:00Z"}
    return {"metadata": {**own, **metadata}, "spec": {"uri": uri, "revision": revision}}


@pytest.mark.parametrize(
    ("uri", "revision", "meant"),
    [
        pytest.param(TINY, None, Identity(TINY, "main"), id="a model of the Hub is that of main"),
        pytest.param("ms://a/b", None, Identity("ms://a/b", "master"), id="one of ModelScope that of master"),
        pytest.param(TINY, "v1", Identity(TINY, "v1"), id="a revision is as it is told"),
        pytest.param("pvc://a/b", None, None, id="a volume needs no download"),
        pytest.param("s3://a/b", None, None, id="a bucket needs none"),
        pytest.param("oci://a/b", None, None, id="nor does an image"),
    ],
)
def test_what_is_meant(uri: str, revision: str | None, meant: Identity | None) -> None:
    assert wanted(uri, revision) == meant


@pytest.mark.parametrize(
    ("models", "found"),
    [
        pytest.param([], None, id="none is there"),
        pytest.param([model("a")], "a", id="one is there"),
        pytest.param(
            [model("a", revision="main")], "a", id="the default revision is the same when it is written out"
        ),
        pytest.param([model("a", revision="v1")], None, id="another revision is another model"),
        pytest.param([model("a", uri="hf://acme/other")], None, id="another model"),
        pytest.param([model("a", namespace="team-b")], None, id="one of another namespace"),
        pytest.param(
            [model("a"), model("b", creationTimestamp="2026-11-21T10:00:00Z")], "b", id="the oldest of two"
        ),
        pytest.param([model("b"), model("a")], "a", id="of two of one second the first by name"),
        pytest.param([model("a", deletionTimestamp="2026-11-21T12:00:00Z")], None, id="one that goes"),
    ],
)
def test_which_one_a_service_uses(models: list[Object], found: str | None) -> None:
    used = model_of(service(model={"uri": TINY}), models)
    assert (used and used["metadata"]["name"]) == found


def test_a_service_of_a_volume_uses_none() -> None:
    assert model_of(service(), [model("a")]) is None


def test_a_name_can_be_read_and_is_told_apart_by_its_end() -> None:
    name = derived_name(Identity(TINY, "main"))
    assert name.startswith("hf-acme-tiny-1-5-b-")
    assert name != derived_name(Identity(TINY, "v1"))
    assert name != derived_name(Identity(TINY.lower(), "main"))


@given(
    st.from_regex(
        r"(hf|ms)://[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}", fullmatch=True
    )
)
def test_every_name_is_one_that_the_api_server_takes(uri: str) -> None:
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?", derived_name(Identity(uri, "main")))


def test_the_cache_is_a_claim_of_the_namespace_or_a_directory_for_it() -> None:
    claim = cache_volume(ModelCacheSettings(), "team-a")
    assert claim
    assert (claim.claim, claim.source) == (
        "tidegate-models",
        {"persistentVolumeClaim": {"claimName": "tidegate-models"}},
    )
    directory = cache_volume(ModelCacheSettings(strategy="HostPath", host_path="/srv/models"), "team-a")
    assert directory
    assert (directory.claim, directory.source) == (None, {"hostPath": {"path": "/srv/models/team-a"}})
    assert cache_volume(ModelCacheSettings(strategy="None"), "team-a") is None


def test_a_directory_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match=r"models\.hostPath"):
        ModelCacheSettings(strategy="HostPath")
