"""How fast workers compute prompts, learned from the times to their first bytes.

Owns which times tell something, and the averages. Must not do I/O or read a clock.

Waiting makes a time longer and says nothing about the rate. So only a request that was sent while the worker was
computing no other prompt of ours, and had reported none that waits, is a sample; and no sample moves an average
by more than a factor says.
"""

from typing import Final

from tidegate_gateway.qos.ticket import Ticket
from tidegate_gateway.routing.endpoint import UNKNOWN_PREFILL_RATE, Endpoint

# With fewer tokens to compute, the time is the engine's and the network's constant part.
SAMPLE_TOKENS: Final = 256
# Weight of the newest sample; the first ones weigh as in a plain mean.
WEIGHT: Final = 0.05
# A sample counts as this many times faster or slower than the average at most.
FURTHEST: Final = 4.0
# A worker is treated as slower or faster than its service's others only beyond this, and after so many samples:
# they run the same model on the same hardware, and what looks different is mostly noise.
DIFFERENT: Final = 1.5
ENOUGH: Final = 16
SLOWEST: Final = 4.0


def begin(ticket: Ticket, endpoint: Endpoint) -> None:
    """Note that a request was sent; call it before it is counted in `prefilling`."""
    if endpoint.prefilling or ticket.miss_tokens < SAMPLE_TOKENS or not ticket.blocks:
        # Without blocks nobody knows how much of the prompt was cached.
        return
    report = endpoint.report
    endpoint.probe = None if report is not None and report.waiting else ticket


def average(rate: float, samples: int, sample: float) -> float:
    """Return the geometric mean, moving, after one more sample."""
    if not samples:
        return sample
    ratio: float = min(FURTHEST, max(1 / FURTHEST, sample / rate))
    return float(rate * ratio ** max(WEIGHT, 1 / (samples + 1)))


class PrefillRate:
    """The rate of a service's usual worker, in prompt tokens per second."""

    __slots__ = ("samples", "tokens_per_second")

    def __init__(self) -> None:
        self.samples = 0
        self.tokens_per_second = UNKNOWN_PREFILL_RATE

    def learn(self, ticket: Ticket, endpoint: Endpoint, now: float) -> None:
        """Take the time to the first byte of a request that `begin` has chosen."""
        endpoint.probe = None
        sample = ticket.miss_tokens / max(now - ticket.dispatched_at, 1e-4)
        self.tokens_per_second = average(self.tokens_per_second, self.samples, sample)
        self.samples += 1
        endpoint.prefill_rate = average(endpoint.prefill_rate, endpoint.prefill_samples, sample)
        endpoint.prefill_samples += 1
        slowness = self.tokens_per_second / endpoint.prefill_rate
        is_usual = 1 / DIFFERENT < slowness < DIFFERENT or endpoint.prefill_samples < ENOUGH
        endpoint.slowness = 1.0 if is_usual else min(SLOWEST, max(1 / SLOWEST, slowness))
