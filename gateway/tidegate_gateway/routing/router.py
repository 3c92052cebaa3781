"""Which of the workers that have room gets a request.

Owns the strategies, and what sending, a first byte and a report change in our own counts. Must not know queues or
credits, do I/O or read a clock.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final

from tidegate_gateway.directory import Strategy
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing import choice, outliers, rate, rendezvous
from tidegate_gateway.routing.cost import adapter_seconds, bytes_per_prompt_token, load_seconds
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.prefix import BEGINS, PrefixIndex

# How long a load that was weighed may be used: what nobody announces, such as a report that grows stale, waits so long.
WEIGH_SECONDS: Final = 1.0
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
                # Neither prompts nor adapters outlive a process.
                self.index.forget(endpoint.slot)
                endpoint.adapters = frozenset()
                endpoint.adapters_sent.clear()
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
        if len(candidates) > choice.MANY:
            candidates = choice.some(candidates, held, self._rng)
        best = self._cheapest(ticket, candidates, held, now)
        if best.requests > choice.SLACK and best.slot in held and choice.is_crowded(best, candidates, held):
            held = {e.slot: max(held.get(e.slot, 0), held[best.slot]) for e in candidates}
            best = self._cheapest(ticket, candidates, held, now)
        return best

    def _least_loaded(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        return self._cheapest(ticket, candidates, _NOTHING, now)

    def _hashed(self, ticket: Ticket, candidates: Sequence[Endpoint], now: float) -> Endpoint:
        if not ticket.blocks:
            return self._least_loaded(ticket, candidates, now)
        return rendezvous.choose(rendezvous.key_of(ticket.blocks), outliers.available(candidates, now))

    def _cheapest(
        self, ticket: Ticket, candidates: Sequence[Endpoint], held: dict[int, int], now: float
    ) -> Endpoint:
        costs = self._costs(ticket, candidates, held, now)
        equals = choice.equals(candidates, costs, held)
        return equals[0] if len(equals) == 1 else choice.better_of_two(equals, self.index, self._rng)

    def _costs(
        self, ticket: Ticket, candidates: Sequence[Endpoint], held: dict[int, int], now: float
    ) -> list[float]:
        prompt = float(ticket.prompt_tokens)
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


def _use_adapter(endpoint: Endpoint, adapter: str) -> None:
    """Note the adapter as the last used; the engine keeps as many as it has places."""
    sent = endpoint.adapters_sent
    sent.pop(adapter, None)
    sent[adapter] = None
    report = endpoint.report
    places = report.max_adapters if report is not None and report.max_adapters else 1
    while len(sent) > places:
        del sent[next(iter(sent))]
