"""What a release is refused for: a base that can change under it, a tag that is not its version. And its chart.

Owns the refusal, and the one change that a released chart has: where its images are. Must not ask a registry: whoever
releases looks the digests up and says them as BASE and CUDA_BASE, which the images are built with as well.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from localcluster import tools
from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT
from localcluster.report import say
from localcluster.shell import run
from supply import parts

PINNED: Final = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")
CHART: Final = CHECKOUT / "charts" / "tidegate"
PACKAGES: Final = CHECKOUT / "dist" / "chart"


def unpinned(named: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Return a sentence for each image of the Dockerfile that is not given by tag and digest."""
    return [
        f"{argument} is {given.get(argument) or 'not set'}: say it with its digest, such as "
        f"{reference}@sha256:DIGEST (docker buildx imagetools inspect {reference})"
        for argument, reference in named.items()
        if not PINNED.fullmatch(given.get(argument, ""))
    ]


def mistagged(tag: str, version: str) -> list[str]:
    """Return a sentence if a release's tag is not `v` and the version of what is released."""
    return (
        []
        if tag == f"v{version}"
        else [f"TAG is {tag or 'not set'}, and pyproject.toml has the version {version}"]
    )


def check() -> int:
    """Say what of the environment's TAG, BASE and CUDA_BASE does not do for a release; 1 if anything does not."""
    named = parts.bases((CHECKOUT / "Dockerfile").read_text())
    wrong = [*mistagged(os.environ.get("TAG", ""), parts.version()), *unpinned(named, os.environ)]
    for sentence in wrong:
        say(f"error: {sentence}")
    return 1 if wrong else 0


def package() -> int:
    """Package the chart into dist/chart, with REGISTRY put before its images where that is set."""
    say(str(packaged(PACKAGES, os.environ.get("REGISTRY", ""))))
    return 0


def packaged(folder: Path, registry: str) -> Path:
    """Package the chart into a folder; return the file. Its defaults pull from a registry, if one is said."""
    with tempfile.TemporaryDirectory() as scratch:
        chart = Path(shutil.copytree(CHART, Path(scratch) / "tidegate"))
        if registry:
            values = chart / "values.yaml"
            values.write_text(pulled_from(registry, values.read_text()))
        said = run([str(tools.tool("helm")), "package", str(chart), "--destination", str(folder)])
    return Path(said.strip().rpartition(": ")[2])


def pulled_from(registry: str, values: str) -> str:
    """Return the text of the chart's values with a registry before its images."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.:/_-]*", registry):
        raise ClusterError(f"REGISTRY is {registry!r}", "say one such as ghcr.io/acme")
    text, count = re.subn(
        r"^(images:\n(?:  #.*\n)*  registry: )''$", rf"\g<1>'{registry}'", values, flags=re.M
    )
    if count != 1:
        raise ClusterError("charts/tidegate/values.yaml has no empty images.registry")
    return text
