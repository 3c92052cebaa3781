"""KEDA's manifests as they lie in its module: what of them becomes ours, and that nothing else passes for them."""

import pytest

from demo import keda
from localcluster.errors import ClusterError

REFS = {name: f"localhost/tidegate-{program}:abc" for name, program in keda.PROGRAMS.items()}
MANIFESTS = """
      - args:
        - --enable-cert-rotation=true
        command:
        - /keda
        image: ghcr.io/kedacore/keda:main
        imagePullPolicy: Always
---
        command:
        - /keda-adapter
        image: ghcr.io/kedacore/keda-metrics-apiserver:main
        imagePullPolicy: Always
"""


def test_each_program_runs_from_the_image_that_was_built() -> None:
    assert (
        keda.ours(MANIFESTS, REFS)
        == """
      - args:
        - --enable-cert-rotation=true
        - --enable-webhook-patching=false
        command:
        - /keda-operator
        image: localhost/tidegate-keda-operator:abc
        imagePullPolicy: Never
---
        command:
        - /keda-adapter
        image: localhost/tidegate-keda-adapter:abc
        imagePullPolicy: Never
"""
    )


@pytest.mark.parametrize("gone", ["keda:main", "--enable-cert-rotation=true", "- /keda\n"])
def test_manifests_of_another_version_are_refused_instead_of_half_changed(gone: str) -> None:
    with pytest.raises(ClusterError, match="another version"):
        keda.ours(MANIFESTS.replace(gone, "else\n"), REFS)
