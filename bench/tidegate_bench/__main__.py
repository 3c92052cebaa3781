"""`python -m tidegate_bench NAME`: run a benchmark.

Owns the words of the command line. A benchmark is imported only when it is asked for.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

ROUNDS: Final = 7
# Benchmarks that take nothing but a number of rounds.
SIMPLE: Final = {
    "routing": ("tidegate_bench.routing.bench", "cached tokens, worker load and decision time, beside peers"),
    "qos": ("tidegate_bench.qos.bench", "who waits, and how long, at three times the load that fits"),
    "calibrate": ("tidegate_bench.sim.calibrate", "how true the simulated engine is to vLLM on a CPU"),
}


def main() -> int:
    """Run the benchmark that the arguments name."""
    # Ended like an interrupt, so that no process of a benchmark outlives it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen = _parser().parse_args()
    if chosen.name in SIMPLE:
        status: int = import_module(SIMPLE[chosen.name][0]).main(chosen.rounds)
        return status
    return RUN[chosen.name](chosen)


def _profile(chosen: argparse.Namespace) -> int:
    from tidegate_bench.gateway import profile  # noqa: PLC0415 - only what was asked for

    return profile.main(chosen.load, chosen.seconds, chosen.lines, chosen.top)


def _publish(chosen: argparse.Namespace) -> int:
    from tidegate_bench.gateway import publish  # noqa: PLC0415

    return publish.main(chosen.result, chosen.page)


def _autoscaling(chosen: argparse.Namespace) -> int:
    from tidegate_bench.autoscaling import bench, publish  # noqa: PLC0415

    if chosen.publish is not None:
        return publish.main(chosen.publish)
    return bench.main(chosen.part or bench.PARTS, chosen.trace, chosen.times)


def _engine(chosen: argparse.Namespace) -> int:
    from tidegate_bench.techniques import bench, publish  # noqa: PLC0415

    if chosen.publish is not None:
        return publish.main(chosen.publish)
    return bench.main(chosen.rounds, chosen.part or bench.PARTS, chosen.force)


def _footprint(chosen: argparse.Namespace) -> int:
    from tidegate_bench.footprint import bench, publish  # noqa: PLC0415

    return publish.main(chosen.publish) if chosen.publish is not None else bench.main(chosen.rounds)


def _rollout(chosen: argparse.Namespace) -> int:
    from tidegate_bench.rollout import bench  # noqa: PLC0415

    return bench.main(chosen.streams, chosen.seconds)


def _gateway(chosen: argparse.Namespace) -> int:
    from tidegate_bench.gateway import bench, gate  # noqa: PLC0415

    return (
        gate.main() if chosen.slice else bench.main(chosen.rounds, chosen.part or bench.PARTS, chosen.force)
    )


def _operator(chosen: argparse.Namespace) -> int:
    from tidegate_bench.operator import bench, publish  # noqa: PLC0415

    if chosen.publish is not None:
        return publish.main(chosen.publish)
    return bench.main(chosen.services or bench.SIZES, chosen.seconds, with_script=not chosen.alone)


RUN: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "autoscaling": _autoscaling,
    "engine": _engine,
    "footprint": _footprint,
    "gateway": _gateway,
    "operator": _operator,
    "profile": _profile,
    "publish": _publish,
    "rollout": _rollout,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate_bench", description="What Tidegate costs, beside its peers."
    )
    commands = parser.add_subparsers(dest="name", required=True)
    gateway = commands.add_parser("gateway", help="CPU per request and per chunk, beside peers")
    _add_rounds(gateway)
    gateway.add_argument(
        "--slice", action="store_true", help="a minute's worth, with ceilings instead of goals: for tests"
    )
    gateway.add_argument(
        "--part",
        action="append",
        choices=("cost", "first-token", "at-once", "streams"),
        help="only this; may be given more than once",
    )
    gateway.add_argument(
        "--force", action="store_true", help="measure a busy machine all the same, for development only"
    )
    profile = commands.add_parser("profile", help="where the gateway's CPU goes")
    profile.add_argument("--load", choices=("json", "sse", "large"), default="json", help="what is asked")
    profile.add_argument("--seconds", type=float, default=8, help="how long each pass looks")
    profile.add_argument("--lines", action="store_true", help="by line instead of by function")
    profile.add_argument("--top", type=int, default=30, help="how many functions, or lines, to show")
    publish = commands.add_parser("publish", help="put a result of the gateway's benchmark on its page")
    publish.add_argument("result", type=Path, help="a file below bench/results")
    publish.add_argument("page", type=Path, nargs="?", default=Path("docs/benchmarks/gateway.md"))
    _add_autoscaling(
        commands.add_parser(
            "autoscaling", help="replicas and what they achieve over simulated hours, beside other laws"
        )
    )
    _add_engine(
        commands.add_parser("engine", help="what batching, caching and speculation give on a real vLLM")
    )
    footprint = commands.add_parser("footprint", help="libraries, import and memory at rest, by component")
    _add_rounds(footprint)
    _add_publish(footprint)
    rollout = commands.add_parser("rollout", help="streams that break while a service changes its version")
    rollout.add_argument("--streams", type=int, default=1000, help="how many, during each change")
    rollout.add_argument("--seconds", type=float, default=40, help="over how long they are begun")
    _add_operator(
        commands.add_parser(
            "operator", help="time, calls, CPU and memory of the operator with thousands of services"
        )
    )
    for name, (_, told) in SIMPLE.items():
        _add_rounds(commands.add_parser(name, help=told))
    return parser


def _add_autoscaling(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--part",
        action="append",
        choices=("tune", "report", "budget", "faults", "bound"),
        help="only this; may be given more than once",
    )
    command.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="real traffic instead: CSV with TIMESTAMP, ContextTokens, GeneratedTokens",
    )
    command.add_argument("--times", type=int, default=1, help="each request of the trace so many times")
    _add_publish(command)


def _add_engine(command: argparse.ArgumentParser) -> None:
    _add_rounds(command)
    command.add_argument(
        "--part",
        action="append",
        choices=("batching", "waste", "prefix", "chunks", "speculation", "weights"),
        help="only this; may be given more than once",
    )
    command.add_argument(
        "--force",
        action="store_true",
        help="judge a run on a busy machine all the same, for development only",
    )
    command.add_argument(
        "--publish",
        type=Path,
        nargs="+",
        metavar="RESULT",
        help="put a result on its page instead, or several of single parts",
    )


def _add_operator(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--services", type=int, nargs="+", metavar="COUNT", help="how many; by default 1000 and 5000"
    )
    command.add_argument("--seconds", type=float, default=300, help="how long steady state is watched")
    command.add_argument("--alone", action="store_true", help="without the script that it is compared with")
    _add_publish(command)


def _add_publish(command: argparse.ArgumentParser) -> None:
    command.add_argument("--publish", type=Path, metavar="RESULT", help="put a result on its page instead")


def _add_rounds(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rounds", type=int, default=ROUNDS, help="at least 7 for a result to quote")


if __name__ == "__main__":
    sys.exit(main())
