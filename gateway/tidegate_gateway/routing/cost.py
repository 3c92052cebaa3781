"""How long until a worker gives the first token of a request, as far as a gateway can know.

Owns the estimate. Must not choose, count or learn.

In seconds: what the worker must compute before (the part of this prompt that it has not cached, and of prompts it was
sent before), what slows it down (running requests, a full cache), and what it must load (an adapter). Our own counts
come first, since they are never late. What workers report counts only while it is fresh.
"""

from typing import Final

from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.routing.prefix import BEGINS, SIZES

# A running request makes an engine's steps longer; it weighs as much as so many prompt tokens to compute.
RUNNING_TOKENS: Final = 64
# One of others that waits in the engine weighs as so much more: nobody knows its prompt, nor whether it still waits.
WAITING_TOKENS: Final = 256
# Seconds that a cache costs of which three quarters are in use: nothing up to half, ever more when fuller, since then
# running requests lose their memory and begin again. It stops to grow at `FULLEST`.
PRESSURE_SECONDS: Final = 0.15
HALF: Final = 0.5
FULLEST: Final = 0.95
# A report older than this says nothing: several polls of `signals` were missed.
FRESH_SECONDS: Final = 5.0
# Loading an adapter into a free place, and waiting until a place becomes free.
LOAD_SECONDS: Final = 0.2
NO_PLACE_SECONDS: Final = 1.0
# It does not serve the adapter at all, or has been failing: only if that is true of all.
UNSERVED_SECONDS: Final = 36000.0
EJECTED_SECONDS: Final = 3600.0


def load_seconds(endpoint: Endpoint, seconds_per_token: float, now: float) -> float:
    """Return what any request would wait for at this endpoint, whatever its prompt.

    `seconds_per_token` is what this endpoint takes to compute a prompt token.
    """
    tokens = RUNNING_TOKENS * endpoint.requests
    if endpoint.prefill_until > now:
        # By the rate known, not all of it can be computed yet.
        tokens += endpoint.prefill_tokens
    used = endpoint.tokens / endpoint.limit_tokens
    report = endpoint.report
    if report is not None and report.at >= now - FRESH_SECONDS:
        tokens += RUNNING_TOKENS * endpoint.others + WAITING_TOKENS * endpoint.others_waiting
        if report.kv_tokens:
            used = endpoint.tokens / report.kv_tokens
        used = report.kv_used if report.kv_used > used else used
    seconds = tokens * seconds_per_token
    if used > HALF:
        used = used if used < FULLEST else FULLEST
        seconds += PRESSURE_SECONDS * (used - HALF) / (1 - used)
    return seconds + EJECTED_SECONDS if endpoint.ejected_until > now else seconds


def adapter_seconds(adapter: str, endpoint: Endpoint, now: float) -> float:
    """Return how long the adapter keeps a request waiting."""
    if endpoint.adapters and adapter not in endpoint.adapters:
        return UNSERVED_SECONDS
    if adapter in endpoint.adapters_sent:
        return 0.0
    report = endpoint.report
    if report is None or report.at < now - FRESH_SECONDS:
        return LOAD_SECONDS
    if adapter in report.running_adapters:
        return 0.0
    is_full = report.max_adapters and len(report.running_adapters) >= report.max_adapters
    return LOAD_SECONDS + NO_PLACE_SECONDS if is_full else LOAD_SECONDS


def bytes_per_prompt_token(ticket: Ticket) -> float:
    """Return how many bytes of a prompt with at least one block are a token, by the estimate of its tokens."""
    whole = len(ticket.blocks)
    # Behind the last whole block, half a block is left on average.
    rest = SIZES[whole] / 2 if whole < len(SIZES) else 0
    return (BEGINS[whole] + rest) / max(1, ticket.prompt_tokens)
