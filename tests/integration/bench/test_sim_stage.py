"""The processes of routing and QoS benchmarks: engines, our gateway before them, and what is asked of both."""

from contextlib import ExitStack
from pathlib import Path

from tidegate_api.keys import new_key
from tidegate_bench.qos.arms import Stage, Target
from tidegate_bench.qos.rounds import Load, Times, play
from tidegate_bench.routing.requests import body_of
from tidegate_bench.routing.traces import Ask
from tidegate_bench.sim import stage
from tidegate_bench.sim.load import Wanted, chat_request, send
from tidegate_bench.sim.profile import Profile

PROFILE = Profile(step_seconds=0.002, keep_alive_seconds=60)


async def test_our_gateway_before_simulated_engines_answers_and_is_counted(tmp_path: Path) -> None:
    key = new_key()
    with ExitStack() as stack, stage.cores() as (under_test, rest):
        engines = stack.enter_context(stage.engines(PROFILE, 3, rest, tmp_path))
        words, port = stage.ours(engines.ports, [stage.caller(key, "t", "high")], "LeastLoad")
        gateway = stage.start(stack, "ours", words, port, where=under_test, logs=tmp_path)
        await gateway.ready(key)
        await engines.reset()
        ask = Ask(0.0, (("user", "hello"),), 5)
        wanted = [Wanted(0.01 * n, chat_request(key, body_of(ask)), 5) for n in range(12)]
        outcomes = await send(wanted, lambda _: port)
        states = await engines.states()
        watch = stage.Watch([engines.pid, gateway.process.pid])
        assert watch.lap() >= 0
        assert engines.cpu_seconds() > 0
        await engines.reset()
        after = await engines.states()
    assert all(outcome.is_right for outcome in outcomes)
    assert sum(state["requests"] for state in states) == 12
    assert sum(state["generated_tokens"] for state in states) == 60
    assert [state["requests"] for state in after] == [0, 0, 0]


async def test_classes_reach_the_engine_as_priorities_and_are_measured_apart(tmp_path: Path) -> None:
    keys = {f"{name}-{n}": new_key() for name in ("high", "low") for n in range(4)}
    with ExitStack() as stack, stage.cores() as (under_test, rest):
        engines = stack.enter_context(stage.engines(PROFILE, 1, rest, tmp_path))
        callers = [stage.caller(key, tenant, tenant[:-2]) for tenant, key in keys.items()]
        words, port = stage.ours(engines.ports, callers)
        gateway = stage.start(stack, "classes", words, port, where=under_test, logs=tmp_path)
        made = Stage(Target(engines.ports, engines=engines), {"classes": gateway}, keys)
        await made.ready()
        load = Load("both", "classes", {"high": 0.5, "low": 1.0})
        sample = await play(made, load, 20.0, 0, Times(warm=0.3, all=1.5))
    assert sample.fault == ""
    assert set(sample.p99) == {"high", "low"}
    assert min(sample.tokens_per_second.values()) > 0
    assert sample.goodput == sum(sample.tokens_per_second.values())
