"""Which of the workers that have room gets a request.

Owns the strategies, and what sending, a first byte and a report change in our own counts. Must not know queues or
credits, do I/O or read a clock.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

from tidegate_gateway.directory import Strategy
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing import outliers, rate, rendezvous
from tidegate_gateway.routing.cost import adapter_seconds, bytes_per_prompt_token, load_seconds
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.prefix import BEGINS, PrefixIndex

# Costs this close are equal: by share, and by time.
TIE: Final = 1.05
TIE_SECONDS: Final = 0.001
# How long a load that was weighed may be used: what nobody announces, such as a report that grows stale, waits so long.
WEIGH_SECONDS: Final = 1.0
# Requests up to which those that hold a prompt are never crowded: few are uneven by chance.
SLACK: Final = 3
# Of more endpoints than this, only some are weighed: those with most of the prompt, and others at random.
MANY: Final = 64
HOLDERS: Final = 16
OTHERS: Final = 8
# Until requests have told: prose and code have 3 to 5.
BYTES_PER_TOKEN: Final = 4.0
# Share of an engine's cache that prompts may be thought to have; answers have the rest.
PROMPT_SHARE: Final = 0.9
_NOTHING: Final[dict[int, int]] = {}


class Router:
    """Chooses endpoints of one service."""

    def __init__(
        self, rng: random.Random, strategy: Strategy = "Auto", index: PrefixIndex | None = None
    ) -> None:
        self.index = PrefixIndex() if index is None else index
        self.rate = rate.PrefillRate()
        self._rng = rng
        self._bytes_per_token = BYTES_PER_TOKEN
        self._choose: Callable[[Ticket, Sequence[Endpoint], float], Endpoint]
        self.set_strategy(strategy)

    def set_strategy(self, strategy: Strategy) -> None:
        """Choose so from now on."""
        self.wants_blocks = strategy != "LeastLoad"
        self._choose = {
            "Auto": self._soonest,
            "LeastLoad": self._least_loaded,
            "PrefixHash": self._hashed,
        }[strategy]

    def choose(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        """Return the endpoint for a request, out of at least one candidate."""
        return candidates[0] if len(candidates) == 1 else self._choose(ticket, candidates, now)

    # What happens to a request

    def sent(self, ticket: Ticket, endpoint: Endpoint, now: float) -> None:
        """Count what the endpoint has to compute now; `now` is `ticket.dispatched_at`."""
        miss = ticket.prompt_tokens
        if ticket.blocks:
            bytes_per_token = bytes_per_prompt_token(ticket)
            self._bytes_per_token = bytes_per_token
            known = self.index.insert(ticket.blocks, endpoint.slot)
            miss -= int(BEGINS[known] / bytes_per_token)
        ticket.miss_tokens = miss
        rate.begin(ticket, endpoint)
        endpoint.prefilling += 1
        endpoint.prefill_tokens += miss
        seconds = miss * endpoint.slowness / self.rate.tokens_per_second
        endpoint.prefill_until = max(now, endpoint.prefill_until) + seconds
        endpoint.weigh_again = 0.0
        if ticket.adapter is not None:
            _use_adapter(endpoint, ticket.adapter)

    def first_byte(self, ticket: Ticket, now: float) -> None:
        """Note that the prompt is computed. Only for an answer that streams; else the first byte tells its end."""
        endpoint = ticket.endpoint
        if endpoint is None:
            return
        if endpoint.probe is ticket:
            self.rate.learn(ticket, endpoint, now)
        self._computed(ticket, endpoint, now)

    def gone(self, ticket: Ticket, now: float) -> None:
        """Undo `sent` for a request that ended, or is sent elsewhere, before its first byte."""
        endpoint = ticket.endpoint
        if endpoint is None:
            return
        if endpoint.probe is ticket:
            endpoint.probe = None
        self._computed(ticket, endpoint, now)

    def _computed(self, ticket: Ticket, endpoint: Endpoint, now: float) -> None:
        endpoint.prefilling -= 1
        endpoint.prefill_tokens -= ticket.miss_tokens
        if not endpoint.prefilling:
            endpoint.prefill_until = now
        endpoint.weigh_again = 0.0

    # What happens to an endpoint

    def reported(self, endpoint: Endpoint, report: Report) -> None:
        """Take what an endpoint says of itself."""
        endpoint.report = report
        endpoint.others = max(0, report.running + report.waiting - endpoint.requests)
        endpoint.others_waiting = max(0, report.waiting - endpoint.prefilling)
        endpoint.weigh_again = 0.0
        if report.started > endpoint.started:
            if endpoint.started:
                self.index.forget(endpoint.slot)
            endpoint.started = report.started
        if report.kv_tokens:
            size = report.kv_tokens * self._bytes_per_token * PROMPT_SHARE
            self.index.limit(endpoint.slot, int(size))

    def forget(self, endpoint: Endpoint) -> None:
        """Forget what was sent to an endpoint that is no more; its slot may be given to another."""
        self.index.forget(endpoint.slot)

    # Strategies

    def _soonest(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        held = self.index.match(ticket.blocks)
        if len(candidates) > MANY:
            candidates = self._some(candidates, held)
        best = self._cheapest(ticket, candidates, held, now)
        if best.requests > SLACK and best.slot in held and _is_crowded(candidates, held, held[best.slot]):
            held = {e.slot: max(held.get(e.slot, 0), held[best.slot]) for e in candidates}
            best = self._cheapest(ticket, candidates, held, now)
        return best

    def _least_loaded(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        return self._cheapest(ticket, candidates, _NOTHING, now)

    def _hashed(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        if not ticket.blocks:
            return self._least_loaded(ticket, candidates, now)
        return rendezvous.choose(rendezvous.key_of(ticket.blocks), outliers.available(candidates, now))

    def _some(self, candidates: Sequence[Endpoint], held: dict[int, int]) -> list[Endpoint]:
        holders = [e for e in candidates if e.slot in held]
        if len(holders) > HOLDERS:
            # Sorting keeps the order of equals: shuffled, so that not always the same sixteen are asked.
            self._rng.shuffle(holders)
            holders = sorted(holders, key=lambda e: held[e.slot], reverse=True)[:HOLDERS]
        chosen = {e.slot: e for e in holders + self._rng.sample(candidates, OTHERS)}
        return list(chosen.values())

    def _cheapest(
        self, ticket: Ticket, candidates: Sequence[Endpoint], held: dict[int, int], now: float
    ) -> Endpoint:
        costs = self._costs(ticket, candidates, held, now)
        tied = _tied(candidates, costs, held)
        if len(tied) == 1:
            return tied[0]
        # The better of two at random (Mitzenmacher 2001): as even as the best of all, and other gateways, which see
        # the same, do not all choose the same. Where less is held, less must be forgotten for a new prompt.
        count, dice = len(tied), self._rng.random
        first = int(dice() * count)
        one, other = tied[first], tied[first - 1 - int(dice() * (count - 1))]
        if one.requests != other.requests:
            return one if one.requests < other.requests else other
        return one if self.index.size(one.slot) <= self.index.size(other.slot) else other

    def _costs(
        self, ticket: Ticket, candidates: Sequence[Endpoint], held: dict[int, int], now: float
    ) -> list[float]:
        prompt: float = ticket.prompt_tokens
        per_byte = 1 / bytes_per_prompt_token(ticket) if held else 0.0
        costs = []
        for e in candidates:
            if e.requests != e.weighed_requests or e.weigh_again <= now:
                self._weigh(e, now)
            depth = held.get(e.slot)
            miss = prompt - per_byte * BEGINS[depth] if depth else prompt
            costs.append(e.load_seconds + miss * e.seconds_per_token)
        if ticket.adapter is not None:
            adapter = ticket.adapter
            costs = [
                cost + adapter_seconds(adapter, e, now) for cost, e in zip(costs, candidates, strict=True)
            ]
        return costs

    def _weigh(self, endpoint: Endpoint, now: float) -> None:
        per_token = endpoint.slowness / self.rate.tokens_per_second
        endpoint.seconds_per_token = per_token
        endpoint.load_seconds = load_seconds(endpoint, per_token, now)
        endpoint.weighed_requests = endpoint.requests
        again = now + WEIGH_SECONDS
        until = endpoint.prefill_until
        endpoint.weigh_again = until if now < until < again else again


def _is_crowded(candidates: Sequence[Endpoint], held: dict[int, int], depth: int) -> bool:
    """Tell whether all that hold so much of a prompt have too many requests, so that another should have it as well.

    Too many is twice the mean and some for one holder, and ever closer to the mean the more hold it: what several hold
    is asked for often, and to compute it once more pays.
    """
    holders = [e.requests for e in candidates if held.get(e.slot, 0) >= depth]
    mean = sum([e.requests for e in candidates]) / len(candidates)
    return min(holders) > mean + (mean + SLACK) / len(holders)


def _tied(candidates: Sequence[Endpoint], costs: list[float], held: dict[int, int]) -> list[Endpoint]:
    """Return the cheapest, and of them those that hold most of the prompt: that is less to compute for all."""
    most = min(costs) * TIE + TIE_SECONDS
    if not held:
        return [e for e, cost in zip(candidates, costs, strict=True) if cost <= most]
    deepest = 0
    found: list[Endpoint] = []
    for endpoint, cost in zip(candidates, costs, strict=True):
        if cost <= most:
            depth = held.get(endpoint.slot, 0)
            if depth == deepest:
                found.append(endpoint)
            elif depth > deepest:
                deepest, found = depth, [endpoint]
    return found


def _use_adapter(endpoint: Endpoint, adapter: str) -> None:
    """Note the adapter as the last used; the engine keeps as many as it has places."""
    sent = endpoint.adapters_sent
    sent.pop(adapter, None)
    sent[adapter] = None
    report = endpoint.report
    places = report.max_adapters if report is not None and report.max_adapters else 1
    while len(sent) > places:
        del sent[next(iter(sent))]
