"""What tenants have used as a table and as JSON, with a cost where there is a price. Pure.

Owns the arithmetic and the words. A tenant of which nothing is known has dashes, never zeros.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate_cli.shell.output import columns

Json = Mapping[str, Any]
_COUNTED: Final = ("requests", "promptTokens", "completionTokens")
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in whatever currency: those of prompts, and those of answers."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the cost of so many tokens."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / _MILLION


def used(tenants: Sequence[Json], price: Price | None) -> list[dict[str, Any]]:
    """Return what each tenant has used, in order of their names; null is what is not known."""
    ordered = sorted(tenants, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))
    return [_of(one, price) for one in ordered]


def table(rows: Sequence[Json], *, everywhere: bool, priced: bool) -> Iterator[str]:
    """Yield a line each, and the sum of those that are known."""
    place = ("NAMESPACE",) if everywhere else ()
    cost = ("COST",) if priced else ()
    head = (*place, "TENANT", "REQUESTS", "PROMPT TOKENS", "COMPLETION TOKENS", *cost, "SINCE")
    lines = [_line(one, everywhere, priced) for one in rows]
    known = [one for one in rows if one["since"] is not None]
    if len(known) > 1:
        total = {key: sum(one[key] for one in known) for key in (*_COUNTED, *(["cost"] if priced else []))}
        lines.append(_line({"namespace": "", "tenant": "(all)", "since": "", **total}, everywhere, priced))
    yield from columns([head, *lines])


def _of(tenant: Json, price: Price | None) -> dict[str, Any]:
    told = (tenant.get("status") or {}).get("usage") or {}
    counted = {key: told.get(key) for key in _COUNTED}
    row = {
        "namespace": tenant["metadata"]["namespace"],
        "tenant": tenant["metadata"]["name"],
        **counted,
        "since": told.get("since"),
    }
    if price is None:
        return row
    prompt, completion = counted["promptTokens"], counted["completionTokens"]
    return {**row, "cost": None if prompt is None or completion is None else price.of(prompt, completion)}


def _line(row: Json, everywhere: bool, priced: bool) -> tuple[str, ...]:
    counts = [f"{row[key]:,}" if row[key] is not None else "-" for key in _COUNTED]
    cost = ["-" if row["cost"] is None else f"{row['cost']:,.2f}"] if priced else []
    since = "-" if row["since"] is None else row["since"]
    return (*((row["namespace"],) if everywhere else ()), row["tenant"], *counts, *cost, since)
