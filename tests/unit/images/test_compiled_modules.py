"""What the compiler would change in silence is in no module that it is given."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster.images import passed_on

GATEWAY = Path(__file__).resolve().parents[3] / "gateway"


def listed() -> list[str]:
    """Return the modules that gateway/compile.py compiles."""
    for node in ast.parse((GATEWAY / "compile.py").read_text()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "MODULES":
            assert node.value is not None
            folders: dict[str, str] = ast.literal_eval(node.value)
            return [folder + name for folder, names in folders.items() for name in names.split()]
    raise AssertionError("compile.py has no MODULES")


def structs(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and "msgspec.Struct" in map(ast.unparse, node.bases)
    )


def decoded(tree: ast.Module) -> set[str]:
    """Return the names in what is given to msgspec as a type to read."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    reading = [c for c in calls if ast.unparse(c.func).endswith((".Decoder", ".decode", "msgspec.convert"))]
    return {node.id for call in reading for node in ast.walk(call) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("module", listed())
def test_a_compiled_module_has_only_structs_that_are_made_and_never_decoded(module: str) -> None:
    tree = ast.parse((GATEWAY / "tidegate_gateway" / f"{module}.py").read_text())
    for struct in structs(tree):
        assert {keyword.arg for keyword in struct.keywords} <= {"frozen"}, struct.name
        assert struct.name not in decoded(tree), struct.name


def test_a_module_that_decodes_a_struct_would_be_found() -> None:
    tree = ast.parse((GATEWAY / "tidegate_gateway" / "reported.py").read_text())
    assert {struct.name for struct in structs(tree)} & decoded(tree)


@pytest.mark.parametrize(
    ("environment", "options"),
    [({"COMPILE": "0"}, ["--build-arg=COMPILE=0"]), ({"PATH": "/bin"}, [])],
    ids=["chosen", "left to the Dockerfile"],
)
def test_whether_the_gateway_is_compiled_is_chosen_by_the_environment(
    environment: dict[str, str], options: list[str]
) -> None:
    assert passed_on(environment) == options
