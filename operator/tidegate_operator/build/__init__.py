"""From a Plan to manifests, one kind per module, in the order in which they are applied.

Owns which kinds there are and their order. Must not decide anything: the Plan has.
"""

from typing import Any

from tidegate_operator.desired import Plan
from tidegate_operator.facts import Key


def build(plan: Plan) -> list[dict[str, Any]]:
    """Return the manifests of all children in apply order, hashed and owned."""
    raise NotImplementedError


def owned_kinds() -> tuple[tuple[str, str], ...]:
    """Return (apiVersion, kind) of everything that may be made for an LLMService."""
    raise NotImplementedError


def child_names(key: Key) -> tuple[tuple[str, str, str], ...]:
    """Return (apiVersion, kind, name) of every child that may exist for an LLMService."""
    raise NotImplementedError
