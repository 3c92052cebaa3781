"""All that is fetched is fetched by its hash: Python, npm and Go packages, and nothing by a name alone."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from localcluster.paths import CHECKOUT, TOOLCHAIN
from localcluster.tools import GO_PACKAGE, GO_REQUIREMENTS
from supply import parts

LOCK: dict[str, Any] = tomllib.loads(parts.LOCK.read_text())
PACKAGES = [one for one in LOCK["package"] if "registry" in one["source"]]
MODULES = sorted(path.parent for path in TOOLCHAIN.glob("*/go.mod"))
# Files of requirements that no lockfile of uv covers.
REQUIREMENTS = [*sorted((CHECKOUT / "hack").glob("*/*-requirements.txt")), *parts.REQUIRED.values()]
SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def test_what_is_not_from_the_index_is_this_project_alone() -> None:
    assert [one["name"] for one in LOCK["package"] if one not in PACKAGES] == ["tidegate"]
    assert {one["source"]["registry"] for one in PACKAGES} == {"https://pypi.org/simple"}


def test_every_file_of_a_python_package_is_locked_by_hash() -> None:
    files = [file for one in PACKAGES for file in [*one.get("wheels", ()), *filter(None, [one.get("sdist")])]]
    assert len(files) > len(PACKAGES)
    assert [file["url"] for file in files if not SHA256.fullmatch(file["hash"])] == []
    assert {file["url"].split("/")[2] for file in files} == {"files.pythonhosted.org"}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_of_an_image_has_hashes(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith((" ", "#"))]
    pinned = parts.required(path)
    assert len(lines) == len(pinned) > 0
    assert [name for name, (_, hashes) in pinned.items() if not hashes] == []


@pytest.mark.parametrize(
    "script",
    ["hack/image/install.sh", "hack/image/with-uv.sh", "hack/bootstrap.sh"],
    ids=lambda one: Path(one).name,
)
def test_nothing_is_installed_without_its_hash(script: str) -> None:
    text = (CHECKOUT / script).read_text().replace("\\\n", " ")
    installing = [line for line in text.splitlines() if re.search(r"\bpip\"? install\b", line)]
    assert installing
    assert [line for line in installing if "--require-hashes" not in line] == []


def test_the_go_that_is_fetched_is_the_one_that_is_named() -> None:
    (name,) = parts.required(GO_REQUIREMENTS)
    assert f"{name}=={parts.required(GO_REQUIREMENTS)[name][0]}" == GO_PACKAGE


def test_every_package_of_the_pages_is_locked_by_hash() -> None:
    packages = {path: one for path, one in parts.web_lock()["packages"].items() if path}
    assert [
        path for path, one in packages.items() if not one.get("integrity", "").startswith("sha512-")
    ] == []
    assert {one["resolved"].split("/")[2] for one in packages.values()} == {"registry.npmjs.org"}


def test_the_pages_name_what_they_are_made_of_by_its_exact_version() -> None:
    package = json.loads((parts.UI / "package.json").read_text())
    assert [
        name for name, version in package["dependencies"].items() if not re.fullmatch(r"[\d.]+", version)
    ] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_go_module_is_locked_by_hash(module: Path) -> None:
    required = re.findall(
        r"^\t?(?:require )?([\w./-]+\.[\w./~-]+) (v\S+)", (module / "go.mod").read_text(), re.MULTILINE
    )
    sums = (module / "go.sum").read_text() if required else ""
    known = set(re.findall(r"^(\S+) (v\S+?)(?:/go\.mod)? h1:\S+=$", sums, re.MULTILINE))
    replaced = set(
        re.findall(r"^\t?(?:replace )?(\S+)(?: v\S+)? =>", (module / "go.mod").read_text(), re.MULTILINE)
    )
    assert [one for one in required if one not in known and one[0] not in replaced] == []


def test_go_itself_checks_what_it_fetches() -> None:
    assert not re.search(
        r"GONOSUMDB|GONOSUMCHECK|GOINSECURE|GOFLAGS=.*insecure|GOSUMDB", all_of(TOOLCHAIN.parent)
    )


def all_of(folder: Path) -> str:
    """Return the text of our own scripts and programs."""
    return "\n".join(path.read_text() for path in folder.rglob("*") if path.suffix in {".py", ".sh"})
