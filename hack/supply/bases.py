"""A release stands on images that cannot change under it: their digests come as the build arguments BASE and CUDA_BASE.

Owns the refusal. Must not ask a registry: whoever releases looks the digests up and says them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from localcluster.paths import CHECKOUT
from localcluster.report import say
from supply import parts

PINNED: Final = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")


def unpinned(named: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Return a sentence for each image of the Dockerfile that is not given by tag and digest."""
    return [
        f"{argument} is {given.get(argument) or 'not set'}: say it with its digest, such as "
        f"{reference}@sha256:DIGEST (docker buildx imagetools inspect {reference})"
        for argument, reference in named.items()
        if not PINNED.fullmatch(given.get(argument, ""))
    ]


def main() -> int:
    """Say which of the environment's BASE and CUDA_BASE are not pinned; 1 if any is not."""
    wrong = unpinned(parts.bases((CHECKOUT / "Dockerfile").read_text()), os.environ)
    for sentence in wrong:
        say(f"error: {sentence}")
    return 1 if wrong else 0
