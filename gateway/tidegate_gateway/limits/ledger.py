"""Whether a tenant may send one more request, and what it has used.

Owns the accounts of all tenants at this gateway. Pure: times are arguments, `now` of the event loop's clock and
`wall` in Unix seconds. Must not know what the other gateways do: `Shares` sets the caps of meters accordingly.

A request is admitted with an estimate of its tokens and settled, once, with what it has really used, however it
ended. What it used less goes back to the moment it was admitted in; what it used more counts from the end.
"""

from collections.abc import Callable, Iterable

from tidegate_gateway.directory import Caller, TenantLimits
from tidegate_gateway.errors import Problem
from tidegate_gateway.limits import headers, refusals
from tidegate_gateway.limits.account import Account, Reservation, Totals
from tidegate_gateway.limits.budget import Budget
from tidegate_gateway.limits.meter import UNLIMITED

Key = tuple[str, str]


class Ledger:
    """All tenants at this gateway; `instance` is how the operator and other gateways call it."""

    def __init__(self, instance: str = "") -> None:
        self.instance = instance
        self.accounts: dict[Key, Account] = {}
        # Tells how much this gateway may use of an account's meter by its index, whose limit has just changed.
        self.cap: Callable[[Account, int, int | None], int] = _whole
        self._totals: dict[Key, Totals] = {}

    def reserve(self, caller: Caller, tokens: int, now: float, wall: float) -> Reservation | Problem:
        """Admit a request that will take about so many tokens, or say why not; `settle` what is returned."""
        account = self.accounts.get((caller.namespace, caller.tenant))
        if account is None or account.limits is not caller.limits or account.totals.created != caller.created:
            account = self._open(caller, wall)
        if now >= account.full_until:
            account.expire(now)
        requests, used, at_once = account.requests, account.tokens, account.concurrency
        if requests.used >= requests.cap or used.used + tokens > used.cap or at_once.used >= at_once.cap:
            account.miss(tokens, now)
            return refusals.over_limit(account, tokens, now)
        budget = account.totals.budget
        if budget is not None:
            total = account.totals.tokens
            if wall >= budget.ends:
                budget.turn(total, wall)
            if budget.spent(total) + account.reserved + tokens > budget.tokens:
                return refusals.over_budget(account, budget, tokens, now, wall)
        return account.admit(tokens, now)

    def settle(
        self, reservation: Reservation, prompt_tokens: int, completion_tokens: int, now: float
    ) -> None:
        """Count what a request has really used; a second time does nothing."""
        account, reservation.account = reservation.account, None
        if account is not None:
            account.settle(reservation, prompt_tokens, completion_tokens, now)

    def headers(self, caller: Caller, now: float) -> bytes:
        """Return the `x-ratelimit-*` lines of a tenant, each with its end; b"" without limits."""
        account = self.accounts.get((caller.namespace, caller.tenant))
        if account is None:
            return b""
        if now >= account.full_until:
            account.expire(now)
        return headers.lines(account, now)

    def usage(self) -> Iterable[Totals]:
        """Return what each tenant has used since the process started."""
        return self._totals.values()

    def renew(self, callers: Iterable[Caller]) -> None:
        """Begin anew with tenants that were deleted and made again under the same name."""
        for caller in callers:
            totals = self._totals.get((caller.namespace, caller.tenant))
            if totals is not None and totals.created != caller.created:
                self.account(caller.namespace, caller.tenant, caller.created)

    def tidy(self, now: float, wall: float) -> None:
        """Forget who has not called for a minute, and turn budgets whose window has ended; about once a second."""
        for key, account in list(self.accounts.items()):
            account.expire(now)
            if account.is_idle() and all(meter.is_at_rest(now) for meter in account.meters):
                del self.accounts[key]
        for totals in self._totals.values():
            budget = totals.budget
            if budget is not None and wall >= budget.ends:
                budget.turn(totals.tokens, wall)

    def account(self, namespace: str, tenant: str, created: float) -> Account:
        """Return the account of a tenant, made if there is none."""
        key = (namespace, tenant)
        totals = self._totals.get(key)
        if totals is None or totals.created != created:
            # A tenant that was deleted and made again is another one.
            self.accounts.pop(key, None)
            totals = self._totals[key] = Totals(namespace, tenant, created)
        account = self.accounts.get(key)
        if account is None:
            account = self.accounts[key] = Account(totals)
        return account

    def limit(self, account: Account, limits: TenantLimits) -> None:
        """Let other limits hold from now on, for what was used under the former ones too."""
        account.limits = limits
        values = (limits.requests_per_minute, limits.tokens_per_minute, limits.concurrency)
        for index, value in enumerate(values):
            meter = account.meters[index]
            if value != meter.limit:
                former, meter.limit = meter.limit, value
                meter.cap = UNLIMITED if value is None else self.cap(account, index, former)

    def _open(self, caller: Caller, wall: float) -> Account:
        """Return the account of a caller, with the limits that hold now."""
        account = self.account(caller.namespace, caller.tenant, caller.created)
        limits, totals = caller.limits, account.totals
        self.limit(account, limits)
        if limits.budget_tokens is None:
            totals.budget = None
        elif totals.budget is None:
            totals.budget = Budget(self.instance, limits, totals.tokens, wall)
        else:
            totals.budget.set(limits, totals.tokens, wall)
        return account


def _whole(account: Account, index: int, _: int | None) -> int:
    return account.meters[index].limit or 0
