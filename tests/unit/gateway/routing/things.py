"""Endpoints and tickets for the tests of routing."""

import random
from typing import Any

from tidegate_gateway.directory import Worker
from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import Endpoint, Report
from tidegate_gateway.routing.fleet import Fleet
from tidegate_gateway.routing.router import Router

NOW = 1000.0


class Nobody:
    """A waiter who is told nothing in these tests."""

    def dispatched(self, endpoint: Endpoint) -> None:
        raise AssertionError

    rejected = dispatched  # type: ignore[assignment]
    preempted = dispatched  # type: ignore[assignment]


def worker(number: int, **changes: Any) -> Worker:
    """Return a worker."""
    fields = {"uid": f"u{number}", "namespace": "ns", "service": "m", "name": f"p{number}"}
    return Worker(**{**fields, "host": f"10.0.0.{number}", **changes})


def service(count: int, strategy: Any = "Auto") -> tuple[Router, list[Endpoint]]:
    """Return a service with so many workers."""
    router = Router(random.Random(7), strategy)
    fleet = Fleet(router, 100_000)
    return router, list(fleet.update([worker(i) for i in range(count)])["shared"])


def ticket(
    prompt_tokens: int = 150,
    blocks: tuple[int, ...] = (),
    adapter: str | None = None,
    output_tokens: int = 100,
) -> Ticket:
    """Return a request."""
    return Ticket(
        Nobody(),
        "t",
        "medium",
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        blocks=blocks,
        adapter=adapter,
    )


def send(router: Router, made: Ticket, endpoint: Endpoint, now: float = NOW) -> Ticket:
    """Do what the dispatcher does when it sends a request."""
    made.endpoint, made.dispatched_at = endpoint, now
    endpoint.requests += 1
    endpoint.tokens += made.prompt_tokens + made.output_tokens
    router.sent(made, endpoint, now)
    return made


def run(router: Router, made: Ticket, endpoint: Endpoint, now: float = NOW) -> Ticket:
    """Send a request and let its answer begin at once, which tells nothing about how fast the worker is."""
    send(router, made, endpoint, now)
    endpoint.probe = None
    router.first_byte(made, now)
    return made


def end(made: Ticket) -> None:
    """Do what the dispatcher does when a request has ended after its first byte."""
    endpoint = made.endpoint
    assert endpoint is not None
    endpoint.requests -= 1
    endpoint.tokens -= made.prompt_tokens + made.output_tokens
    made.endpoint = None


def report(at: float = NOW, **said: Any) -> Report:
    """Return what an idle worker says."""
    return Report(**{"at": at, "running": 0, "waiting": 0, "kv_used": 0.0, "preemptions": 0, **said})
