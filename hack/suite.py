"""`make test`: every layer in its order, each with its count and time; the first failure ends the run.

The long builds (Kubernetes' programs, then our images) start at once beside the tests. Tests run side by side where
they share nothing: file by file, and one engine at a time. The cluster of the end-to-end layer is the demo's: brought
up by the README's own command, and taken down again unless it was there before.
`make integration` is what needs no cluster but the API server. `make keda` is the last layer alone, with KEDA in that
cluster and the stories about it; `make observability` is the same with Jaeger.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from demo import clusters, install, jaeger, keda
from localcluster import cluster, packages, tools
from localcluster.errors import ClusterError
from localcluster.paths import CHECKOUT
from localcluster.report import say

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
CORES = max(2, min(os.cpu_count() or 2, 4))
# What computes gets as many processes as there are cores; what mostly waits for other processes, one more.
BY_FILE = ("-n", str(CORES), "--dist", "loadfile")
IN_ORDER = ("--dist", "loadgroup", "--no-loadscope-reorder")
BY_GROUP = ("-n", str(CORES + 1), *IN_ORDER)
# Stories wait for engines most of the time, but each has several of them, of up to 4 GB.
SIDE_BY_SIDE = ("-n", "2", *IN_ORDER, "--durations=12", "--durations-min=20")
BIN = CHECKOUT / ".venv" / "bin"


class LayerFailed(Exception):
    """A layer's command ended with an error; its output has been shown."""


@dataclass
class Report:
    """What each layer counted, and how long it took."""

    rows: list[tuple[str, int, int, float]] = field(default_factory=list)

    def layer(self, name: str, *commands: tuple[str, ...]) -> None:
        """Run the commands of a layer, show them as they run, and count the tests in what pytest says last."""
        say(f"\n== {name}")
        began = time.monotonic()
        passed = failed = 0
        for command in commands:
            status, output = shown(command)
            good, bad = counts(output)
            passed, failed = passed + good, failed + bad + (1 if status and not bad else 0)
        self.rows.append((name, passed, failed, time.monotonic() - began))
        if failed:
            raise LayerFailed(name)

    def show(self) -> None:
        """Print the table, and the line that counts everything."""
        print(f"\n{'LAYER':<14}{'PASSED':>8}{'FAILED':>8}{'SECONDS':>9}")
        for name, passed, failed, seconds in self.rows:
            print(f"{name:<14}{passed:>8}{failed:>8}{seconds:>9.0f}")
        print(f"{sum(r[1] for r in self.rows)} passed, {sum(r[2] for r in self.rows)} failed", flush=True)


def shown(command: tuple[str, ...]) -> tuple[int, str]:
    """Run a command from the checkout, passing its output on line by line; return its status and output."""
    lines = []
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        for line in run.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return run.returncode, "".join(lines)


def counts(output: str) -> tuple[int, int]:
    """Return how many tests passed and failed by what pytest says last; none for other programs.

    A process of a test may have a word after that, at its own end.
    """
    lines = (
        line
        for line in reversed(output.splitlines())
        if re.search(r"\d+ (passed|failed|errors?)\b.* in ", line)
    )
    found = {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)", next(lines, ""))
    }
    return found.get("passed", 0), sum(number for word, number in found.items() if word != "passed")


def quick(report: Report) -> None:
    """What needs neither root nor a cluster."""
    lint = [(str(BIN / "ruff"), "check", "."), (str(BIN / "ruff"), "format", "--check", ".")]
    report.layer("lint", *lint, (str(BIN / "mypy"),), (str(BIN / "lint-imports"),))
    report.layer("unit", (*PYTEST, *BY_FILE, "tests/unit", "tests/fuzz"))
    report.layer("generated", (sys.executable, "hack/generate.py", "--check"))


def web_app(report: Report) -> None:
    """The console's pages: their own checks, then in a browser."""
    packages.ensure_browser()
    check = (sys.executable, "hack/consoleui.py", "check")
    report.layer("web app", check, (*PYTEST, *BY_FILE, "tests/browser"))


