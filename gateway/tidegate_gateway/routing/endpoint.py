"""What the gateway knows of one worker, moment by moment.

Owns the state that queue, credits and routing share. Must not decide anything.
"""

import msgspec

from tidegate_gateway.directory import Worker

# Until a worker's own first tokens have told: a small model on a CPU; too low a rate only spreads requests wider.
UNKNOWN_PREFILL_RATE = 1000.0


class Report(msgspec.Struct, frozen=True):
    """What an engine said of itself, all gateways' requests together."""

    # Seconds of the event loop's clock.
    at: float
    running: int
    waiting: int
    # Share of its KV cache in use, 0 to 1.
    kv_used: float
    # How often it has taken a running request's memory back, since it started.
    preemptions: int
    # Tokens that its KV cache can hold; 0 where it did not say.
    kv_tokens: int = 0
    # LoRA adapters that are in its batch now, and how many can be.
    running_adapters: frozenset[str] = frozenset()
    max_adapters: int = 0
    # Unix seconds at which its process began; 0 where it did not say.
    started: float = 0.0


class Endpoint:
    """One worker, with what this gateway has sent it and what it has said."""

    __slots__ = (
        "adapters",
        "adapters_sent",
        "context_tokens",
        "ejected_until",
        "excused",
        "failures",
        "has_adapters",
        "is_canary",
        "is_draining",
        "key",
        "limit_tokens",
        "load_seconds",
        "others",
        "others_waiting",
        "prefill_rate",
        "prefill_samples",
        "prefill_tokens",
        "prefill_until",
        "prefilling",
        "probe",
        "report",
        "requests",
        "seconds_per_token",
        "slot",
        "slowness",
        "started",
        "tokens",
        "weigh_again",
        "weighed_requests",
        "worker",
    )

    def __init__(self, worker: Worker, slot: int, limit_tokens: float) -> None:
        self.worker = worker
        # Its bit in the prefix index is `1 << slot`; slots are reused once the index has forgotten them.
        self.slot = slot
        # What stands for it where a prompt's hash chooses among workers.
        self.key = worker.uid.encode()
        # Whether it may be given no more requests, for now or for good, though it is ready.
        self.is_draining = False
        # Whether it runs the version that is tried beside the one in use.
        self.is_canary = False
        # Ours in flight: requests, and the tokens (prompt and expected answer) they were admitted with.
        self.requests = 0
        self.tokens = 0
        # Prompt tokens of ours that it has yet to compute: without what its cache should have, until the first byte.
        self.prefill_tokens = 0
        # How many requests of ours these belong to, and when they should all be computed, by the rate known.
        self.prefilling = 0
        self.prefill_until = 0.0
        # How many tokens of ours may be in flight.
        self.limit_tokens = limit_tokens
        # Prompt tokens per second, learned from times to the first byte.
        self.prefill_rate = UNKNOWN_PREFILL_RATE
        self.prefill_samples = 0
        # How many times as long as its service's usual worker it takes.
        self.slowness = 1.0
        # The request whose first byte will tell its rate, if it was sent while no other was being computed.
        self.probe: object = None
        self.report: Report | None = None
        # Requests that it had beside ours when it last reported, other gateways' and other clients'; and how many of
        # them waited.
        self.others = 0
        self.others_waiting = 0
        # When its process began, as it last said; a later one has an empty cache.
        self.started = 0.0
        # Tokens that a prompt and its answer may have together; 0 until the worker has said.
        self.context_tokens = 0
        # Model names that it serves beside the base model.
        self.adapters: frozenset[str] = frozenset()
        # Whether they come and go while it runs.
        self.has_adapters = False
        # Those that we had it use last, the last one at the end: as many as it has places for.
        self.adapters_sent: dict[str, None] = {}
        # Failures in a row, and until when no request is sent because of them.
        self.failures = 0
        self.ejected_until = 0.0
        # How many more of its requests may be sent to others at no charge: those it had when it began to fail.
        self.excused = 0
        # What a request would wait for here whatever its prompt, and the time per token of its prompt: true while there
        # are as many requests as when it was weighed, until `weigh_again`.
        self.load_seconds = 0.0
        self.seconds_per_token = 0.0
        self.weighed_requests = 0
        self.weigh_again = 0.0
