"""Campaigns that draw no places from clean runs: each has trials of its own, and runs them its own way.

Owns which there are. Must not run anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos import election, infra, operations, versions
from chaos.campaigns import CAMPAIGNS
from chaos.runner import Clean, Verdict
from chaos.world import Ground

Names = Sequence[tuple[str, str]]
Runs = Callable[[Ground, Names, Mapping[str, Clean], int, int], Iterator[Verdict]]


@dataclass(frozen=True)
class Part:
    """A campaign: `trials` names them by workloads and seed, `verdicts` runs them by clean runs, jobs and seed.

    `is_compared` tells whether clean runs of workloads are needed.
    """

    words: str
    trials: Callable[[Sequence[str], int], list[tuple[str, str]]]
    verdicts: Runs
    is_compared: bool = True


PARTS: Mapping[str, Part] = {
    "operations": Part(
        operations.WORDS,
        lambda _, seed: operations.trials(seed),
        lambda on, asked, _, jobs, __: operations.verdicts(on, asked, jobs),
        is_compared=False,
    ),
    "election": Part(
        election.WORDS,
        lambda workloads, _: election.trials(workloads),
        election.verdicts,
    ),
    "infra": Part(
        infra.WORDS,
        lambda workloads, _: infra.trials(workloads),
        lambda _, asked, against, jobs, __: infra.verdicts(asked, against, jobs),
    ),
    "versions": Part(
        versions.WORDS,
        lambda _, __: versions.trials(),
        lambda _, asked, *__: versions.verdicts(asked),
        is_compared=False,
    ),
}
WORDS = {
    **{name: one.words for name, one in CAMPAIGNS.items()},
    **{name: one.words for name, one in PARTS.items()},
}
