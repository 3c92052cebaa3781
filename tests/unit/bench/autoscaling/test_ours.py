"""The law that is measured is the law that ships, on what the simulation tells."""

from tidegate_bench.autoscaling.policies.ours import Ours, supply
from tidegate_bench.autoscaling.policies.policy import GatewayView, Observation, PodView
from tidegate_bench.autoscaling.pool import Scrape


def scrape(at: float, prompt: int = 0, output: int = 0, gap: float = 0.0, gaps: int = 0) -> Scrape:
    return Scrape(at, 1, 2, 0.3, prompt, output, 0, 0, 0, gap, gaps)


def gateway(arrived: int) -> GatewayView:
    return GatewayView(arrived, arrived * 100, 0, 0, 0, 0, 0.0, 0, 0, 3)


def pod(
    name: str, *scrapes: Scrape, ready: bool = True, draining: bool = False, stuck: bool = False
) -> PodView:
    return PodView(name, ready, draining, 0.0, scrapes, stuck=stuck)


def test_who_drains_is_no_supply_but_still_asked_for() -> None:
    pods = (
        pod("a"),
        pod("b", ready=False),
        pod("c", ready=False, draining=True),
        pod("d", ready=False, stuck=True),
    )
    found = supply(Observation(0.0, 4, pods, None))
    assert (found.desired, found.ready, found.pending, found.stuck, found.draining) == (4, 1, 1, 1, 1)
    assert found.stuck_because


def test_rates_between_two_scrapes_are_brought_to_the_samples_interval() -> None:
    ours = Ours()
    ours.decide(Observation(100.0, 1, (pod("a", scrape(95.0)),), gateway(5)))
    seen = Observation(
        110.0,
        1,
        (pod("a", scrape(95.0), scrape(110.0, prompt=300, output=150, gap=3.0, gaps=60)),),
        gateway(8),
    )
    sample = ours._sample(seen)
    assert sample.interval_seconds == 10.0
    assert sample.demand is not None
    assert (sample.demand.arrived_requests, sample.demand.arrived_prompt_tokens) == (3, 300)
    assert sample.workers is not None
    (worker,) = sample.workers
    assert (worker.prompt_tokens, worker.output_tokens, worker.inter_token_seconds) == (200, 100, 0.05)


def test_what_prometheus_lost_is_asked_of_the_engine_and_else_missing() -> None:
    lost = (pod("a"), pod("b"))
    direct = {"a": scrape(100.0), "b": scrape(100.0)}
    ours = Ours()
    ours.decide(Observation(100.0, 2, lost, gateway(5), False, direct))
    assert not ours.is_blind()
    ours.decide(Observation(110.0, 2, lost, gateway(5), False, {"a": scrape(110.0)}))
    assert ours.is_blind()


def test_an_old_scrape_is_no_measurement() -> None:
    ours = Ours()
    ours.decide(Observation(100.0, 1, (pod("a", scrape(54.0)),), gateway(5)))
    assert ours.is_blind()


def test_a_gateway_that_is_not_heard_is_no_demand_rather_than_none() -> None:
    ours = Ours()
    ours.decide(Observation(100.0, 1, (pod("a", scrape(95.0)),), None))
    assert ours.is_blind()
    assert ours.decisions[-1].wanted == 1
