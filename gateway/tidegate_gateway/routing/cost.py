"""How long until a worker gives the first token of a request, as far as a gateway can know.

Owns the estimate. Must not choose, count or learn.

In seconds: what the worker must compute before (the part of this prompt that it has not cached, and of prompts it was
sent before), what slows it down (running requests, a full cache), and what it must load (an adapter). Our own counts
come first, since they are never late. What workers report counts only while it is fresh.
"""

from collections.abc import Sequence
from typing import Final

from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.prefix import BEGINS, SIZES

# A running request makes an engine's steps longer; it weighs as much as so many prompt tokens to compute.
RUNNING_TOKENS: Final = 256
# One that waits in the engine weighs as a whole prompt of others, whose length nobody knows.
WAITING_TOKENS: Final = 512
# Seconds that a cache half in use costs; more when fuller, as k / (1 - k). At `FULLEST` it stops to grow.
PRESSURE_SECONDS: Final = 0.15
FULLEST: Final = 0.95
# A report older than this says nothing: three polls of `signals` were missed.
FRESH_SECONDS: Final = 3.0
# Loading an adapter into a free place, and waiting until a place becomes free.
LOAD_SECONDS: Final = 0.2
NO_PLACE_SECONDS: Final = 1.0
# It does not serve the adapter at all: only if nobody does, as far as known.
UNSERVED_SECONDS: Final = 3600.0


def expected_seconds(
    ticket: Ticket,
    endpoints: Sequence[Endpoint],
    held: dict[int, int],
    tokens_per_second: float,
    now: float,
) -> list[float]:
    """Return the cost of each endpoint; `held` has the cached blocks of the prompt by slot.

    `tokens_per_second` is the rate at which the service's usual worker computes prompts. One loop without calls: it
    runs for each request and each endpoint.
    """
    prompt = ticket.prompt_tokens
    cached_per_byte = tokens_per_byte(ticket) if held else 0.0
    seconds_per_token = 1 / tokens_per_second
    oldest = now - FRESH_SECONDS
    adapter = ticket.adapter
    costs = []
    for e in endpoints:
        tokens: float = prompt + RUNNING_TOKENS * e.requests
        depth = held.get(e.slot)
        if depth:
            tokens -= cached_per_byte * BEGINS[depth]
        report = e.report
        if report is not None and report.at >= oldest:
            tokens += RUNNING_TOKENS * e.others
            if report.waiting > e.prefilling:
                tokens += WAITING_TOKENS * (report.waiting - e.prefilling)
            used = e.tokens / (report.kv_tokens or e.limit_tokens)
            used = report.kv_used if report.kv_used > used else used
        else:
            report = None
            used = e.tokens / e.limit_tokens
        used = used if used < FULLEST else FULLEST
        slow = seconds_per_token * e.slowness
        cost = tokens * slow + PRESSURE_SECONDS * used / (1 - used)
        backlog = e.prefill_until - now
        if backlog > 0:
            # Whatever is over first: the time by the rate known, or what has not had its first byte.
            most = e.prefill_tokens * slow
            cost += backlog if backlog < most else most
        if adapter is not None:
            cost += _adapter_seconds(adapter, e, report)
        costs.append(cost)
    return costs


def tokens_per_byte(ticket: Ticket) -> float:
    """Return the estimated tokens per byte of a prompt with at least one block."""
    whole = len(ticket.blocks)
    # Behind the last whole block, half a block is left on average.
    rest = SIZES[whole] / 2 if whole < len(SIZES) else 0
    return ticket.prompt_tokens / (BEGINS[whole] + rest)


def _adapter_seconds(adapter: str, endpoint: Endpoint, fresh: Report | None) -> float:
    if endpoint.adapters and adapter not in endpoint.adapters:
        return UNSERVED_SECONDS
    if adapter in endpoint.adapters_sent:
        return 0.0
    if fresh is None:
        return LOAD_SECONDS
    if adapter in fresh.running_adapters:
        return 0.0
    is_full = fresh.max_adapters and len(fresh.running_adapters) >= fresh.max_adapters
    return LOAD_SECONDS + NO_PLACE_SECONDS if is_full else LOAD_SECONDS
