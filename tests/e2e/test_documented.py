"""What the first pages tell readers to type, typed: on the demo's cluster, in its namespace.

A page says `models-demo` where the demo has its own namespace with the same example in it; nothing else is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from documented import DOCS, ROOT, Block, blocks
from e2e.asking import known
from e2e.cluster import KUBECTL, Namespace, kubectl
from e2e.conftest import SERVICE
from tidegate_api.names import SERVICE_KIND

QUICKSTART = DOCS / "tutorials" / "quickstart.md"
README = ROOT / "README.md"
# What `make test` does by itself: the demo is what these stories are told on, and the tests are these.
MAKE = "make "
# An answer of a few words, on a machine that may have others to give.
SECONDS = 200
TYPED = [
    block
    for page in (README, QUICKSTART)
    for block in blocks(page, "bash")
    if not all(line.startswith(MAKE) for line in block.lines)
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a shell finds kubectl and tidegate."""
    found = tmp_path_factory.mktemp("bin")
    (found / "kubectl").symlink_to(shutil.which(KUBECTL) or KUBECTL)
    return f"{found}:{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture
def clean(demo: Namespace) -> Iterator[None]:
    """Neither the namespace nor the key that a page makes is there before or afterwards."""

    def clear() -> None:
        kubectl("delete", "namespace", "models-demo", "--ignore-not-found", "--wait=true")
        with contextlib.suppress(subprocess.CalledProcessError):
            words = ("-m", "tidegate_cli", "keys", "revoke", "quickstart", "default", "-n", demo.name)
            subprocess.run([sys.executable, *words], check=True, capture_output=True)

    clear()
    yield
    clear()


@pytest.mark.parametrize("block", TYPED, ids=str)
def test_the_commands_of_a_page_do_what_it_says(
    block: Block, demo: Namespace, path: str, clean: None
) -> None:
    placed = block.text.replace("-n models-demo", f"-n {demo.name}")
    done = typed(placed, path)
    assert done.returncode == 0, done.stdout + done.stderr
    if "/v1/chat/completions" in placed:
        answer = json.loads(done.stdout[done.stdout.index('{"id"') :].splitlines()[0])
        assert "Paris" in answer["choices"][0]["message"]["content"]


def typed(text: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run what is typed into a shell from the checkout; what it leaves running ends with it."""
    argv = ["bash", "-euo", "pipefail", "-c", text]
    environment = {**os.environ, "PATH": path}
    # What stays in the background would keep a pipe open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(
            argv, cwd=ROOT, env=environment, stdout=out, stderr=told, start_new_session=True
        ) as shell:
            try:
                shell.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                told.write(f"\nnot done after {SECONDS} s")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGTERM)
        out.seek(0)
        told.seek(0)
        return subprocess.CompletedProcess(argv, shell.returncode, out.read(), told.read())


@pytest.mark.parametrize("block", blocks(README, "console"), ids=str)
def test_what_a_page_shows_is_what_is_printed_but_for_its_numbers(
    block: Block, demo: Namespace, path: str
) -> None:
    command, *shown = block.text.strip().splitlines()
    done = typed(f"{command.removeprefix('$ ')} -n {demo.name}", path)
    assert done.stdout.splitlines()[0].split() == shown[0].split()
    assert any(line.split()[:2] == shown[1].split()[:2] for line in done.stdout.splitlines())


@pytest.mark.parametrize("block", blocks(README, "yaml"), ids=str)
def test_what_a_page_says_is_all_it_takes_is_accepted(block: Block, demo: Namespace) -> None:
    given = yaml.safe_load(block.text)
    assert given["kind"] == SERVICE_KIND
    made = kubectl(
        *("create", "-n", demo.name, "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin=json.dumps({**given, "metadata": {"name": "documented"}}),
    )
    assert "documented" in made
    running = demo.get("llmservice", SERVICE)["spec"]
    assert given["spec"]["model"]["uri"] == running["model"]["uri"]


def test_both_tiers_of_the_example_are_answered(demo: Namespace, gateway: str) -> None:
    file = ROOT / "examples" / "04-tiers" / "tenants.yaml"
    kubectl("apply", "-n", demo.name, "-f", str(file))
    try:
        for name in ("default", "premium"):
            key = made_key(demo, name)
            answer = known(gateway, key).completions.create(model=SERVICE, prompt="Hi", max_tokens=1)
            assert answer.usage is not None and answer.usage.completion_tokens == 1
    finally:
        kubectl("delete", "-n", demo.name, "-f", str(file))


def made_key(demo: Namespace, tenant: str) -> str:
    """Make a key of a tenant that is there, as a user would."""
    words = ("-m", "tidegate_cli", "keys", "create", tenant, "-n", demo.name)
    return subprocess.run(
        [sys.executable, *words], check=True, capture_output=True, text=True, env=os.environ
    ).stdout.strip()
