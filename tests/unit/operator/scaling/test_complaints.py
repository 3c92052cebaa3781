"""What users of other autoscalers have complained about, one test each, as far as a pure decision can show it."""

from dataclasses import replace

from tidegate_operator.scaling.budget import Claim, allocate
from tidegate_operator.scaling.facts import Sample, Supply
from tidegate_operator.scaling.retire import Retiree, retire
from unit.operator.scaling.pools import IDLE, NOON, Loop, policy, sample, term, warm, worker


def test_replicas_do_not_cascade_from_2_to_4_to_8_while_pods_load() -> None:
    loop = warm(2, 60, max_replicas=64)
    loop.start = 300.0
    asked = [loop.tick(160, 20).wanted for _ in range(30)]
    assert max(asked[6:]) == asked[6], "what is starting is the answer already"
    assert asked[-1] <= 8, "4 for the load, and some for what piles up until they are there"


def test_a_ramp_is_not_slowed_down_by_waiting_for_every_replica_to_be_ready() -> None:
    loop = warm(2, 60, max_replicas=64)
    loop.start = 300.0
    loop.run(30, 120)
    few = loop.replicas
    assert loop.starting, "some still start"
    loop.run(30, 500)
    assert loop.replicas > few


def test_demand_is_forecast_to_the_time_when_a_replica_that_is_asked_for_now_will_be_ready() -> None:
    asked = {}
    for seconds in (10.0, 90.0):
        loop = Loop(policy(cold_start_seconds=seconds), 3)
        loop.run(1800, 90)
        for index in range(12):
            decision = loop.tick(90 + 8 * index)
        asked[seconds] = term(decision, "Forecast")
    assert asked[90.0] > asked[10.0]


def test_requests_that_a_stuck_engine_still_counts_after_their_clients_left_do_not_block_scale_down_forever() -> (
    None
):
    loop = warm(2, 60, min_replicas=0, idle_seconds=900)
    for _ in range(180):
        stuck = worker("w0", 0, waiting=213, kv_used=0.4)
        others = [worker(f"w{index}") for index in range(1, max(loop.ready, 1))]
        loop.tick(seen=replace(sample(loop.now + 10, 1), workers=(stuck, *others)))
    assert loop.replicas == 0


def test_no_load_is_a_measurement_and_not_a_reason_to_skip() -> None:
    loop = warm(8, 320)
    assert loop.run(3600).wanted == 1


def test_two_replicas_do_not_become_one_and_two_again() -> None:
    """Two that are each a little more than half full are left alone: one could not carry both."""
    loop = Loop(policy(concurrency_target=32.0), 2)
    loop.run(3600, 38)
    assert loop.counts == [2]


def test_rates_of_completion_do_not_hide_saturation() -> None:
    """Engines at their limit complete no more than before; what waits and what arrives still ask for more."""
    loop = warm(2, 80)
    there = loop.replicas
    seen = sample(loop.now + 10, there, 80, 120)
    assert seen.demand
    flood = replace(seen.demand, arrived_requests=3 * seen.demand.arrived_requests)
    assert loop.tick(seen=replace(seen, demand=flood)).wanted > there


def test_a_blank_prometheus_at_the_peak_does_not_send_all_to_the_least() -> None:
    loop = warm(8, 320)
    before = loop.replicas
    for _ in range(60):
        assert loop.tick(seen=replace(sample(loop.now + 10, loop.ready, 320), workers=())).wanted >= before


def test_a_worker_is_not_taken_away_while_its_model_loads() -> None:
    loop = Loop(policy(min_replicas=0, idle_seconds=30.0), 0)
    loop.decide(Sample(NOON, 10.0, IDLE, None))
    loop.now += 10
    assert loop.decide(Sample(loop.now, 10.0, IDLE, None), mark=loop.now).wanted == 1
    for _ in range(180):
        loop.now += 10
        loading = loop.decide(Sample(loop.now, 10.0, IDLE, None), supply=Supply(1, 0, pending=1))
        assert loading.wanted == 1


def test_a_model_that_sleeps_does_not_starve_the_signal_that_would_wake_it() -> None:
    """What is held is demand: no worker is needed to measure it."""
    loop = Loop(policy(min_replicas=0), 0)
    seen = Sample(NOON, 10.0, replace(IDLE, queued=5, queued_prompt_tokens=500, arrived_requests=5), ())
    decision = loop.decide(seen)
    assert (decision.wanted, term(decision, "QueueDepth") > 0) == (1, True)


def test_one_replica_that_is_not_ready_does_not_wedge_the_pool_and_no_load_still_leads_down() -> None:
    loop = warm(4, 120)
    for index in range(180):
        loop.now += 10
        there = loop.decisions[-1].wanted if index else loop.replicas
        ready = max(there - 1, 0)
        loop.decide(sample(loop.now, ready), supply=Supply(there, ready, 0, min(there, 1)))
    assert loop.decisions[-1].wanted == 1


def test_from_0_to_8_replicas_takes_one_decision_and_not_two_hours() -> None:
    loop = warm(2, 60, min_replicas=0, idle_seconds=600)
    loop.run(7200)
    assert loop.replicas == 0
    held = replace(IDLE, queued=600, queued_prompt_tokens=600 * 1150, queued_output_tokens=600 * 210)
    assert loop.decide(Sample(loop.now, 10.0, held, None), mark=loop.now).wanted >= 8


def test_fewer_replicas_break_no_stream() -> None:
    """The busiest stays, the one that leaves gets time, and the Deployment is told only when it is done."""
    there = [Retiree("a", True, 7, False, None), Retiree("b", True, 2, False, None)]
    first = retire(there, 1, 300, NOON)
    assert (first.mark, first.replicas) == (("b",), 2)
    leaving = [there[0], Retiree("b", True, 1, True, NOON)]
    assert retire(leaving, 1, 300, NOON + 200).replicas == 2


def test_one_model_does_not_take_all_accelerators_and_nothing_wobbles() -> None:
    greedy = Claim(("team", "a"), "shared", "medium", 10, 1, 9)
    modest = Claim(("team", "b"), "shared", "medium", 4, 1, 1)
    given = allocate([greedy, modest], accelerators=10)
    counts = {place[0][1]: replicas for place, (replicas, _) in given.items()}
    assert counts["b"] >= 2
    for _ in range(20):
        again = [replace(greedy, current=counts["a"]), replace(modest, current=counts["b"])]
        found = allocate(again, accelerators=10)
        assert {place[0][1]: replicas for place, (replicas, _) in found.items()} == counts


def test_a_queue_is_measured_although_there_are_no_replicas() -> None:
    """What engines cannot tell is not taken for an empty queue, and what gateways tell is enough."""
    loop = Loop(policy(min_replicas=0), 0)
    unheard = loop.decide(Sample(NOON, 10.0, None, None))
    assert (unheard.wanted, unheard.terms, "demand" in unheard.missing) == (0, (), True)
    loop.now += 10
    heard = loop.decide(Sample(loop.now, 10.0, replace(IDLE, queued=1), None))
    assert heard.wanted == 1
