"""What is happening now, out of gateways' pages: their real text, as their own collectors write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from tidegate_gateway.metrics import Metrics
from tidegate_live import Live, Queued, Window, as_json, live, read
from tidegate_live.figures import quantile
from tidegate_live.window import STALE_SECONDS

NAMED = 'namespace="team",service="chat"'
TENANT = 'namespace="team",tenant="search"'
HEAD = "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.\n"


def page(requests: float = 0, errors: float = 0, tokens: float = 0, **gauges: float) -> str:
    rows = {
        f'tidegate_gateway_queued_requests{{{NAMED},pool="shared",qos_class="high"}}': gauges.get("high", 0),
        f'tidegate_gateway_queued_requests{{{NAMED},pool="shared",qos_class="low"}}': gauges.get("low", 0),
        f'tidegate_gateway_queued_requests{{{NAMED},pool="low",qos_class="low"}}': gauges.get("low", 0),
        f"tidegate_gateway_in_flight_requests{{{NAMED}}}": gauges.get("running", 0),
        f"llm_batch_size{{{NAMED}}}": gauges.get("batch", 0),
        f'tidegate_gateway_ready_workers{{{NAMED},pool="shared"}}': gauges.get("shared", 3),
        f'tidegate_gateway_ready_workers{{{NAMED},pool="low"}}': 1,
        f'tidegate_gateway_credits_used_tokens{{{NAMED},pool="shared"}}': 100,
        f'tidegate_gateway_credits_limit_tokens{{{NAMED},pool="shared"}}': 400,
        f'tidegate_gateway_requests_total{{{NAMED},qos_class="high",code="200"}}': requests,
        f'tidegate_gateway_requests_total{{{NAMED},qos_class="low",code="503"}}': errors,
        'tidegate_gateway_requests_total{namespace="",service="",qos_class="",code="401"}': 7,
        f"tidegate_gateway_completion_tokens_total{{{NAMED}}}": tokens,
        f"tidegate_gateway_tenant_requests_total{{{TENANT}}}": requests,
        f'tidegate_gateway_tenant_tokens_total{{{TENANT},kind="prompt"}}': tokens,
        f'tidegate_gateway_tenant_tokens_total{{{TENANT},kind="completion"}}': tokens,
    }
    if "kv" in gauges:
        rows[f'tidegate_gateway_kv_cache_used_ratio{{{NAMED},pool="shared"}}'] = gauges["kv"]
        rows[f'tidegate_gateway_kv_cache_used_ratio{{{NAMED},pool="low"}}'] = 0.0
    return HEAD + "".join(f"{name} {value}\n" for name, value in rows.items())


def seen(*pages: tuple[str, float, str]) -> Window:
    window = Window()
    for gateway, at, text in pages:
        window = window.with_page(gateway, at, text)
    return window


def test_the_first_look_has_counts_and_no_rates_yet() -> None:
    found = live(seen(("a", 10.0, page(requests=5, tokens=50, high=2, low=1, running=4, batch=3))), 10.5)
    service = found.services["team/chat"]
    assert (found.gateways, found.missing, found.window_seconds) == (1, None, 0.0)
    assert service.queued == Queued(high=2, low=2)
    assert (service.queued.total, service.running, service.batch_size) == (4, 4, 3)
    assert (service.requests_per_second, service.tokens_per_second, service.ttft_p50_seconds) == (0, 0, None)
    assert found.tenants["team/search"].tokens_total == 100


def test_rates_are_over_the_seconds_between_the_first_look_and_the_last() -> None:
    pages = [("a", 0.0, page()), ("a", 5.0, page(40, 2, 10)), ("a", 10.0, page(90, 10, 400))]
    service = live(seen(*pages), 10.0).services["team/chat"]
    assert (service.requests_per_second, service.errors_per_second) == (10.0, 1.0)
    assert service.tokens_per_second == 40.0


def test_a_minute_ago_is_forgotten() -> None:
    busy = [("a", float(second), page(requests=100.0 * second)) for second in range(0, 11, 2)]
    idle = [("a", float(second), page(requests=1000.0)) for second in range(12, 73, 2)]
    assert live(seen(*busy, *idle), 72.0).services["team/chat"].requests_per_second == 0.0


def test_what_a_gateway_has_counted_is_summed_and_what_it_sees_of_workers_is_not() -> None:
    told = page(requests=10, high=1, running=2, batch=6)
    later = page(requests=30, high=1, running=2, batch=7)
    found = live(seen(("a", 0.0, told), ("b", 1.0, told), ("a", 10.0, later), ("b", 11.0, later)), 11.0)
    service = found.services["team/chat"]
    assert (found.gateways, service.queued.high, service.running, service.batch_size) == (2, 2, 4, 7)
    assert service.requests_per_second == 4.0
    assert [(pool.name, pool.workers_ready) for pool in service.pools] == [("low", 1), ("shared", 3)]
    assert (service.pools[1].credits_used_tokens, service.pools[1].credits_limit_tokens) == (200, 800)
    assert found.tenants["team/search"].requests_per_minute == 240.0


def test_a_gateway_that_began_anew_counts_from_nothing_rather_than_backwards() -> None:
    pages = [("a", 0.0, page(1000)), ("a", 5.0, page(1010)), ("a", 10.0, page(20))]
    assert live(seen(*pages), 10.0).services["team/chat"].requests_per_second == 3.0


def test_a_series_that_appears_later_began_at_nothing() -> None:
    window = seen(("a", 0.0, HEAD), ("a", 10.0, page(requests=50)))
    assert live(window, 10.0).services["team/chat"].requests_per_second == 5.0


def test_the_kv_cache_is_that_of_all_workers_and_unknown_where_nobody_tells() -> None:
    told = live(seen(("a", 0.0, page(kv=0.8))), 0.0).services["team/chat"]
    assert [pool.kv_used_ratio for pool in told.pools] == [0.0, 0.8]
    assert told.kv_used_ratio == pytest.approx(0.6)  # three workers at 0.8, one at 0
    untold = live(seen(("a", 0.0, page())), 0.0).services["team/chat"]
    assert (untold.kv_used_ratio, untold.pools[0].kv_used_ratio) == (None, None)


def test_a_gateway_that_is_silent_or_gone_is_not_counted() -> None:
    window = seen(("a", 0.0, page(running=1)), ("b", STALE_SECONDS + 1, page(running=2)))
    assert live(window, STALE_SECONDS + 1).services["team/chat"].running == 2
    assert live(window.only({"a"}), 0.0).services["team/chat"].running == 1
    nobody = live(window, 2 * STALE_SECONDS + 2)
    assert (nobody.gateways, nobody.missing) == (0, "no gateway has told anything yet")
    assert live(Window(), 0.0, "the gateways cannot be asked").missing == "the gateways cannot be asked"


def test_times_come_from_the_gateways_own_histograms() -> None:
    metrics = Metrics()
    timings = metrics.timings("team", "chat", "high")
    first = text_of(metrics.registry)
    for seconds in (0.03, 0.04, 0.06, 0.07, 0.08, 0.09, 0.2, 0.2, 0.2, 4.0):
        timings.first_token.observe(seconds)
    metrics.count_served("team", "chat", "high", 502)
    metrics.count_request(None, 401)
    running = f"tidegate_gateway_in_flight_requests{{{NAMED}}} 0.0\n"
    window = seen(("a", 0.0, first + running), ("a", 10.0, text_of(metrics.registry) + running))
    service = live(window, 10.0).services["team/chat"]
    # The fifth of ten is the third of four between 0.05 and 0.1; the ninth the last between 0.1 and 0.25.
    assert service.ttft_p50_seconds == pytest.approx(0.0875)
    assert service.ttft_p90_seconds == pytest.approx(0.25)
    assert service.errors_per_second == pytest.approx(0.1)


def text_of(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


@pytest.mark.parametrize(
    ("buckets", "wanted"),
    [
        ([], None),
        ([(1.0, 0.0), (float("inf"), 0.0)], None),
        ([(1.0, 10.0), (float("inf"), 10.0)], 0.5),
        ([(1.0, 0.0), (3.0, 10.0), (float("inf"), 10.0)], 2.0),
        ([(1.0, 2.0), (float("inf"), 10.0)], 1.0),
    ],
)
def test_a_quantile_lies_in_its_bucket(buckets: list[tuple[float, float]], wanted: float | None) -> None:
    assert quantile(0.5, buckets) == wanted


@given(st.lists(st.integers(0, 50), min_size=2, max_size=16), st.floats(0, 1))
def test_a_quantile_is_never_outside_its_bounds(counts: list[int], wanted: float) -> None:
    bounds = [*map(float, range(1, len(counts))), float("inf")]
    cumulated = [float(sum(counts[: number + 1])) for number in range(len(counts))]
    found = quantile(wanted, list(zip(bounds, cumulated, strict=True)))
    assert (found is None) == (cumulated[-1] == 0)
    assert found is None or 0.0 <= found <= len(counts) - 1


def test_what_is_no_page_is_refused_and_lines_nobody_reads_do_no_harm() -> None:
    for text in ("", "<html>", "not found"):
        with pytest.raises(ValueError, match="no page of metrics"):
            read(text)
    with pytest.raises(ValueError, match="could not convert"):
        read("llm_batch_size{} many\n")
    assert read(HEAD + "vllm:other{} NaN\nllm_batch_size{} NaN\n").gauges == {}


def test_json_has_the_names_of_the_contract_and_null_for_the_unknown() -> None:
    told = as_json(live(seen(("a", 1.0, page())), 1.0))
    assert set(told) == {"at", "gateways", "missing", "windowSeconds", "services", "tenants"}
    service = told["services"]["team/chat"]
    assert service["queued"] == {"high": 0, "medium": 0, "low": 0}
    assert set(service) == {
        "queued",
        "running",
        "batchSize",
        "kvUsedRatio",
        "requestsPerSecond",
        "errorsPerSecond",
        "tokensPerSecond",
        "ttftP50Seconds",
        "ttftP90Seconds",
        "pools",
    }
    assert service["kvUsedRatio"] is None
    assert set(service["pools"][0]) == {
        "name",
        "workersReady",
        "kvUsedRatio",
        "creditsUsedTokens",
        "creditsLimitTokens",
    }
    assert set(told["tenants"]["team/search"]) == {
        "requestsPerMinute",
        "tokensPerMinute",
        "requestsTotal",
        "tokensTotal",
    }
    assert isinstance(live(Window(), 0.0), Live)
