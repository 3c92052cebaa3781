"""Record which metrics a running vLLM exposes: what dashboards and alerts ask for is held against the list.

`python hack/vllm_metrics.py http://127.0.0.1:8000/metrics`, while a worker of the pinned version runs that has answered
a request; writes hack/generators/vllm-metrics.txt. A test compares the list with a real worker. Standard library only.
"""

import sys
import urllib.request
from pathlib import Path

LIST = Path(__file__).resolve().parent / "generators" / "vllm-metrics.txt"
HEADER = "# Made by `python hack/vllm_metrics.py URL` from a running vLLM; do not edit.\n"


def families(exposition: str) -> dict[str, str]:
    """Return the type of each metric of vLLM on a page, by its name as Prometheus keeps it."""
    found = {}
    for line in exposition.splitlines():
        if line.startswith("# TYPE vllm:"):
            name, kind = line.split()[2:4]
            # The page of the older format has a metric of its own for when each counter began.
            if not name.endswith("_created"):
                found[name] = kind
    return found


def read_list() -> dict[str, str]:
    """Return the recorded metrics and their types."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {name: kind for name, kind in pairs}  # noqa: C416 - the pairs are lists


def main() -> None:
    """Write the list."""
    with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
        found = families(answer.read().decode())
    lines = "".join(f"{name} {kind}\n" for name, kind in sorted(found.items()))
    LIST.write_text(HEADER + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
