"""This gateway's part of every tenant's limits, among gateways that share no store.

Owns the caps of all meters. Pure: `peers` carries what is said between gateways, clocks are arguments.

Every gateway has a cap for each limit of each tenant, and the caps sum to no more than the limit. To begin with the
limit is dealt out evenly, so that of a tenant whom nobody mentions everyone knows what the others may do. What a
gateway gives up it may give up at once. What it takes must have been left by all others, and two that take must not
miss each other, so:

- whoever wants more says so, and waits until every other's answer shows that it was heard;
- of those that want more only the first in rank takes; the others wait until it wants no more.

Each of two that take at the same time would have waited for the other's answer, so one of them at least would have
known of the other's wish, and they agree who is first. (Mutual exclusion by asking everyone: Ricart, Agrawala, "An
optimal algorithm for mutual exclusion in computer networks", CACM 24(1), 1981.)

A gateway that does not answer stops all growth and nothing else; one that is gone holds its cap for a window longer.
"""

from collections.abc import Generator
from typing import Final

from tidegate_gateway.directory import TenantLimits
from tidegate_gateway.limits.account import Account
from tidegate_gateway.limits.division import TURN_SECONDS, Party, aim
from tidegate_gateway.limits.ledger import Ledger
from tidegate_gateway.limits.members import Members
from tidegate_gateway.limits.meter import Meter
from tidegate_gateway.limits.scene import Ranking, look
from tidegate_gateway.limits.tables import Answer, Row, Spent, Standing

# A newcomer that has not heard from all others by then goes on without.
SETTLE_SECONDS: Final = 2.0
# Tenants between two moments at which other work may be done.
BATCH: Final = 100


