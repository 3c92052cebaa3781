"""The console's image holds every module of ours that the console imports."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LISTING = """
import json, sys
import tidegate_console.__main__
files = [module.__file__ for name, module in sys.modules.items() if name.startswith("tidegate_")]
print(json.dumps([file for file in files if file]))
"""


def copied() -> list[str]:
    """Return the paths that the stage with the console's code copies."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stage = text.partition(" AS console-code\n")[2].partition("\nFROM ")[0]
    lines = re.findall(r"^COPY (.+)$", stage, re.MULTILINE)
    return [path for line in lines for path in line.split()[:-1]]


def test_what_the_console_imports_is_copied() -> None:
    done = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True)
    imported = {str(Path(file).relative_to(ROOT)) for file in json.loads(done.stdout)}
    places = copied()
    assert imported
    assert [
        one
        for one in sorted(imported)
        if not any(one == place or one.startswith(f"{place}/") for place in places)
    ] == []
