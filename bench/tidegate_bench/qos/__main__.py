"""`python -m tidegate_bench.qos`: the QoS benchmark, a part of it, or the same load on a real endpoint."""

import argparse
import sys

from tidegate_bench.qos import bench
from tidegate_bench.qos.arms import real_target
from tidegate_bench.qos.rounds import Times

TIMES = Times()


def main() -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="tidegate_bench.qos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=bench.ROUNDS, help="at least 7 for a result to quote")
    parser.add_argument("--part", action="append", choices=bench.PARTS, help="only this; may be repeated")
    parser.add_argument("--engine", metavar="URL", help="a real endpoint instead of simulated engines")
    parser.add_argument("--model", default="m", help="the model that the real endpoint serves")
    parser.add_argument("--warm", type=float, default=TIMES.warm, help="seconds of a run that do not count")
    parser.add_argument("--seconds", type=float, default=TIMES.all, help="seconds of a run")
    parser.add_argument("--force", action="store_true", help="judge a void run all the same")
    words = parser.parse_args()
    try:
        target = real_target(words.engine, words.model) if words.engine else None
    except ValueError as error:
        parser.error(str(error))
    parts = words.part or (("sockets",) if target else bench.PARTS)
    return bench.main(words.rounds, parts, target, Times(words.warm, words.seconds), words.force)


if __name__ == "__main__":
    sys.exit(main())
