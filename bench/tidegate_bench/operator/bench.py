"""`python -m tidegate_bench operator`: what the operator costs with thousands of LLMServices, on a real control plane.

Owns the sizes and the report. Everything of a size is measured in one run: the way from nothing to Ready beside a
script that writes the same children, calls from the audit log, steady state, changes, memory, a restart.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from tidegate_bench import results
from tidegate_bench.operator import plane
from tidegate_bench.operator.client import AT_ONCE
from tidegate_bench.operator.goals import judged
from tidegate_bench.operator.objects import POOLS
from tidegate_bench.operator.rounds import Times, measure

SIZES: Final = (1000, 5000)


def main(sizes: Sequence[int] = SIZES, steady: float = 300.0, *, with_script: bool = True) -> int:
    """Run the benchmark; return 0 once all was measured."""
    times = Times(steady=steady)
    found = [asyncio.run(measure(size, times, with_script=with_script)) for size in sizes]
    goals = judged(found)
    content = {
        "pools": POOLS,
        "workers_per_pool": 1,
        "nodes": plane.NODES,
        "at_once": AT_ONCE,
        "sizes": [asdict(one) for one in found],
    }
    results.write("operator", content, goals)
    results.conclude(goals)
    return 0
