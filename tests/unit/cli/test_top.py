"""`tidegate top`: a sample in, rows, JSON and a screen out; what nobody has told is a dash and never a zero."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tidegate_cli.shell.kube import Kube
from tidegate_cli.top.rows import HEAD, as_json, details, rows, table
from tidegate_cli.top.sampling import Sample, Sampler
from tidegate_cli.top.screen import Top
from tidegate_live import Live, Pool, Queued, Service
from tidegate_models.errors import Denied
from unit.cli.scenes import AT, NOW, service

BUSY = Service(
    queued=Queued(high=1, medium=2, low=3),
    running=4,
    batch_size=4,
    kv_used_ratio=0.5,
    requests_per_second=0.25,
    errors_per_second=0.0,
    tokens_per_second=12.5,
    ttft_p50_seconds=0.25,
    ttft_p90_seconds=None,
    pools=(Pool("shared", 1, None, 100, 4096),),
)
DECIDED = {
    "pool": "shared",
    "mode": "Auto",
    "wanted": 2,
    "binding": "QueueDepth",
    "message": "6 wait",
    "decidedAt": AT,
}


def sample(*names: str, missing: str | None = None, seconds: float = 60.0, **lives: Service) -> Sample:
    live = Live(0.0, 1, missing, seconds, {f"team-a/{name}": one for name, one in lives.items()}, {})
    return Sample([service(name, scaling=[DECIDED] if name == "chat" else []) for name in names], live)


def row(found: Sample) -> dict[str, str]:
    [cells] = rows(found, "name")
    return dict(zip(HEAD, cells, strict=True))


def test_a_row_has_what_gateways_told() -> None:
    assert row(sample("chat", chat=BUSY)) == {
        "SERVICE": "team-a/chat",
        "PHASE": "Ready",
        "READY": "1/1",
        "HIGH": "1",
        "MEDIUM": "2",
        "LOW": "3",
        "RUNNING": "4",
        "BATCH": "4",
        "KV": "50%",
        "TTFT P50": "250 ms",
        "TTFT P90": "-",
        "TOK/S": "12.5",
        "REQ/S": "0.25",
        "LAST DECISION": "shared: 2 for QueueDepth",
    }


def test_a_service_of_which_no_gateway_tells_has_no_zeros() -> None:
    found = row(sample("embed"))
    assert {found[name] for name in HEAD[3:]} == {"-"}
    assert as_json(sample("embed"))["services"][0]["live"] is None


def test_there_is_no_rate_after_one_look() -> None:
    found = row(sample("chat", seconds=0.0, chat=BUSY))
    assert (found["TOK/S"], found["REQ/S"], found["RUNNING"]) == ("-", "-", "4")


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["a", "b", "c"]),
        ("queued", ["b", "a", "c"]),
        ("kv", ["a", "b", "c"]),
        ("ttft", ["b", "a", "c"]),
        ("tokens", ["b", "a", "c"]),
    ],
)
def test_services_are_in_order_and_those_nobody_tells_of_last(sort: str, names: list[str]) -> None:
    idle = replace(BUSY, queued=Queued(), running=0, tokens_per_second=0.0, kv_used_ratio=0.9)
    late = replace(BUSY, ttft_p90_seconds=2.0)
    found = rows(sample("c", "b", "a", a=idle, b=late), sort)
    assert [cells[0] for cells in found] == [f"team-a/{name}" for name in names]


def test_below_the_table_stands_what_is_missing() -> None:
    assert list(table(sample("chat", missing="forbidden"), "name"))[-1].endswith("missing: forbidden")
    assert list(table(sample("chat"), "name"))[-1] == "1 gateway, rates over 60 s"


def test_a_service_that_is_chosen_is_told_with_pools_and_decisions() -> None:
    found = sample("chat", chat=BUSY)
    assert list(details(found.services[0], found, NOW)) == [
        "team-a/chat: Ready: Serving: so it is",
        "  pool shared: 1 workers, KV -, credits 100/4096 tokens",
        "  scaling of shared: 2 wanted, QueueDepth: 6 wait (2m ago)",
    ]


class Cluster:
    """Stands for `Kube`: a gateway whose page is `page`, or that may not be asked."""

    namespace = "team-a"

    def __init__(self, page: str | Exception) -> None:
        self.page = page

    def items(self, path: str, **_: Any) -> list[Any]:
        if "llmservices" in path:
            return [service()]
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return [{"metadata": {"name": "g", "namespace": "system"}, "status": ready}]

    def text(self, path: str) -> str:
        assert path == "/api/v1/namespaces/system/pods/g:9090/proxy/metrics"
        if isinstance(self.page, Exception):
            raise self.page
        return self.page


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        pytest.param(
            'tidegate_gateway_in_flight_requests{namespace="team-a",service="chat"} 2\n', None, id="told"
        ),
        pytest.param(Denied("no right"), "does not tell its metrics: no right", id="refused"),
    ],
)
def test_gateways_are_asked_through_the_api_server(page: str | Exception, missing: str | None) -> None:
    kube: Kube = Cluster(page)  # type: ignore[assignment] - what of it is used
    found = Sampler(kube, None, everywhere=False, now=lambda: 0.0).sample()
    if missing is None:
        assert found.live.missing is None
        assert found.live.services["team-a/chat"].running == 2
    else:
        assert found.live.missing is not None
        assert missing in found.live.missing


async def test_on_a_terminal_keys_order_and_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = replace(BUSY, queued=Queued(), running=9)
    ask: Callable[[], Sample] = lambda: sample("a", "chat", a=idle, chat=BUSY)  # noqa: E731
    app = Top(ask, 60, "name")
    async with app.run_test(size=(160, 30)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert _first(app) == "team-a/a"
        await pilot.press("u")
        assert _first(app) == "team-a/chat"
        await pilot.press("up", "up")
        await pilot.pause()
        assert "team-a/chat: Ready" in _words(app, "#details")
        await pilot.press("p")
        assert _words(app, "#told").startswith("paused; by queued; 1 gateway")


async def test_on_a_terminal_an_error_is_a_line_and_not_the_end() -> None:
    def refuse() -> Sample:
        raise Denied("no right")

    app = Top(refuse, 60, "name")
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert _words(app, "#told") == "Error: no right"


def _first(app: Top) -> str:
    from textual.widgets import DataTable

    return str(app.query_one(DataTable).get_row_at(0)[0])


def _words(app: Top, where: str) -> str:
    from textual.widgets import Static

    return str(app.query_one(where, Static).content)
