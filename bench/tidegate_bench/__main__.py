"""`python -m tidegate_bench NAME`: run a benchmark."""

import argparse
import sys

from tidegate_bench import gateway


def main() -> int:
    """Run the benchmark that the arguments name."""
    parser = argparse.ArgumentParser(
        prog="tidegate_bench", description="What Tidegate costs, beside its peers."
    )
    commands = parser.add_subparsers(dest="name", required=True)
    command = commands.add_parser("gateway", help="CPU per request and per chunk, beside vllm-router")
    command.add_argument(
        "--rounds", type=int, default=gateway.ROUNDS, help="at least 7 for a result to quote"
    )
    chosen = parser.parse_args()
    return gateway.main(chosen.rounds)


if __name__ == "__main__":
    sys.exit(main())
