"""`python -m tidegate_bench gateway`: CPU per request and per chunk, beside vllm-router, in one run.

Rounds are interleaved (A-B-B-A) and compared in pairs, so that a busy machine costs both the same. A run in which
an answer was wrong, or a gateway was faster than no gateway, is void.
"""

import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from tidegate_api.keys import digest, new_key
from tidegate_bench import peers
from tidegate_bench.client import Load, Outcome, request_bytes, run_load
from tidegate_bench.cost import cpu_seconds, load_average, rss_bytes
from tidegate_bench.processes import await_answer, free_port, python_module, running, split_cores
from tidegate_bench.statistics import Figure, interval, paired_ratio

SEED: Final = 20261121
ROUNDS: Final = 7
INTERVAL_MS: Final = 5.0
JSON: Final = Load(stream=False, requests=2000, connections=16, chunks=0)
SSE: Final = Load(stream=True, requests=64, connections=32, chunks=100)
LOADS: Final = {"json": JSON, "sse": SSE}
ARMS: Final = ("direct", "ours", "vllm-router")
# Name of a goal, load, and the most that our cost may be of the peer's.
GOALS: Final = (("gateway-cpu-per-json-request", "json", 0.5), ("gateway-cpu-per-sse-chunk", "sse", 1.0))
RESULTS: Final = Path(__file__).parents[2] / "results"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to the engine."""

    name: str
    port: int
    pid: int | None


@dataclass(slots=True)
class Sample:
    """What one arm did in one round, both halves together."""

    cpu: float = 0.0
    engine_cpu: float = 0.0
    seconds: float = 0.0
    answers: int = 0
    tokens: int = 0
    wrong: int = 0


Round = dict[str, Sample]


@dataclass(slots=True)
class Rounds:
    """All rounds of one load."""

    load: Load
    rounds: list[Round] = field(default_factory=list)

    def per_unit(self, arm: str, what: str = "cpu") -> list[float]:
        """Return µs per request, or per chunk of a stream, in each round."""
        return [
            getattr(r[arm], what) * 1e6 / (r[arm].tokens if self.load.stream else r[arm].answers)
            for r in self.rounds
        ]

    def faults(self) -> list[str]:
        """Return why these rounds prove nothing."""
        found = []
        expected = 2 * self.load.requests
        for number, samples in enumerate(self.rounds, 1):
            for arm, sample in samples.items():
                short = sample.answers != expected or sample.tokens != expected * self.load.chunks
                if sample.wrong or short:
                    found.append(
                        f"round {number}: {arm} gave {sample.wrong} wrong of {sample.answers} answers"
                    )
        direct, *others = (median(r[arm].seconds for r in self.rounds) for arm in ARMS)
        # A stream is paced by the engine: only a gateway clearly faster than none is a fault there.
        if direct > min(others) * (1.05 if self.load.stream else 1.0):
            found.append(f"direct took {direct:.2f} s, a gateway {min(others):.2f} s: the load was the limit")
        return found


@dataclass(frozen=True, slots=True)
class Goal:
    """Our cost over the peer's, and whether even the upper end of its interval is low enough."""

    name: str
    figure: Figure
    limit: float
    met: bool

    def line(self) -> str:
        """Return the line that every benchmark ends with."""
        figure = self.figure
        told = f"{figure.value:.2f} ×vllm-router ({figure.low:.2f}..{figure.high:.2f}) ≤{self.limit}"
        return f"goal {self.name} {told} {'met' if self.met else 'short'}"


@contextmanager
def arms(key: str, logs: Path) -> Iterator[tuple[list[Arm], int]]:
    """Run engine and gateways; yield the arms and the engine's process id."""
    under_test, rest = split_cores()
    os.sched_setaffinity(0, rest)
    engine, ours, admin, peer, metrics = (free_port() for _ in range(5))
    with ExitStack() as stack:

        def start(argv: list[str], port: int, cores: set[int], name: str) -> int:
            return stack.enter_context(running(argv, port, cores, logs / f"{name}.log"))

        engine_pid = start(
            python_module("tidegate_bench.engine", engine, SSE.chunks, INTERVAL_MS), engine, rest, "engine"
        )
        our_words = python_module("tidegate_bench.gateway_process", ours, admin, digest(key), engine)
        our_pid = start(our_words, ours, under_test, "ours")
        peer_pid = start(peers.vllm_router(peer, metrics, engine), peer, under_test, "vllm-router")
        yield (
            [Arm("direct", engine, None), Arm("ours", ours, our_pid), Arm("vllm-router", peer, peer_pid)],
            engine_pid,
        )


