"""A request's place: what it asks for, and where it stands.

Owns the record that queue, credits and routing write into. Must not decide anything.
"""

from typing import TYPE_CHECKING, Literal, Protocol

from tidegate_api.names import QosClass
from tidegate_gateway.routing.endpoint import Endpoint

if TYPE_CHECKING:
    from tidegate_gateway.qos.credits import Account

# Why a request that waited is not served: it waited too long for room or for the first worker, its tenant had most of
# a full queue when another tenant came, there is no worker any more, or the only one failed and is there still.
Reason = Literal["expired", "not_woken", "overloaded", "no_worker", "lost"]


class Waiter(Protocol):
    """Who is told what becomes of a ticket. Called at most once per turn of the ticket, never from within `submit`."""

    def dispatched(self, endpoint: Endpoint) -> None:
        """Send the request to this endpoint, whose credits it now holds."""

    def rejected(self, reason: Reason) -> None:
        """Refuse the request: it has left the queue."""

    def preempted(self) -> None:
        """Break off what was sent, of which no byte has come back: the ticket waits again, its credits are returned."""


class Ticket:
    """One request that wants a worker."""

    __slots__ = (
        "account",
        "adapter",
        "blocks",
        "deadline",
        "dispatched_at",
        "endpoint",
        "excluded",
        "first_byte_at",
        "held_tokens",
        "is_canary",
        "is_stable",
        "miss_tokens",
        "output_tokens",
        "pool",
        "preemptions",
        "prompt_tokens",
        "qos_class",
        "queued_at",
        "tenant",
        "waiter",
        "waits",
    )

    def __init__(
        self,
        waiter: Waiter,
        tenant: str,
        qos_class: QosClass,
        *,
        prompt_tokens: int,
        output_tokens: int,
        blocks: tuple[int, ...] = (),
        adapter: str | None = None,
    ) -> None:
        self.waiter = waiter
        self.tenant = tenant
        self.qos_class: QosClass = qos_class
        # Estimates: of the prompt, and of the answer as far as its KV cache must be kept for it.
        self.prompt_tokens = prompt_tokens
        self.output_tokens = output_tokens
        # The prompt's chained hashes, one per block (`routing.prefix`).
        self.blocks = blocks
        self.adapter = adapter
        # While there are workers of two versions: whether it belongs to the one that is tried, where that has room, and
        # whether to the one in use, and must not go to the other.
        self.is_canary = False
        self.is_stable = False
        # Written as it goes. Times are the event loop's; 0.0 is never.
        self.endpoint: Endpoint | None = None
        # Name of the pool whose credits it holds or in whose queue it waits.
        self.pool = ""
        # Uids of workers that failed on it.
        self.excluded: frozenset[str] = frozenset()
        self.queued_at = 0.0
        self.deadline = 0.0
        self.dispatched_at = 0.0
        self.first_byte_at = 0.0
        self.miss_tokens = 0
        self.preemptions = 0
        # Whether it is in a queue; and while it is with a worker, the tokens that it was admitted with, and where
        # they are booked. Neither: it has ended.
        self.waits = False
        self.held_tokens = 0
        self.account: Account | None = None