class Shares:
    """The parts of one gateway: gives the meters of its ledger their caps from now on."""

    def __init__(self, ledger: Ledger) -> None:
        self.members = Members(ledger.instance)
        # False while it does not know what the others use; until then it has no part of anything.
        self.is_settled = False
        # True once it admits nothing more.
        self.closing = False
        self._ledger = ledger
        # The last answer.
        self._version = 0
        self._listed_at: float | None = None
        # Who counted when parts were last dealt.
        self._dealt_to: list[str] = []
        ledger.cap = self._first_cap

    def update(self, pods: tuple[str, ...], now: float) -> None:
        """Take the list of gateway Pods, by uid; this one's own may be among them."""
        self.members.update(pods, now)
        if self._listed_at is None:
            self._listed_at = now
        if not self.is_settled and (self.members.is_complete() or now >= self._listed_at + SETTLE_SECONDS):
            self.is_settled = True
            for account in self._ledger.accounts.values():
                for index, meter in enumerate(account.meters):
                    if meter.limit is not None:
                        meter.cap = self._first_cap(account, index, None)

    def answer(self, asker: str, now: float) -> Generator[None, None, Answer]:
        """Return what the process `asker` is told, in steps."""
        heard = self.members.announce(asker, now)
        # A wish that begins between two steps may be in this answer; it is only counted on from the next.
        self._version += 1
        version = self._version
        rows: list[Row] = []
        for number, account in enumerate(list(self._ledger.accounts.values()) if self.is_settled else ()):
            if number % BATCH == BATCH - 1:
                yield
            row = _row(account, now)
            if row is not None:
                rows.append(row)
        live = tuple(member.instance for member in self.members.live.values() if member.instance)
        departed = self.members.departed(now)
        return Answer(self._ledger.instance, version, heard, self.closing, tuple(rows), live, departed)

    def hear(self, answer: Answer, now: float) -> None:
        """Take in what another has answered."""
        self.members.hear(answer, now)

    def round(self, now: float, wall: float) -> Generator[None, None, None]:
        """Divide anew, in steps, from what the others last said; about twice a second."""
        if not self.is_settled:
            return
        self._adopt()
        counted = self.members.counted()
        is_dealt = counted == self._dealt_to and not self.members.gone
        self._dealt_to = counted
        restless = self.members.restless()
        turn = int(wall) // TURN_SECONDS
        for number, account in enumerate(list(self._ledger.accounts.values())):
            if number % BATCH == BATCH - 1:
                yield
            account.expire(now)
            if is_dealt and account.totals.key not in restless and _is_calm(account, now):
                self._note_use(account)
            else:
                self._divide(account, now, turn)
            self._hear_spent(account)

    def _adopt(self) -> None:
        """Open accounts for tenants that lack something elsewhere and do not call here: others shall have our part."""
        accounts = self._ledger.accounts
        for key, row in self.members.lacking():
            if key not in accounts:
                account = self._ledger.account(*key, row.created)
                requests, tokens, at_once = (None if s is None else s.limit for s in row.standings)
                self._ledger.limit(account, TenantLimits(requests, tokens, at_once))

    def _divide(self, account: Account, now: float, turn: int) -> None:
        ranking = Ranking(self.members, account.totals.key)
        for index, meter in enumerate(account.meters):
            if meter.limit is None:
                continue
            limit = meter.limit
            scene = look(self.members, ranking, index, limit)
            meter.elsewhere, meter.part = scene.used, scene.part
            me = Party(ranking.own, int(meter.cap), meter.used, meter.need(now))
            goal = aim(limit - scene.held, me, scene.others, scene.part, turn, idle=account.is_idle())
            if goal > me.cap:
                meter.wished_at = meter.wished_at or self._version + 1
                if scene.may_take(ranking.own) and self.members.have_all_heard(meter.wished_at):
                    meter.cap = max(me.cap, min(goal, scene.room(limit)))
            if goal <= meter.cap:
                meter.cap = goal
                meter.wished_at = 0

    def _first_cap(self, account: Account, index: int, former: int | None) -> int:
        """Return the cap for a limit that is new, or was another."""
        meter = account.meters[index]
        limit = meter.limit or 0
        if not self.is_settled:
            return 0
        if former:
            return int(meter.cap) * limit // former
        scene = look(self.members, Ranking(self.members, account.totals.key), index, limit)
        meter.elsewhere, meter.part = scene.used, scene.part
        return max(0, min(scene.part, scene.room(limit)))

    def _note_use(self, account: Account) -> None:
        """Add up what the others have used."""
        rows = [row for member in self.members.live.values() if (row := member.rows.get(account.totals.key))]
        for index, meter in enumerate(account.meters):
            if meter.limit is not None:
                meter.elsewhere = sum([s.used for row in rows if (s := row.standings[index])])

    def _hear_spent(self, account: Account) -> None:
        budget, key = account.totals.budget, account.totals.key
        if budget is not None:
            rows = ((member.instance, member.rows.get(key)) for member in self.members.live.values())
            budget.hear({name: row.spent for name, row in rows if row is not None and row.spent is not None})


def _is_calm(account: Account, now: float) -> bool:
    """Tell whether no cap would be changed, if the others wish for nothing either."""
    idle = account.is_idle()
    for meter in account.meters:
        if meter.limit is not None and (not meter.is_at_rest(now) or (idle and meter.cap != meter.part)):
            return False
    return True


def _row(account: Account, now: float) -> Row | None:
    if now >= account.full_until:
        account.expire(now)
    totals = account.totals
    requests, tokens, at_once = account.meters
    standings = (_standing(requests, now), _standing(tokens, now), _standing(at_once, now))
    budget = totals.budget
    spent = None
    if budget is not None:
        used = totals.tokens + account.reserved
        spent = Spent(budget.begins, budget.own(used), used)
    elif standings == (None, None, None):
        return None
    return Row(totals.namespace, totals.tenant, totals.created, standings, spent)


def _standing(meter: Meter, now: float) -> Standing | None:
    if meter.limit is None:
        return None
    return Standing(meter.limit, int(meter.cap), meter.used, meter.need(now), meter.wished_at > 0)
