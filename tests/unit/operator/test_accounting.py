"""What a tenant has used: the sum of counters that begin anew with every gateway process, and nothing twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.tenant import LLMTenantStatus
from tidegate_api.windows import Window, window_start
from tidegate_operator.accounting import Account, Budget, read, settle, write
from tidegate_operator.census import Census, Reading, next_census
from tidegate_operator.facts import Counters, Key

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY, MONTH = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
SINCE = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def used(requests: int, prompt: int = 0, completion: int = 0) -> Counters:
    return Counters(requests, prompt, completion)


def account(sum_: Counters, budget: Budget | None = None, **counted: Counters) -> Account:
    return Account(SINCE, sum_, counted, budget)


@dataclass(frozen=True)
class Case:
    """What was known, what is heard, what is known then."""

    sentence: str
    before: Account
    heard: dict[str, Counters]
    after: Account
    ended: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.sentence


CASES = [
    Case(
        "nothing is heard",
        account(used(5, 50, 20), a=used(5, 50, 20)),
        {},
        account(used(5, 50, 20), a=used(5, 50, 20)),
    ),
    Case(
        "the first word", account(used(0)), {"a": used(2, 30, 4)}, account(used(2, 30, 4), a=used(2, 30, 4))
    ),
    Case(
        "a counter has grown",
        account(used(2, 30, 4), a=used(2, 30, 4)),
        {"a": used(3, 50, 9)},
        account(used(3, 50, 9), a=used(3, 50, 9)),
    ),
    Case(
        "the same word again",
        account(used(2, 30, 4), a=used(2, 30, 4)),
        {"a": used(2, 30, 4)},
        account(used(2, 30, 4), a=used(2, 30, 4)),
    ),
    Case(
        "an old word that comes late",
        account(used(3, 50, 9), a=used(3, 50, 9)),
        {"a": used(2, 30, 4)},
        account(used(3, 50, 9), a=used(3, 50, 9)),
    ),
    Case(
        "a second gateway",
        account(used(2, 30, 4), a=used(2, 30, 4)),
        {"b": used(1, 10, 1)},
        account(used(3, 40, 5), a=used(2, 30, 4), b=used(1, 10, 1)),
    ),
    Case(
        "a gateway starts anew: the old process is in the sum",
        account(used(9, 90, 9), old=used(9, 90, 9)),
        {"new": used(1, 10, 1)},
        account(used(10, 100, 10), new=used(1, 10, 1)),
        ended=frozenset({"old"}),
    ),
    Case(
        "a gateway is gone",
        account(used(9, 90, 9), a=used(4, 40, 4), b=used(5, 50, 5)),
        {},
        account(used(9, 90, 9), b=used(5, 50, 5)),
        ended=frozenset({"a"}),
    ),
    Case("a gateway that has served others only", account(used(1)), {"a": used(0)}, account(used(1))),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_sum(case: Case) -> None:
    assert settle(case.before, case.heard, case.ended, None, NOON) == case.after


BUDGETS: list[Any] = [
    ("no budget", None, None, None),
    ("a budget that is new begins with what was not known before", None, "Day", Budget(TODAY, 7)),
    ("the same window goes on", Budget(TODAY, 100), "Day", Budget(TODAY, 107)),
    ("another day begins with nothing", Budget(TODAY - timedelta(days=1), 100), "Day", Budget(TODAY, 0)),
    ("a day becomes a month, which it was part of", Budget(TODAY, 100), "Month", Budget(MONTH, 107)),
    ("a month becomes a day, of which nothing is known", Budget(MONTH, 100), "Day", Budget(TODAY, 0)),
    ("the budget is taken away", Budget(TODAY, 100), None, None),
]


@pytest.mark.parametrize(
    ("before", "window", "after"), [pytest.param(*case[1:], id=case[0]) for case in BUDGETS]
)
def test_the_budget(before: Budget | None, window: Window | None, after: Budget | None) -> None:
    known = account(used(1, 10, 5), before, a=used(1, 10, 5))
    found = settle(known, {"a": used(2, 15, 7)}, (), window, NOON)
    assert found.budget == after
    assert found.used == used(2, 15, 7)


def test_a_status_reads_back_as_it_was_written() -> None:
    known = account(used(3, 2**40, 9), Budget(TODAY, 2**41), b=used(2, 2**40, 8), a=used(1, 0, 1))
    status = write(known)
    LLMTenantStatus.model_validate(status)
    assert status["usage"]["totalTokens"] == 2**40 + 9
    assert read(status, NOON) == known


def test_a_tenant_without_a_status_begins_now_with_nothing() -> None:
    assert read({}, NOON + timedelta(microseconds=5)) == Account(NOON, used(0), {}, None)


TENANT = Key("team-a", "web")


@dataclass
class World:
    """Gateways that count, end and start anew; an operator that hears some of them and forgets all but the status."""

    now: datetime = NOON
    pods: dict[str, int] = field(default_factory=dict)
    counters: dict[str, Counters] = field(default_factory=dict)
    heard: dict[str, Counters] = field(default_factory=dict)
    census: Census | None = None
    status: dict[str, Any] = field(default_factory=dict)

    def instance(self, pod: str) -> str:
        return f"{pod}-{self.pods[pod]}"

    def use(self, pod: str, tokens: int) -> None:
        if pod in self.pods:
            one = self.counters[self.instance(pod)]
            self.counters[self.instance(pod)] = used(
                one.requests + 1, one.prompt_tokens + tokens, one.completion_tokens
            )

    def start(self, pod: str) -> None:
        """A new Pod, or a new process in the one that is there. A Pod that is gone never comes back."""
        if pod in self.pods or all(not name.startswith(f"{pod}-") for name in self.counters):
            self.pods[pod] = self.pods.get(pod, 0) + 1
            self.counters[self.instance(pod)] = Counters()

    def round(self, answers: list[str], ready: list[str]) -> None:
        pods = [
            {
                "metadata": {"uid": pod, "name": pod},
                "status": {"conditions": [{"type": "Ready", "status": str(pod in ready)}]},
            }
            for pod in self.pods
        ]
        said = {
            pod: Reading(self.instance(pod), {TENANT: self.counters[self.instance(pod)]})
            for pod in answers
            if pod in self.pods
        }
        self.heard |= {one.instance: one.tenants[TENANT] for one in said.values()}
        self.census = next_census(self.census, pods, said)

    def reconcile(self, window: Window | None) -> None:
        before = read(self.status, self.now)
        census = self.census
        ended = {name for name in before.counted if census is not None and census.has_ended(name)}
        counted = census.counters(TENANT) if census is not None else {}
        self.status = write(settle(before, counted, ended, window, self.now))

    def check(self, window: Window | None) -> None:
        """What is known is what was heard: of each process its last word, once."""
        found = read(self.status, self.now)
        assert found.used.requests == sum(one.requests for one in self.heard.values())
        assert found.used.prompt_tokens == sum(one.prompt_tokens for one in self.heard.values())
        if self.census is not None:
            assert len(found.counted) <= len(self.census.pods)
        if window is None:
            assert found.budget is None
        else:
            assert found.budget is not None
            assert found.budget.start == window_start(window, self.now)
            assert 0 <= found.budget.tokens <= found.used.tokens


PODS = ["p", "q", "r"]
pod = st.sampled_from(PODS)
some = st.lists(pod, unique=True)
steps = st.one_of(
    st.tuples(st.just("use"), pod, st.integers(0, 10**12)),
    st.tuples(st.just("start"), pod),
    st.tuples(st.just("kill"), pod),
    st.tuples(st.just("round"), some, some),
    st.tuples(st.just("operator starts anew")),
    st.tuples(st.just("time passes"), st.integers(1, 100)),
)


@given(st.lists(steps, max_size=40), st.sampled_from([None, "Hour", "Day"]))
def test_whatever_starts_anew_in_whichever_order_each_last_word_counts_once(
    taken: list[tuple[Any, ...]], window: Window | None
) -> None:
    world = World()
    world.start("p")
    before = Counters()
    for name, *arguments in taken:
        if name == "kill":
            world.pods.pop(arguments[0], None)
        elif name == "operator starts anew":
            world.census = None
        elif name == "time passes":
            world.now += timedelta(minutes=arguments[0])
        else:
            getattr(world, name)(*arguments)
        world.reconcile(window)
        world.check(window)
        after = read(world.status, world.now).used
        assert after.requests >= before.requests
        assert after.tokens >= before.tokens
        before = after


@given(st.lists(st.tuples(pod, st.integers(0, 10**9)), min_size=1, max_size=30))
def test_what_is_heard_to_the_end_is_counted_to_the_last_token(uses: list[tuple[str, int]]) -> None:
    world = World()
    for name in PODS:
        world.start(name)
    for name, tokens in uses:
        world.use(name, tokens)
        world.round(PODS, PODS)
        world.reconcile("Month")
        world.start(name)
    found = read(world.status, world.now)
    assert found.used == used(len(uses), sum(tokens for _, tokens in uses), 0)
    assert found.budget is not None
    assert found.budget.tokens <= found.used.tokens
