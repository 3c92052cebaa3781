"""A release is refused where an image that ours stand on could change, or its tag is another version's."""

import pytest

from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT
from supply import parts
from supply.release import check, mistagged, pulled_from, unpinned

NAMED = {
    "BASE": "docker.io/library/python:3.11-slim-bookworm",
    "CUDA_BASE": "docker.io/vllm/vllm-openai:v0.32.0",
}
DIGEST = "@sha256:" + "0a" * 32
PINNED = {name: reference + DIGEST for name, reference in NAMED.items()}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        pytest.param(PINNED, [], id="both by tag and digest"),
        pytest.param({**PINNED, "BASE": NAMED["BASE"]}, ["BASE"], id="a tag alone"),
        pytest.param(
            {**PINNED, "BASE": "python" + DIGEST}, ["BASE"], id="a digest without the tag it came from"
        ),
        pytest.param(
            {**PINNED, "CUDA_BASE": NAMED["CUDA_BASE"] + DIGEST[:-1]}, ["CUDA_BASE"], id="a short digest"
        ),
        pytest.param({"BASE": PINNED["BASE"]}, ["CUDA_BASE"], id="one is missing"),
        pytest.param({}, ["BASE", "CUDA_BASE"], id="none is given"),
        pytest.param({**PINNED, "BASE": PINNED["BASE"] + "\nx"}, ["BASE"], id="more than a reference"),
    ],
)
def test_what_is_refused(given: dict[str, str], wrong: list[str]) -> None:
    assert [sentence.split()[0] for sentence in unpinned(NAMED, given)] == wrong


def test_the_dockerfile_names_these_and_each_by_a_tag() -> None:
    found = parts.bases((CHECKOUT / "Dockerfile").read_text())
    assert found == NAMED


def test_what_is_pinned_is_what_the_lists_of_parts_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASE", raising=False)
    assert parts.base("BASE") == NAMED["BASE"]
    monkeypatch.setenv("BASE", PINNED["BASE"])
    assert parts.base("BASE") == PINNED["BASE"]


@pytest.mark.parametrize(("tag", "wrong"), [("v0.1.0", 0), ("0.1.0", 1), ("v0.1.1", 1), ("", 1)])
def test_a_tag_is_the_version_it_says(tag: str, wrong: int) -> None:
    assert len(mistagged(tag, "0.1.0")) == wrong


def test_all_of_it_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, reference in PINNED.items():
        monkeypatch.setenv(name, reference)
    monkeypatch.setenv("TAG", f"v{parts.version()}")
    assert check() == 0
    monkeypatch.setenv("TAG", "v9")
    assert check() == 1


def test_a_released_chart_pulls_from_where_its_images_were_pushed() -> None:
    values = (CHECKOUT / "charts" / "tidegate" / "values.yaml").read_text()
    changed = pulled_from("ghcr.io/acme", values)
    different = [(a, b) for a, b in zip(values.splitlines(), changed.splitlines(), strict=True) if a != b]
    assert different == [("  registry: ''", "  registry: 'ghcr.io/acme'")]


@pytest.mark.parametrize("registry", ["ghcr.io/a\nx: y", "'", "{{ x }}", "GHCR.io/Acme"])
def test_what_is_no_registry_is_refused(registry: str) -> None:
    with pytest.raises(ClusterError, match="REGISTRY"):
        pulled_from(registry, "")
