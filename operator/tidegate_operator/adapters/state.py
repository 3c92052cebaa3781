"""What is known of the adapters of one worker, as the loop leaves it for statuses to read.

Owns the shape. Must not decide or do anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a directory could not be loaded: one word, and the worker's own."""

    path: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkerAdapters:
    """One worker: the adapters that it has, with their directories, and why it lacks others.

    `unread` is why it could not be asked, None where it was.
    """

    has: Mapping[str, str]
    refused: Mapping[str, Refusal]
    unread: str | None = None
