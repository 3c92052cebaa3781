"""Requests that are held: they wait for the first worker of a pool that has none.

Owns how many of a class are held and for how long, and what becomes of those terms when the pool wakes or falls
asleep. Must not know who starts workers, or call anybody.
"""

from math import ceil
from typing import Final

from tidegate_gateway.qos.lanes import Lane

# Who is told to come again comes no sooner, even where a start takes longer than usual.
SOONEST_SECONDS: Final = 5.0
# A kubelet tells within a second or two that a container has ended.
LOSS_SECONDS: Final = 5.0


def may_hold(lane: Lane) -> bool:
    """Return whether requests of a class wait for the first worker of a pool, whenever there is none."""
    return bool(lane.wakes) and lane.policy.cold_start.holds


def most_waiting(lane: Lane) -> int:
    """Return how many of a class may wait."""
    return lane.policy.cold_start.max_queue if lane.is_holding else lane.policy.max_queue


def longest_seconds(lane: Lane) -> float:
    """Return how long one of a class may wait that comes now."""
    policy = lane.policy
    return policy.cold_start.timeout_seconds if lane.is_holding else policy.queue_timeout_seconds


def renew(lane: Lane, was_holding: bool, seconds: float, now: float) -> None:
    """Give those who wait the terms of now; before, the class was holding or not, and each might wait for `seconds`.

    Whoever was held keeps its time when there is a worker, since that one cannot take all at once, and has at least
    as long as any other. Once held again it has what is left since it came: a worker that comes and goes prolongs
    nothing for ever.
    """
    longest = longest_seconds(lane)
    for ticket in lane.band.tickets():
        ticket.pool = lane.home.name
        if lane.is_holding == was_holding:
            ticket.deadline += longest - seconds
        elif lane.is_holding:
            ticket.deadline = ticket.queued_at + longest
        else:
            ticket.deadline = max(now + longest, ticket.queued_at + lane.policy.cold_start.timeout_seconds)
    if was_holding and not lane.is_holding:
        # Nobody was served while there was no worker: that says nothing of how fast it goes now.
        lane.drain.begin(now)


def ask(lane: Lane, now: float) -> str:
    """Note that a request wants the pool that a class waits for to wake, and return its name."""
    if not lane.asked_at:
        lane.asked_at = now
    return lane.wakes


def retry_after_seconds(lane: Lane, now: float) -> int:
    """Return after how long there should be a worker."""
    expected = lane.policy.cold_start.expected_seconds
    elapsed = now - lane.asked_at if lane.asked_at else 0.0
    return ceil(max(SOONEST_SECONDS, expected - elapsed))
