"""What a tenant has used in all, from counters that begin at zero with every gateway process.

Owns the sum. It is kept in the LLMTenant's status together with the last counter of each process that went into it,
so one write says both or neither: whoever reads any version of it can go on from there, and nothing is counted twice
or lost, whatever starts anew and in which order. Must not do I/O or read a clock.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidegate_api.windows import Window, window_start
from tidegate_operator.conditions.record import rfc3339
from tidegate_operator.facts import Counters


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens used in the window that began at `start`."""

    start: datetime
    tokens: int


@dataclass(frozen=True, slots=True)
class Account:
    """All that was used since `since`, and the last counter of each process, which is part of it already."""

    since: datetime
    used: Counters
    counted: Mapping[str, Counters]
    budget: Budget | None


def settle(
    account: Account,
    counted: Mapping[str, Counters],
    ended: Collection[str],
    window: Window | None,
    now: datetime,
) -> Account:
    """Return the account with what the counters have grown; `window` is that of the budget, None without one.

    A counter that is lower than it was is an old word, arrived late. A process that has ended is in the sum, and is
    forgotten; one that was not heard stays as it was.
    """
    told = {name: _later(counters, account.counted.get(name)) for name, counters in counted.items()}
    grown = [_since(counters, account.counted.get(name)) for name, counters in told.items()]
    kept = {name: counters for name, counters in account.counted.items() if name not in ended}
    new = {name: counters for name, counters in told.items() if name not in ended and counters != Counters()}
    return Account(
        since=account.since,
        used=_sum([account.used, *grown]),
        counted=dict(sorted({**kept, **new}.items())),
        budget=_budget(account.budget, _sum(grown).tokens, window, now),
    )


def read(status: Mapping[str, Any], now: datetime) -> Account:
    """Return the account that a status holds; a tenant without one begins `now`, with nothing."""
    usage, budget = status.get("usage"), status.get("budget")
    return Account(
        since=_moment(usage["since"]) if usage else now.astimezone(UTC).replace(microsecond=0),
        used=_counters(usage or {}),
        counted={one["instance"]: _counters(one) for one in status.get("gateways") or []},
        budget=Budget(_moment(budget["windowStart"]), budget["tokens"]) if budget else None,
    )


def write(account: Account) -> dict[str, Any]:
    """Return the account as a status holds it."""
    usage = {"totalTokens": account.used.tokens, "since": rfc3339(account.since), **_told(account.used)}
    told: dict[str, Any] = {"usage": usage}
    if account.budget is not None:
        told["budget"] = {
            "windowStart": rfc3339(account.budget.start),
            "tokens": account.budget.tokens,
        }
    if account.counted:
        told["gateways"] = [{"instance": name, **_told(one)} for name, one in account.counted.items()]
    return told


def _budget(before: Budget | None, tokens: int, window: Window | None, now: datetime) -> Budget | None:
    """Return the budget with what was used since the last look.

    With each window it begins at zero. What is first read after the turn belongs to no window for certain, and is
    charged to neither; as long as an operator runs it turns the window on time, and then that is nothing.
    """
    if window is None:
        return None
    start = window_start(window, now)
    if before is None:
        return Budget(start, tokens)
    # A window that began no earlier is the same, or part of this one: a budget of days has become one of months.
    return Budget(start, before.tokens + tokens if before.start >= start else 0)


def _later(counters: Counters, before: Counters | None) -> Counters:
    if before is None:
        return counters
    return Counters(
        max(counters.requests, before.requests),
        max(counters.prompt_tokens, before.prompt_tokens),
        max(counters.completion_tokens, before.completion_tokens),
    )


def _since(counters: Counters, before: Counters | None) -> Counters:
    if before is None:
        return counters
    return Counters(
        counters.requests - before.requests,
        counters.prompt_tokens - before.prompt_tokens,
        counters.completion_tokens - before.completion_tokens,
    )


def _sum(all_counters: Collection[Counters]) -> Counters:
    return Counters(
        sum(one.requests for one in all_counters),
        sum(one.prompt_tokens for one in all_counters),
        sum(one.completion_tokens for one in all_counters),
    )


def _counters(found: Mapping[str, Any]) -> Counters:
    return Counters(found.get("requests", 0), found.get("promptTokens", 0), found.get("completionTokens", 0))


def _told(counters: Counters) -> dict[str, int]:
    return {
        "requests": counters.requests,
        "promptTokens": counters.prompt_tokens,
        "completionTokens": counters.completion_tokens,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