def compiled(report: Report) -> None:
    """The gateway's tests once more, against its hot modules as its image has them."""
    target = ".compiled/O0"
    run = ("env", f"PYTHONPATH={target}:hack:bench:tests", *PYTEST)
    report.layer(
        "compiled",
        (sys.executable, "gateway/compile.py", ".", target, "0"),
        (*run, *BY_FILE, "-m", "not slow", "tests/unit/gateway/qos", "tests/integration/gateway"),
    )


def without_cluster(report: Report) -> None:
    """What takes the API server alone."""
    build_tools()
    chart(report)
    integration(report)


def chart(report: Report) -> None:
    """What Helm makes of the chart, and what actionlint says of the workflows."""
    report.layer("chart", (*PYTEST, "tests/chart"))


def integration(report: Report) -> None:
    """Each part in its own process, before a real API server where it takes one."""
    report.layer("integration", (*PYTEST, *BY_GROUP, "-m", "not thorough", "tests/integration"))


def end_to_end(report: Report) -> None:
    """The demo as README gives it, then the stories told on its cluster."""
    with demo_cluster(report):
        report.layer("end-to-end", (*PYTEST, *SIDE_BY_SIDE, "-m", "not thorough", "tests/e2e"))


def with_keda(report: Report) -> None:
    """The stories that take KEDA, on the demo's cluster."""
    with demo_cluster(report):
        keda.install()
        report.layer("keda", (*PYTEST, "tests/e2e_keda"))


def with_jaeger(report: Report) -> None:
    """The stories that take Jaeger, on the demo's cluster; dashboards and traces stay where it was up before."""
    with demo_cluster(report):
        jaeger.install()
        # One after the other: in one process, the tenant that both folders make would be made and removed twice.
        traces, figures = "tests/e2e_observability", "tests/e2e/test_observability.py"
        report.layer("observability", (*PYTEST, traces), (*PYTEST, figures))


@contextmanager
def demo_cluster(report: Report) -> Iterator[None]:
    """Bring the demo up, and leave its cluster as it was: up or down."""
    was_up = os.environ.get("CLUSTER", "local") == "local" and cluster.is_up()
    try:
        report.layer("demo", (sys.executable, "-m", "demo", "up"))
        install.use(clusters.chosen().up())
        os.environ["TIDEGATE_KUBECTL"] = clusters.program("kubectl")
        os.environ["TIDEGATE_HELM"] = clusters.program("helm")
        yield
    finally:
        if not was_up:
            shown((sys.executable, "-m", "demo", "down"))


def main(argv: Sequence[str]) -> int:
    """Run everything, or what `integration`, `keda` or `observability` is; return 0 only if all of it passed."""
    report = Report()
    slices = {"integration": without_cluster, "keda": with_keda, "observability": with_jaeger}
    run = slices.get(" ".join(argv), everything)
    try:
        run(report)
    except LayerFailed as failed:
        say(f"\n{failed} failed")
    except ClusterError as error:
        say(f"error: {error}")
        return error.code
    report.show()
    return 1 if any(row[2] for row in report.rows) else 0


def everything(report: Report) -> None:
    """All layers of `make test`."""
    with ThreadPoolExecutor(2, thread_name_prefix="builds") as builds:
        tools_built, images_built = builds.submit(build_tools), builds.submit(build_images)
        quick(report)
        tools_built.result()
        chart(report)
        web_app(report)
        integration(report)
        compiled(report)
        # It compares times, and nothing may run beside it.
        images_built.result()
        report.layer("bench slice", (sys.executable, "-m", "tidegate_bench", "gateway", "--slice"))
        end_to_end(report)


def build_tools() -> None:
    """Build what the later layers need; a failure is told here and shows again where a tool is missing."""
    for module in ("kubernetes", "helm", "actionlint", "containerd", "coredns", "prometheus"):
        try:
            tools.build(module)
        except ClusterError as error:
            say(f"error: {error}")


def build_images() -> None:
    """Build the images that the demo's cluster runs; a failure is told here, and again by the demo."""
    try:
        clusters.chosen().build()
    except ClusterError as error:
        say(f"error: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
