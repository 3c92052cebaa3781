"""The loader runs with what its image carries and nothing more of ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from integration.loader.loading import ROOT, Place, environment, publish


def copied(to: Path) -> None:
    """Copy what the Dockerfile's stage `loader-code` copies."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stage = text.partition(" AS loader-code\n")[2].partition("\nFROM ")[0]
    for line in re.findall(r"^COPY (.+)$", stage, re.MULTILINE):
        *sources, target = line.split()
        folder = to / target.removeprefix("/app/")
        for source in (ROOT / source for source in sources):
            if source.is_dir():
                shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder)


SCRIPT = """
import atexit, json, runpy, sys

def ours():
    modules = [module for name, module in sys.modules.items() if name.startswith("tidegate")]
    print(json.dumps([module.__file__ for module in modules if module.__file__]))

atexit.register(ours)
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("tidegate_loader", run_name="__main__")
"""


def test_the_image_has_all_that_a_load_imports(place: Place, shelf: Path, tmp_path: Path) -> None:
    publish(shelf, "Org/Name")
    app = tmp_path / "app"
    copied(app)
    # Isolated from the checkout, where the environment of the tests would lead.
    command = [sys.executable, "-I", "-c", SCRIPT, str(app), "load", "--uri=hf://Org/Name", "--port=0"]
    words = [f"--cache={place.cache}", f"--termination-message={place.last}"]
    env = {**os.environ, **environment(place.hub, None)}
    done = subprocess.run(
        [*command, *words], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    files = json.loads(done.stdout)
    assert len(files) > 20
    assert all(file.startswith(str(app)) for file in files)
    assert json.loads(place.last.read_text())["shape"]["layers"] == 2
