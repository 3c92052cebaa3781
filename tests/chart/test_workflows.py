"""The hosted workflows as actionlint reads them: expressions, inputs of actions, events, schedules."""

import subprocess

import pytest

from localcluster import tools
from localcluster.paths import CHECKOUT

# Without the two linters that it would run where they happen to be installed.
ALONE = ("-shellcheck=", "-pyflakes=", "-no-color")
WRONG = "name: x\non: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.head }}\n"


def said(*words: str, stdin: str = "") -> str:
    """Return what actionlint finds; nothing if nothing."""
    program = str(tools.tool("actionlint"))
    return subprocess.run(
        [program, *ALONE, *words], cwd=CHECKOUT, input=stdin, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.stem
)
def test_a_workflow_has_no_fault(path: object) -> None:
    assert said(str(path)) == ""


def test_a_fault_is_found() -> None:
    assert 'property "head" is not defined' in said("-", stdin=WRONG)
