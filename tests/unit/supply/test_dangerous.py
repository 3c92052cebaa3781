"""Nothing of ours runs data as code: no pickle in any dress, no eval, no YAML that makes objects, no shell of words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster.paths import CHECKOUT

OURS = ("crds", "operator", "gateway", "console", "worker", "cli", "hack", "bench", "examples", "tests")
# Modules whose reading runs what was written.
MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
# Calls by their last two words, and those by one.
CALLS = {"torch.load", "torch.jit.load", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# To parse every module takes longer than all other tests here: without one of these words there is nothing to find.
SUSPECT = re.compile(
    r"pickle|marshal|shelve|dill|joblib|_load\(|\.load\(|eval\(|exec\(|compile\(|__import__|shell|trust_remote|os\.(?:sys|po)"
)
# Packs what this process has read, and unpacks it in this process: no byte of it comes from anywhere else.
KNOWN = {"operator/tidegate_operator/packed.py": {"marshal"}}


def findings(source: str) -> Iterator[str]:
    """Yield what is wrong in a module, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (
                f"{node.lineno}: {one.name}" for one in node.names if one.name.split(".")[0] in MODULES
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield f"{node.lineno}: {node.module}"
        elif isinstance(node, ast.Call):
            yield from (f"{node.lineno}: {what}" for what in of_call(node))


def of_call(node: ast.Call) -> Iterator[str]:
    """Yield what is wrong with a call."""
    name = ast.unparse(node.func)
    if isinstance(node.func, ast.Name) and name in BUILTINS:
        yield name
    if any(name == one or name.endswith(f".{one}") for one in CALLS):
        yield name
    if name.endswith("yaml.load") and not names_a_safe_loader(node):
        yield "yaml.load without a safe loader"
    for keyword in node.keywords:
        told = ast.unparse(keyword.value)
        if (keyword.arg, told) in {
            ("shell", "True"),
            ("allow_pickle", "True"),
            ("trust_remote_code", "True"),
        }:
            yield f"{keyword.arg}=True"


def names_a_safe_loader(call: ast.Call) -> bool:
    """Whether the loader of `yaml.load` makes plain data: SafeLoader, CSafeLoader, or a child of the module."""
    loaders = [*call.args[1:], *(one.value for one in call.keywords if one.arg == "Loader")]
    return any("SafeLoader" in ast.unparse(one) or ast.unparse(one).startswith("_") for one in loaders)


def files() -> list[Path]:
    found = [path for root in OURS for path in (CHECKOUT / root).rglob("*.py")]
    return [path for path in found if "node_modules" not in path.parts]


def test_nothing_of_ours_runs_data_as_code() -> None:
    found = files()
    assert len(found) > 500
    wrong = [
        f"{place}:{one}"
        for place, source in ((str(path.relative_to(CHECKOUT)), path.read_text()) for path in found)
        for one in (findings(source) if SUSPECT.search(source) else ())
        if one.partition(": ")[2] not in KNOWN.get(place, ())
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.externals",
        "torch.load(path)",
        "my.torch.load(path)",
        "eval('1')",
        "exec(text)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "subprocess.run(words, shell=True)",
        "numpy.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "os.system(words)",
    ],
)
def test_what_is_found(source: str) -> None:
    assert SUSPECT.search(source)
    assert list(findings(source))


@pytest.mark.parametrize(
    "source",
    [
        "yaml.safe_load(text)",
        "yaml.load(text, Loader=yaml.CSafeLoader)",
        "json.loads(text)",
        "re.compile(text)",
        "model.eval()",
        "subprocess.run(words, shell=False)",
    ],
)
def test_what_is_not(source: str) -> None:
    assert list(findings(source)) == []
