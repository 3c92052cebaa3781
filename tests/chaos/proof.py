"""Whether the rig is worth anything: bugs are planted into the operator, and the trials must catch them.

Owns which trials a planted bug is given: the same ones for each, drawn by a seed, until one differs from clean runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from chaos.campaigns import trials
from chaos.faults import Plan
from chaos.runner import Clean, Verdict, judged, side_by_side
from chaos.workloads import WORKLOADS as ALL
from chaos.world import Ground, trial

WORKLOADS = ("create", "scale-down", "pool-removed", "replace")
MOST_TRIALS = 16
# A bug may keep the end from ever coming.
PATIENCE_SECONDS = 45.0
_OF = ("kills", "refusals", "unseen")


def drawn(against: Mapping[str, Clean], seed: int, most: int = MOST_TRIALS) -> list[tuple[str, Plan | None]]:
    """Return the trials that every bug is given: workloads without a fault, then faults of each campaign in turn."""
    places = {name: found.places for name, found in against.items()}
    rng = random.Random(seed)
    pools = [rng.sample(every, len(every)) for every in (trials(part, places) for part in _OF)]
    turns = [
        trial for together in zip(*pools, strict=False) for trial in together if "hang" not in str(trial[1])
    ]
    return [(name, None) for name in against] + turns[: most - len(against)]


def prove(
    on: Ground, against: Mapping[str, Clean], bugs: Sequence[str], seed: int, jobs: int
) -> Iterator[Verdict]:
    """Yield for each bug by which trial it was caught; `workload` is the bug's name."""
    asked = drawn({name: found for name, found in against.items() if name in WORKLOADS}, seed)

    def one(bug: str) -> Verdict:
        for name, plan in asked:
            words = f"{name} {plan or 'without a fault'}"
            try:
                wrong = tuple(judged(run := trial(on, ALL[name], plan, bug, PATIENCE_SECONDS), against[name]))
            except AssertionError as error:
                # It never comes to lead.
                return Verdict("planted", bug, words, True, (str(error)[:300],), 0.0, 0)
            if wrong:
                return Verdict("planted", bug, words, run.struck, wrong, run.seconds, run.restarts)
        return Verdict("planted", bug, f"none of {len(asked)}", False, (), 0.0, 0)

    yield from side_by_side(one, bugs, jobs)
