"""Objects of one's own in the release: filled in like a template, labelled like the rest, refused by their place."""

from collections.abc import Callable

import pytest

from chart.rendering import CHART, NAMESPACE, RELEASE, HelmRefused, Object, Rendered, helm


def test_their_texts_are_templates(chart: Callable[[str], Rendered]) -> None:
    made = chart("objects of one's own").one("ConfigMap", "-ca")
    assert made["metadata"]["name"] == f"{RELEASE}-ca"
    assert made["data"] == {"where": f"http://tidegate-gateway.{NAMESPACE}.svc"}


def test_they_have_the_labels_of_the_release_and_keep_their_own(chart: Callable[[str], Rendered]) -> None:
    labels = chart("objects of one's own").one("ConfigMap", "-ca")["metadata"]["labels"]
    assert labels["team"] == "ml"
    assert labels["app.kubernetes.io/version"] == "7"


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "ConfigMap", "metadata": {"name": "x"}},
        {"apiVersion": "v1", "metadata": {"name": "x"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {}},
    ],
    ids=str,
)
def test_one_that_is_no_object_is_refused_with_what_it_is(given: Object) -> None:
    with pytest.raises(HelmRefused, match=r"extraObjects: each needs apiVersion, kind and metadata\.name"):
        helm("template", RELEASE, str(CHART), values={"extraObjects": [given]})
