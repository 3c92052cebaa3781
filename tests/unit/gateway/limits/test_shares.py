"""One limit, several gateways, and no store between them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.directory import Caller
from unit.gateway.limits.gateways import STEP_SECONDS, Network, Node, at_once, caller

PODS = ("a", "b", "c")


def network(seed: int = 0, **options: object) -> Network:
    """Three gateways that know each other."""
    net = Network(seed, **options)  # type: ignore[arg-type]
    net.start(*PODS)
    net.wait(3)
    return net


def flood(net: Network, seconds: float, who: Caller, *pods: str, rate: float = 20, tokens: int = 1) -> int:
    """Send at a steady rate per second to each of these; return how many were admitted in the last minute."""
    begin = net.now
    for now in net.run(seconds):
        for _ in range(int(rate * (now - begin)) - int(rate * (now - begin - STEP_SECONDS))):
            for pod in pods:
                net.send(pod, who, tokens)
    return sum(1 for moment, _ in net.admitted if moment > net.now - 60)


def test_under_a_flood_at_all_gateways_a_minute_holds_the_limit_exactly() -> None:
    net, who = network(), caller(requests_per_minute=300)
    assert flood(net, 130, who, *PODS) == 300
    assert net.most_requests == 300
    assert max(net.caps(0).values()) - min(net.caps(0).values()) <= 2


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 300])
@pytest.mark.parametrize("pod", PODS)
def test_a_tenant_that_talks_to_one_gateway_only_gets_all_of_its_limit(pod: str, limit: int) -> None:
    net, who = network(), caller(requests_per_minute=limit)
    flood(net, 6, who, pod, rate=max(20, limit))
    assert net.caps(0)[pod] >= limit * 0.9
    assert flood(net, 70, who, pod, rate=max(20, limit)) == limit
    assert net.most_requests == limit


def test_uneven_load_below_the_limit_is_served() -> None:
    net, who = network(), caller(requests_per_minute=300)
    sent = served = 0
    begin = net.now
    for now in net.run(180):
        for pod, rate in zip(PODS, (2.5, 1.5, 0.4), strict=True):
            if int(rate * (now - begin)) > int(rate * (now - begin - STEP_SECONDS)):
                admitted = net.send(pod, who)
                if now > begin + 60:
                    sent += 1
                    served += admitted
    assert sent > 500
    assert served >= 0.99 * sent


def test_requests_at_a_time_are_counted_over_all_gateways() -> None:
    net, who = network(), caller(concurrency=10)
    for _ in net.run(30):
        for pod in PODS:
            net.send(pod, who, holds=1.0)
    assert net.most_open == 10
    assert len(net.open) == 10


def test_one_request_at_a_time_goes_through_whichever_gateway() -> None:
    for pod in PODS:
        net, who = network(), caller(concurrency=1)
        begin = net.now
        served = sum(
            net.send(pod, who, holds=0.5) for now in net.run(30) if (now - begin) % 1.0 < STEP_SECONDS / 2
        )
        assert served >= 27


def test_requests_of_more_than_a_gateways_part_are_served_everywhere_in_turn() -> None:
    net, who = network(), caller(tokens_per_minute=1000)
    served = dict.fromkeys(PODS, 0)
    for _ in net.run(600):
        for pod in PODS:
            served[pod] += net.send(pod, who, 600)
    assert sum(served.values()) >= 8
    assert min(served.values()) >= 1
    assert net.most_tokens == 600


def test_what_a_lost_gateway_may_have_used_is_kept_for_a_minute_then_the_others_have_it() -> None:
    net, who = network(), caller(requests_per_minute=300)
    flood(net, 90, who, *PODS)
    net.kill("b")
    assert flood(net, 60, who, "a", "c") == 200
    assert flood(net, 70, who, "a", "c") == 300
    assert net.most_requests == 300


@pytest.mark.parametrize("seed", range(5))
def test_a_gateway_that_is_lost_and_comes_back_under_a_flood_adds_nothing(seed: int) -> None:
    net, who = network(seed), caller(requests_per_minute=300)
    flood(net, 70, who, *PODS)
    for pod in ("b", "c", "b"):
        net.kill(pod)
        net.wait(seed / 5)
        net.start(pod)
        flood(net, 25, who, *PODS)
    assert net.most_requests == 300
    assert flood(net, 150, who, *PODS) == 300


def test_a_rollout_that_replaces_all_gateways_leaves_a_tenant_what_it_uses() -> None:
    net, who = network(), caller(requests_per_minute=300)
    for pod in PODS:
        flood(net, 20, who, *net.nodes, rate=0.5)
        net.start(pod + "-new")
        net.wait(2)
        net.close(pod)
        net.wait(2)
    new = tuple(net.nodes)
    begin, sent, served = net.now, 0, 0
    for now in net.run(60):
        for pod in new:
            if int(0.5 * (now - begin)) > int(0.5 * (now - begin - STEP_SECONDS)):
                sent += 1
                served += net.send(pod, who)
    assert served >= 0.95 * sent
    assert net.most_requests <= 300


def test_a_newcomer_admits_nothing_before_it_has_heard_from_all_others() -> None:
    net, who = network(), caller(requests_per_minute=300)
    unlimited = caller("other")
    net.start("d")
    assert not net.send("d", who)
    assert net.send("d", unlimited), "without limits there is nothing to divide"
    net.wait(1.5)
    assert net.send("d", who)
    assert sum(net.caps(0).values()) <= 300


def test_a_newcomer_says_nothing_of_tenants_before_it_knows_its_part() -> None:
    """The others would take its nothing for its word, and its part for theirs."""
    net, who = network(), caller(requests_per_minute=300)
    net.start("d")
    assert not net.send("d", who)
    assert at_once(net.nodes["d"].shares.answer("a-0", net.now)).rows == ()
    net.wait(1.5)
    assert at_once(net.nodes["d"].shares.answer("a-0", net.now)).rows


def test_a_newcomer_goes_on_without_one_that_does_not_answer() -> None:
    net = Network(loss=1.0)
    net.start("a", "b")
    who = caller(requests_per_minute=300)
    for _ in net.run(2.0):
        assert not net.send("a", who)
    net.wait(1.0)
    assert net.send("a", who)
    assert net.caps(0)["a"] == 150


def test_while_one_does_not_answer_all_keep_what_they_have() -> None:
    net, who = network(), caller(requests_per_minute=300)
    flood(net, 70, who, *PODS)
    net.loss = 1.0
    before = net.caps(0)
    assert flood(net, 70, who, *PODS) >= 290
    assert sum(net.caps(0).values()) <= sum(before.values())
    assert net.most_requests == 300


def test_a_lower_limit_holds_at_all_gateways_at_once_and_a_higher_one_too() -> None:
    net = network()
    flood(net, 70, caller(requests_per_minute=300), *PODS)
    assert flood(net, 1, caller(requests_per_minute=90), *PODS) >= 299, "what was used stays used"
    assert not any(net.send(pod, caller(requests_per_minute=90)) for pod in PODS)
    net.admitted.clear()
    net.most_requests = 0
    assert flood(net, 130, caller(requests_per_minute=90), *PODS) == 90
    flood(net, 65, caller(requests_per_minute=600), *PODS)
    assert flood(net, 65, caller(requests_per_minute=600), *PODS) == 600
    assert net.most_requests == 600


def test_a_tenant_that_rests_is_forgotten_everywhere_and_begins_with_even_parts() -> None:
    net, who = network(), caller(requests_per_minute=300)
    flood(net, 30, who, "a")
    assert net.caps(0)["a"] == 300
    net.wait(70)
    assert net.caps(0) == {}
    for pod in PODS:
        assert net.send(pod, who)
    assert net.caps(0) == {"a": 100, "b": 100, "c": 100}


def test_headers_tell_what_is_left_over_all_gateways() -> None:
    net, who = network(), caller(requests_per_minute=300)
    for pod, count in zip(PODS, (10, 20, 30), strict=True):
        for _ in range(count):
            assert net.send(pod, who)
    net.wait(1.5)
    for node in net.nodes.values():
        assert b"x-ratelimit-remaining-requests: 240\r\n" in node.ledger.headers(who, net.now)


def test_a_refusal_for_want_of_a_larger_part_asks_to_come_again_in_a_second() -> None:
    net, who = network(), caller(requests_per_minute=30)
    for _ in range(10):
        assert net.send("a", who)
    problem = net.nodes["a"].ledger.reserve(who, 1, net.now, 0.0)
    assert dict(getattr(problem, "headers", ()))["retry-after"] == "1"


def test_a_budget_counts_what_others_have_used_and_the_operator_has_not_read() -> None:
    net, who = network(), caller(budget_tokens=100)
    assert net.send("a", who, 60)
    assert net.send("b", who, 10)
    net.wait(1.5)
    assert not net.send("b", who, 31)
    assert net.send("b", who, 30)
    seen = {net.nodes["a"].ledger.instance: 60, net.nodes["b"].ledger.instance: 10}
    written = caller(budget_tokens=130, budget_used=70, budget_since=1793491200.0, budget_seen=seen)
    net.wait(1.5)
    assert not net.send("a", written, 31)
    assert net.send("a", written, 30)


VERBS = st.sampled_from(["kill", "close", "start", "rest", "flood", "trickle", "flood", "trickle"])


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 999),
    limit=st.sampled_from([1, 2, 5, 30, 200]),
    kind=st.sampled_from(["requests_per_minute", "tokens_per_minute", "concurrency"]),
    steps=st.lists(
        st.tuples(VERBS, st.sampled_from("abcd"), st.sampled_from([0.1, 1.0, 4.0, 20.0])), max_size=30
    ),
)
def test_whatever_happens_to_gateways_the_limit_holds(
    seed: int, limit: int, kind: str, steps: list[tuple[str, str, float]]
) -> None:
    """As long as one is there that knows what the others did: what nobody remembers nobody can count."""
    net, who = network(seed, delay=(0.001, 0.2)), caller(**{kind: limit})
    rates: dict[str, int] = {}
    size = max(1, limit // 3) if seed % 3 == 0 else 1
    for verb, pod, seconds in steps:
        settled = [other for other, node in net.nodes.items() if other != pod and _is_settled(node)]
        if verb in {"kill", "close"} and pod in net.nodes and settled and not net.nodes[pod].shares.closing:
            net.kill(pod) if verb == "kill" else net.close(pod)
        elif verb == "start" and pod not in net.nodes:
            net.start(pod)
        elif verb in {"flood", "trickle", "rest"}:
            rates[pod] = {"flood": 4, "trickle": 1, "rest": 0}[verb]
        for number, _ in enumerate(net.run(seconds)):
            for other, rate in rates.items():
                for _ in range(rate if rate != 1 or number % 8 == 0 else 0):
                    net.send(other, who, size, holds=0.7)
    most = {"requests_per_minute": net.most_requests, "tokens_per_minute": net.most_tokens}
    assert most.get(kind, net.most_open) <= limit


def _is_settled(node: Node) -> bool:
    shares = node.shares
    return shares.is_settled and not shares.closing and shares.members.is_complete()


def test_a_round_can_be_done_in_steps() -> None:
    """A thousand tenants are divided with pauses, in which requests are admitted and answers given."""
    net = network()
    for number in range(1000):
        net.send("a", caller(f"tenant-{number}", requests_per_minute=30))
    shares = net.nodes["a"].shares
    steps = shares.round(net.now, 0.0)
    pauses = 0
    for _ in steps:
        pauses += 1
        net.send("a", caller(f"late-{pauses}", requests_per_minute=30))
        at_once(shares.answer("b-1", net.now))
    assert pauses >= 10
