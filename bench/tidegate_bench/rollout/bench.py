"""`python -m tidegate_bench rollout`: streams at a steady pace while a service changes its version; none may break.

Owns the streams, what a right answer is, and what is told. A run says something only if workers that are killed break
streams in it.
"""

import asyncio
import json
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

from tidegate_api.keys import new_key
from tidegate_bench.answers import dechunked
from tidegate_bench.results import Goal, conclude, write
from tidegate_bench.rollout.changes import CARELESS, CHANGES, Change, careless_replacement
from tidegate_bench.rollout.pods import SERVICE
from tidegate_bench.rollout.workers import cluster
from tidegate_bench.sim.load import Wanted, chat_request, send
from tidegate_bench.sim.outcome import Outcome, quantile_ms
from tidegate_bench.sim.profile import Profile
from tidegate_bench.sim.sequence import text
from tidegate_bench.statistics import Figure

REPLICAS: Final = 3
# 20 tokens a second, as a large model has; streams of one second to eleven.
PROFILE: Final = Profile(step_seconds=0.05, answer_tokens=10_000)
TOKENS: Final = (20, 220)
TOKEN: Final = re.compile(rb'"content":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the streams during one change."""

    name: str
    streams: int
    # Cut off, or not what was to come; and not begun at all.
    broken: int
    refused: int
    tokens: int
    first_token_p99_ms: float
    # As the gateway counted the two versions, where there were two.
    versions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """How many streams did not come as they should."""
        return self.broken + self.refused


async def run(
    name: str, change: Change, *, streams: int, seconds: float, profile: Profile = PROFILE
) -> Result:
    """Send so many streams over so many seconds while a change is made, and return what became of them."""
    rng, key = random.Random(1), new_key()  # noqa: S311 - the same lengths each time
    lengths = [rng.randint(*TOKENS) for _ in range(streams)]

    def is_whole(number: int, answer: bytes) -> bool:
        return b"".join(TOKEN.findall(dechunked(answer))) == text(0, lengths[number])

    wanted = [
        Wanted(number * seconds / streams, chat_request(key, _body(number, tokens)), tokens)
        for number, tokens in enumerate(lengths)
    ]
    with tempfile.TemporaryDirectory() as folder:
        async with cluster(Path(folder), key, profile, REPLICAS) as made, asyncio.TaskGroup() as group:
            asked = group.create_task(send(wanted, lambda _: made.port, check=is_whole))
            changed = group.create_task(change(made, seconds))
    return judge(name, asked.result(), changed.result())


def _body(number: int, tokens: int) -> bytes:
    messages = [
        {"role": "system", "content": "You are the assistant of a shop."},
        {"role": "user", "content": f"I am client {number}. What does it cost?"},
    ]
    body = {
        "model": SERVICE,
        "messages": messages,
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return json.dumps(body).encode()


def judge(name: str, outcomes: Sequence[Outcome], versions: Mapping[str, Any]) -> Result:
    """Return what became of these streams."""
    refused = [o for o in outcomes if o.status not in (200, 0)]
    broken = [o for o in outcomes if not o.is_right and o not in refused]
    tokens = sum(o.tokens for o in outcomes if o.is_right)
    return Result(
        name, len(outcomes), len(broken), len(refused), tokens, quantile_ms(outcomes, 0.99), versions
    )


def _show(result: Result) -> None:
    print(
        f"{result.name:<22}{result.streams:>8}{result.broken:>8}{result.refused:>9}{result.tokens:>10}"
        f"{result.first_token_p99_ms:>14.0f}"
    )
    for track in ("stable", "canary"):
        if track in result.versions:
            counted = result.versions[track]
            print(f"    {track}: {counted['requests']} requests, {counted['errors']} of them errors")


def main(streams: int, seconds: float) -> int:
    """Run every change and the careless one; return 0 if all was measured, 1 if the run proves nothing."""
    print(f"{'CHANGE':<22}{'STREAMS':>8}{'BROKEN':>8}{'REFUSED':>9}{'TOKENS':>10}{'TTFT P99 MS':>14}")
    results = []
    for name, change in {**CHANGES, CARELESS: careless_replacement}.items():
        results.append(uvloop.run(run(name, change, streams=streams, seconds=seconds)))
        _show(results[-1])
    *careful, careless = results
    if not careless.lost:
        print("void: killing workers broke nothing, so that nothing broke proves nothing")
        return 1
    goals = [Goal(f"{r.name}: streams lost", Figure(r.lost, r.lost, r.lost), "streams", 0) for r in careful]
    write("rollout", {"results": [_record(result) for result in results]}, goals)
    conclude(goals)
    return 0


def _record(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in Result.__slots__}
