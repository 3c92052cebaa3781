"""Why a load ended without a model, in the words that the operator turns into a condition.

Owns the reasons and whether trying again can help. Must not read or write anything.
"""

from typing import Final

from tidegate_api.names import EXIT_MEND, LoaderReason

# sysexits' EX_TEMPFAIL: the same once more may do.
EXIT_RETRY: Final = 75

# What passes without anybody changing the model, its token or a setting.
PASSING: Final[frozenset[LoaderReason]] = frozenset(
    {
        "CacheUnavailable",
        "HubRateLimited",
        "HubUnreachable",
        "InsufficientStorage",
        "LoaderFailed",
    }
)


class LoadFailed(Exception):
    """A load cannot go on: what is wrong, where, and what to do about it."""

    def __init__(self, reason: LoaderReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def exit_code(self) -> int:
        """Return 75 where another try may do, else 78."""
        return EXIT_RETRY if self.reason in PASSING else EXIT_MEND
