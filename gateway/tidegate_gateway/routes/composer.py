"""Which coroutine answers which route that is made of others.

Owns what outlives one request of them.
"""

from functools import partial
from typing import TYPE_CHECKING

from tidegate_gateway.directory import Caller
from tidegate_gateway.outlet import Outlet
from tidegate_gateway.request import Head
from tidegate_gateway.routes import batch
from tidegate_gateway.routes.composition import Composition, Work
from tidegate_gateway.routes.generate import Turns, generate, generate_alone
from tidegate_gateway.routes.requests import read_batch, read_generate

if TYPE_CHECKING:
    from tidegate_gateway.gateway import Gateway


class Composer:
    """One per gateway."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._turns = Turns()

    def compose(self, outlet: Outlet, head: Head, caller: Caller, body: bytes) -> Composition:
        """Return a request under way; raise Refused if it is none that can be answered."""
        work = self._work(head.path, caller, body)
        composition = Composition(self._gateway, outlet, head, caller)
        composition.start(work)
        return composition

    def _work(self, path: bytes, caller: Caller, body: bytes) -> Work:
        if path == b"/v1/batch":
            asked = read_batch(body)
            self._gateway.find(caller, asked.model)
            return partial(batch.run, batch=asked)
        model, ask = read_generate(body)
        served = self._gateway.find(caller, model).model
        if path == b"/v1/generate":
            return partial(generate, ask=ask)
        service = (served.namespace, served.service)
        return partial(generate_alone, ask=ask, model=model, service=service, turns=self._turns)
