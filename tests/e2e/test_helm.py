"""The chart's own test, as whoever has installed it runs it."""

import os
import subprocess
from pathlib import Path

import pytest

from e2e.cluster import Namespace
from e2e.conftest import SYSTEM
from e2e.turns import changing_chart


@pytest.mark.timeout(600)  # Others may have to be waited for.
def test_helm_test_serves_one_completion(demo: Namespace, locks: Path) -> None:
    helm = os.environ.get("TIDEGATE_HELM", "helm")
    words = [helm, "test", "tidegate", "--namespace", SYSTEM, "--logs", "--timeout=3m"]
    # It writes what it found into the release.
    with changing_chart(locks):
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
