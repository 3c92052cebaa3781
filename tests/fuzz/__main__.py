"""`make fuzz`: run targets for some seconds each, one after the other: python -m fuzz [--seconds N] [TARGET ...].

Where atheris is installed it leads the search by what of our code an input reaches, and keeps in the cache what reached
something new; elsewhere hypothesis searches by itself. A finding is made as small as it can be, and shown.
"""

import argparse
import io
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr
from importlib.util import find_spec
from pathlib import Path

from hypothesis import HealthCheck, settings

CACHE = Path(os.environ.get("TIDEGATE_CACHE", Path.home() / ".cache" / "tidegate")) / "fuzz"
OURS = [
    "tidegate_api",
    "tidegate_gateway",
    "tidegate_console",
    "tidegate_operator",
    "tidegate_loader",
    "tidegate_worker",
]
BATCH = 2000


def led(name: str, seconds: int) -> None:
    """Search with atheris; ends the process, with a status other than 0 at the first finding."""
    import atheris

    # It names every module that it instruments.
    with (
        redirect_stderr(io.StringIO()),
        atheris.instrument_imports(include=[*OURS, "tidegate_live", "tidegate_cli"]),
    ):
        from fuzz.targets import TARGETS

    corpus = CACHE / name.replace(" ", "-")
    corpus.mkdir(parents=True, exist_ok=True)
    words = [
        str(corpus),
        f"-max_total_time={seconds}",
        f"-artifact_prefix={corpus.parent}/",
        "-timeout=60",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *words, "-print_final_stats=1"], TARGETS[name].hypothesis.fuzz_one_input)
    atheris.Fuzz()


def alone(name: str, seconds: int) -> None:
    """Search with hypothesis, which tries anew what it found before; raises what a target raises."""
    from fuzz.targets import TARGETS

    searched = settings(max_examples=BATCH, deadline=None, suppress_health_check=list(HealthCheck))(
        TARGETS[name]
    )
    end = time.monotonic() + seconds
    tried = 0
    while tried == 0 or time.monotonic() < end:
        searched()
        tried += BATCH
    print(f"{name}: {tried} examples, nothing found", flush=True)


def search(name: str, seconds: int) -> bool:
    """Run a target in a process of its own; return whether nothing was found."""
    print(f"== {name}", flush=True)
    word = (sys.executable, "-m", "fuzz", "--seconds", str(seconds), "--in-this-process")
    way = "--led" if find_spec("atheris") else "--alone"
    if subprocess.run([*word, way, name], check=False).returncode == 0:
        return True
    if way == "--led":
        # Hypothesis has kept what it was, and shows it at its smallest.
        subprocess.run([*word[:4], "0", "--in-this-process", "--alone", name], check=False)
    return False


def main() -> int:
    """Return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--led", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", help="by name; all of them unless given")
    asked = parser.parse_args()
    if asked.in_this_process:
        (led if asked.led else alone)(asked.targets[0], asked.seconds)
        return 0
    from fuzz.targets import TARGETS

    found = [name for name in asked.targets or TARGETS if not search(name, asked.seconds)]
    print(f"{len(found)} targets with findings{': ' if found else ''}{', '.join(found)}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
