"""Small weights: what a model takes on disk and in the engine's memory, as it is, in eight bits and in four.

Each form is loaded once, in a process of its own: bytes do not vary. A share is told of the layers' matrices alone: the
embeddings stay as they are, and weigh much in a small model and little in a large one.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tidegate_bench.results import Goal
from tidegate_bench.statistics import Figure

# Beside the numbers there are scales: one of 16 bits for each row, or for each group of 32.
LIMITS: Final = {"int8": 0.55, "int4": 0.35}
BITS: Final = {"int8": 8, "int4": 4}
HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a model, in bytes: its files of weights, the layers' matrices in them, the engine's own memory."""

    files: int
    matrices: int
    memory: int


def weigh(python: Path, model: Path, home: Path) -> dict[str, dict[str, int]]:
    """Return each form by its name; raises RuntimeError when the engine does not load one."""
    matrices = _told(_run(python, home, "quantize.py", str(model), str(home / "int8"), "8"), "matrices")
    _run(python, home, "quantize.py", str(model), str(home / "int4"), "4")
    forms = {"as stored": model, **{name: home / name for name in BITS}}
    return {name: asdict(_form(python, home, where, matrices)) for name, where in forms.items()}


def _form(python: Path, home: Path, where: Path, matrices: int) -> Form:
    files = sum(file.stat().st_size for file in where.glob("*.safetensors"))
    return Form(files, matrices, _told(_run(python, home, "weigh.py", str(where)), "bytes"))


def _run(python: Path, home: Path, script: str, *words: str) -> str:
    env = {
        **os.environ,
        **{name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "VLLM_CACHE_ROOT")},
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    command: Sequence[str] = (str(python), str(HERE / script), *words)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script} {' '.join(words)} failed: {done.stderr[-1000:]}")
    return done.stdout


def _told(output: str, name: str) -> int:
    found = re.search(rf"^{name}=(\d+)$", output, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no {name} was told, but: {output[-300:]}")
    return int(found[1])


def share(forms: Mapping[str, Mapping[str, int]], name: str) -> float:
    """Return what the layers' matrices take in memory in a form, as a share of what they take as stored."""
    whole = forms["as stored"]
    saved = whole["memory"] - forms[name]["memory"]
    return 1 - saved / whole["matrices"]


def judge(forms: Mapping[str, Mapping[str, int]]) -> list[Goal]:
    """Return the goals."""
    shares = {name: share(forms, name) for name in LIMITS}
    return [
        Goal(f"engine-{name}-weight-memory", Figure(part, part, part), "×as-stored", LIMITS[name])
        for name, part in shares.items()
    ]
