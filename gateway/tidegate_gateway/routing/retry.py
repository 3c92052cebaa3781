"""How many requests may be sent a second time.

Owns the budget. Must not decide whether a failure may be retried.
"""


class RetryBudget:
    """Lets retries be a tenth of the requests, so that a failing service is not asked twice as much.

    A gateway that has seen few requests may still retry `burst` times.
    """

    __slots__ = ("_burst", "_ratio", "_tokens")

    def __init__(self, ratio: float = 0.1, burst: float = 10.0) -> None:
        self._ratio = ratio
        self._burst = burst
        self._tokens = burst

    def note_request(self) -> None:
        """Earn a part of a retry."""
        self._tokens = min(self._burst, self._tokens + self._ratio)

    def take(self) -> bool:
        """Spend a retry, if there is one."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
