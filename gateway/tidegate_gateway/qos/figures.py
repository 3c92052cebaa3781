"""What can be seen of one service's queues and credits.

Owns the records for metrics and status, and how they are summed up. Must not change anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate_api.names import QosClass
from tidegate_gateway.qos.lanes import Lane
from tidegate_gateway.qos.pools import Pool


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class in one pool."""

    name: QosClass
    # Requests that wait here, and that are with a worker of this pool.
    queued: int
    running: int
    # Share of the tokens that the pool admitted in the last minute, 0 to 1; None if it admitted none.
    share: float | None
    # Counts since the gateway started. Admitted ones include retries and second turns.
    admitted_requests: int
    admitted_tokens: int
    # Of these, requests of a class that is at home elsewhere.
    spilled: int
    preempted: int
    # Counted where the class is at home.
    expired: int
    overloaded: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What the classes that are at home in one pool have asked, wherever they were served.

    Counts are since the gateway started, and include those who were refused for lack of room or are held; the last two
    are of those who wait now. The tokens of answers to come are expected, not known.
    """

    arrived_requests: int = 0
    arrived_prompt_tokens: int = 0
    # Of requests that ended with a worker, however they ended, the tokens that came back.
    finished_requests: int = 0
    finished_output_tokens: int = 0
    # Streams that began, and of these those that began later than the class's objective.
    first_tokens: int = 0
    late_first_tokens: int = 0
    queued_prompt_tokens: int = 0
    queued_output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """One pool; tokens are this gateway's."""

    name: str
    credits_used: int
    credits_limit: int
    classes: tuple[ClassFigures, ...]
    demand: Demand


def read(pools: Sequence[Pool], lanes: Sequence[Lane]) -> tuple[PoolFigures, ...]:
    """Return the figures of each pool, with the classes that are at home there or were served there."""
    return tuple(
        PoolFigures(
            pool.name,
            sum(endpoint.tokens for endpoint in pool.endpoints),
            int(sum(endpoint.limit_tokens for endpoint in pool.endpoints)),
            _classes(pool, lanes),
            _demand(pool),
        )
        for pool in pools
    )


def _demand(pool: Pool) -> Demand:
    tallies = pool.tallies
    waiting = [ticket for lane in pool.owners for ticket in lane.band.tickets()]
    return Demand(
        arrived_requests=sum(tally.arrived for tally in tallies),
        arrived_prompt_tokens=sum(tally.arrived_prompt_tokens for tally in tallies),
        finished_requests=sum(tally.finished for tally in tallies),
        finished_output_tokens=sum(tally.finished_output_tokens for tally in tallies),
        first_tokens=sum(tally.first_tokens for tally in tallies),
        late_first_tokens=sum(tally.late_first_tokens for tally in tallies),
        queued_prompt_tokens=sum(ticket.prompt_tokens for ticket in waiting),
        queued_output_tokens=sum(ticket.output_tokens for ticket in waiting),
    )


def _classes(pool: Pool, lanes: Sequence[Lane]) -> tuple[ClassFigures, ...]:
    recent = pool.recent_tokens()
    total = sum(recent)
    found = []
    for lane, tokens in zip(lanes, recent, strict=True):
        tally = pool.tallies[lane.rank]
        is_home = lane.home is pool
        if not is_home and not tally.requests:
            continue
        found.append(
            ClassFigures(
                lane.name,
                queued=lane.band.waiting if is_home else 0,
                running=tally.running,
                share=tokens / total if total else None,
                admitted_requests=tally.requests,
                admitted_tokens=tally.tokens,
                spilled=tally.spilled,
                preempted=tally.preempted,
                expired=tally.expired,
                overloaded=tally.overloaded,
            )
        )
    return tuple(found)