async def measure(made: list[Arm], engine_pid: int, key: str, rounds: int) -> dict[str, Rounds]:
    """Run all rounds of all loads."""
    for arm in made:
        await await_answer(arm.port, request_bytes(key, stream=False))
        for load in LOADS.values():
            await run_load(arm.port, load, key)
    measured = {name: Rounds(load) for name, load in LOADS.items()}
    for number in range(rounds):
        order = made if number % 2 == 0 else made[::-1]
        for name, load in LOADS.items():
            samples: Round = {arm.name: Sample() for arm in made}
            for arm in [*order, *order[::-1]]:
                await _half(arm, load, key, engine_pid, samples[arm.name])
            measured[name].rounds.append(samples)
        print(f"round {number + 1} of {rounds}, load {load_average():.1f}", flush=True)
    return measured


async def _half(arm: Arm, load: Load, key: str, engine_pid: int, sample: Sample) -> None:
    before = cpu_seconds(arm.pid) if arm.pid else 0.0
    engine_before = cpu_seconds(engine_pid)
    outcome: Outcome = await run_load(arm.port, load, key)
    sample.engine_cpu += cpu_seconds(engine_pid) - engine_before
    sample.cpu += (cpu_seconds(arm.pid) if arm.pid else 0.0) - before
    sample.seconds += outcome.seconds
    sample.answers += outcome.answers
    sample.tokens += outcome.tokens
    sample.wrong += outcome.wrong


def report(measured: dict[str, Rounds], memory: dict[str, int]) -> int:
    """Print figures and goals, write them as JSON, and return the exit status: 1 only when the run is void."""
    faults = [f"{name}: {fault}" for name, rounds in measured.items() for fault in rounds.faults()]
    figures: dict[str, Figure] = {}
    for name, rounds in measured.items():
        unit = "chunk" if rounds.load.stream else "request"
        for arm in ARMS[1:]:
            figures[f"{name} {arm}"] = figure = interval(rounds.per_unit(arm), SEED)
            print(f"{name}: {arm} {figure.value:.1f} µs CPU per {unit} ({figure.low:.1f}..{figure.high:.1f})")
        engine = median(rounds.per_unit("direct", "engine_cpu"))
        print(f"{name}: engine {engine:.1f} µs CPU per {unit}, direct")
    for arm, size in memory.items():
        print(f"memory after the run: {arm} {size / 2**20:.0f} MiB")
    print(
        "the peer checks no key, forwards the client's headers and hashes prompts; ours checks a key and peeks at JSON"
    )
    goals = [_judge(*goal, measured) for goal in GOALS]
    _write(measured, figures, goals, faults, memory)
    if faults:
        print("void:", *faults, sep="\n  ")
        return 1
    for goal in goals:
        print(goal.line())
    met = sum(goal.met for goal in goals)
    print(f"{met} met, {len(goals) - met} short")
    return 0


def _judge(name: str, load: str, limit: float, measured: dict[str, Rounds]) -> Goal:
    ours, theirs = measured[load].per_unit("ours"), measured[load].per_unit("vllm-router")
    figure = paired_ratio(ours, theirs, SEED)
    return Goal(name, figure, limit, figure.high <= limit)


def _write(
    measured: dict[str, Rounds],
    figures: dict[str, Figure],
    goals: list[Goal],
    faults: list[str],
    memory: dict[str, int],
) -> None:
    RESULTS.mkdir(exist_ok=True)
    content = {
        "machine": {"platform": platform.platform(), "cores": os.cpu_count(), "load": load_average()},
        "versions": {
            "python": platform.python_version(),
            "uvloop": version("uvloop"),
            "httptools": version("httptools"),
            "peer": peers.VLLM_ROUTER,
        },
        "seed": SEED,
        "loads": {name: asdict(load) for name, load in LOADS.items()},
        "figures": {name: asdict(figure) for name, figure in figures.items()},
        "rounds": {
            name: [{a: asdict(s) for a, s in r.items()} for r in m.rounds] for name, m in measured.items()
        },
        "memory_bytes": memory,
        "goals": [asdict(goal) for goal in goals],
        "void": faults,
    }
    path = RESULTS / f"gateway-{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False))
    print(f"written to {path}")


def main(rounds: int = ROUNDS) -> int:
    """Run the benchmark."""
    key = new_key()
    with tempfile.TemporaryDirectory() as logs, arms(key, Path(logs)) as (made, engine_pid):
        measured = asyncio.run(measure(made, engine_pid, key, rounds))
        memory = {arm.name: rss_bytes(arm.pid) for arm in made if arm.pid}
    return report(measured, memory)
