"""The hosted workflows: what they run is pinned, may do little, takes no words of strangers, and exists here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster.paths import CHECKOUT
from supply import parts, sbom

Workflow = dict[str, Any]
FILES = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
RELEASED = {*parts.LOCKED, *parts.REQUIRED, *parts.BASED}
# After which a hosted machine ends a job by itself.
HOSTED_MINUTES = 360
# What a stranger's pull request can say, or start with rights of ours.
STRANGERS = {"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion"}
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def workflow(path: Path) -> Workflow:
    """Return a workflow; YAML takes its key `on` for a truth."""
    found: Workflow = {
        "on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()
    }
    return found


def jobs(path: Path) -> Iterator[tuple[str, Workflow]]:
    yield from workflow(path)["jobs"].items()


def steps(path: Path) -> Iterator[Workflow]:
    for _, job in jobs(path):
        yield from job["steps"]


def called(path: Path) -> set[str]:
    """Return the targets of make that a workflow calls, by name or by its matrix."""
    named = set()
    for _, job in jobs(path):
        for step in job["steps"]:
            words = re.findall(r'\bmake ("?[$a-zA-Z-]+)', step.get("run", ""))
            named |= {word for word in words if not word.startswith('"$')}
            if '"$TARGET' in words:
                named |= set(job["strategy"]["matrix"]["target"])
    return named


def test_there_are_those_for_tests_images_the_chart_and_the_night() -> None:
    assert {path.stem for path in FILES} == {"test", "images", "chart", "nightly"}


@each
def test_every_action_is_pinned_by_its_whole_commit_with_its_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: *(.*)", path.read_text())
    pinned = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert used
    assert [one for one in used if not re.fullmatch(pinned, one)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    used = {one for path in FILES for one in re.findall(r"uses: *(\S+)", path.read_text())}
    assert len({one.partition("@")[0] for one in used}) == len(used)


@each
def test_a_workflow_may_read_and_no_more_unless_a_job_says_why(path: Path) -> None:
    assert workflow(path)["permissions"] == {"contents": "read"}
    for name, job in jobs(path):
        assert set(job.get("permissions", {}).values()) <= {"read", "write"}, name
        assert job.get("permissions", {}).get("contents", "read") == "read", name


@each
def test_only_a_tag_may_write(path: Path) -> None:
    only_tags = workflow(path)["on"] == {"push": {"tags": ["v*"]}}
    for name, job in jobs(path):
        if "write" in job.get("permissions", {}).values() or "secrets." in str(job):
            assert only_tags or job["if"] == "github.ref_type == 'tag'", name


@each
def test_nobody_elses_event_runs_with_our_rights(path: Path) -> None:
    assert not STRANGERS & set(workflow(path)["on"])


@each
def test_no_script_has_words_put_into_it(path: Path) -> None:
    """An expression in a script is text of whoever named a branch; through the environment it stays a value."""
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@each
def test_a_checkout_leaves_no_token_behind(path: Path) -> None:
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@each
def test_every_job_ends_and_none_runs_beside_its_like(path: Path) -> None:
    assert workflow(path)["concurrency"]["group"].startswith(path.stem)
    assert [name for name, job in jobs(path) if not 0 < job["timeout-minutes"] < HOSTED_MINUTES] == []


@each
def test_a_failed_command_in_a_pipe_fails_its_step(path: Path) -> None:
    assert workflow(path)["defaults"] == {"run": {"shell": "bash"}}


@each
def test_every_target_of_make_that_is_called_exists(path: Path) -> None:
    assert called(path) - TARGETS == set()


def test_what_must_run_is_run() -> None:
    by_name = {path.stem: called(path) for path in FILES}
    assert {"check", "verify", "integration", "test"} <= by_name["test"]
    assert {"release-check", "audit", "sbom"} <= by_name["images"]
    assert {"release-check", "chart", "sbom"} <= by_name["chart"]
    assert {"audit", "fuzz", "streams", "chaos"} <= by_name["nightly"]
    assert "CLUSTER=kind make test" in FILES[[path.stem for path in FILES].index("test")].read_text()


def test_every_image_with_a_list_of_parts_is_built_pushed_and_signed() -> None:
    matrices = {
        name: job["strategy"]["matrix"]["target"] for name, job in jobs(named("images")) if "strategy" in job
    }
    assert {name: set(targets) for name, targets in matrices.items()} == {
        "build": RELEASED,
        "publish": RELEASED,
    }


def test_what_is_signed_is_named_by_digest_and_its_parts_go_with_it() -> None:
    text = named("images").read_text()
    assert "IMAGE: ${{ steps.name.outputs.image }}@${{ steps.build.outputs.digest }}" in text
    assert 'cosign sign --yes "$IMAGE"' in text
    assert f"sbom/{sbom.PAGES}.cdx.json" in text
    assert f"dist/sbom/{sbom.CHART}.cdx.json" in named("chart").read_text()


def test_a_release_is_built_on_the_bases_that_were_checked() -> None:
    for path in (named("images"), named("chart")):
        checking = next(job for _, job in jobs(path) if "make release-check" in str(job))
        assert {name: checking["env"][name] for name in ("BASE", "CUDA_BASE")} == {
            "BASE": "${{ vars.BASE }}",
            "CUDA_BASE": "${{ vars.CUDA_BASE }}",
        }
    publish = dict(jobs(named("images")))["publish"]
    arguments = next(step["with"]["build-args"] for step in publish["steps"] if step.get("id") == "build")
    assert arguments.split() == ["BASE=${{", "vars.BASE", "}}", "CUDA_BASE=${{", "vars.CUDA_BASE", "}}"]
    assert publish["needs"] == "parts"


def named(stem: str) -> Path:
    """Return the file of a workflow."""
    return next(path for path in FILES if path.stem == stem)
