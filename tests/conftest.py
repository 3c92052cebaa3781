"""What holds for all tests: none is judged by how long it takes, and a failure is named when it happens.

The machine may be busy with others. Of several processes, pytest names a failure only at the end, which may be half an
hour away. Properties are tried with the same examples every time, so that a change is judged by what it changes; `make
thorough` looks for new ones.
"""

from typing import Any

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

from together import Together

settings.register_profile("gate", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
settings.load_profile("gate")

LONGEST_REASON = 200


class Failures:
    """Writes a line for each failure at once, with the first line of its reason."""

    def __init__(self, terminal: TerminalReporter) -> None:
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed:
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        why = crash.message if crash is not None else str(report.longrepr)
        where = f"{report.nodeid} ({report.when}, {report.duration:.0f} s)"
        self._terminal.write(f"\nFAILED {where}: {why.partition(chr(10))[0][:LONGEST_REASON]}\n")
        self._terminal.flush()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Watch the reports, in the process that has those of all."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(terminal), "failures")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Keep files together that share something, where `--dist loadgroup` asks for it."""
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None
