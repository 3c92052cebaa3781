"""`python -m tidegate_bench.routing`: the routing benchmark, or a slice of it."""

import argparse
import sys

from tidegate_bench.routing import bench
from tidegate_bench.routing.loads import LOADS, SECONDS


def main() -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="tidegate_bench.routing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=bench.ROUNDS, help="at least 7 for a result to quote")
    parser.add_argument("--load", action="append", choices=tuple(LOADS), help="only this; may be repeated")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each arm plays a trace")
    parser.add_argument("--force", action="store_true", help="judge a void run all the same")
    words = parser.parse_args()
    return bench.main(words.rounds, words.load or tuple(LOADS), words.seconds, words.force)


if __name__ == "__main__":
    sys.exit(main())
