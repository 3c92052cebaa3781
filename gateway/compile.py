"""Compiles the gateway's hot modules with mypyc: compile.py CHECKOUT TARGET [LEVEL].

TARGET gets the packages `tidegate_gateway` and `tidegate_api` as they are, and beside the modules below their
machine code, which Python imports in their place. LEVEL is gcc's, 2 unless given. Needs mypy, setuptools, gcc,
Python's headers, and what the gateway imports.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from mypyc.build import mypycify
from setuptools import Distribution  # type: ignore[import-untyped]

PACKAGES: Final = {"tidegate_api": "crds", "tidegate_gateway": "gateway"}
# What each request or chunk goes through. One that is missing here runs all the same, only slower. None in which a
# msgspec.Struct is decoded: the compiler drops the options of its class, and of its types all but plain names.
MODULES: Final = {
    "": (
        "answer auth body estimate exchange histogram output relay repeat request served server sse upstream "
        "usage versions wire"
    ),
    "limits/": "account budget headers ledger meter",
    "qos/": "band credits dispatch drain drr eligible holding lanes places pools queues recall shares supply ticket",
    "routing/": "choice cost endpoint fleet outliers prefix rate rendezvous retry router",
}


def copy_packages(checkout: Path, target: Path) -> None:
    """Put the packages into the target, in place of what is there."""
    for package, folder in PACKAGES.items():
        shutil.rmtree(target / package, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(checkout / folder / package, target / package, ignore=ignored)


def compile_modules(checkout: Path, target: Path, scratch: Path, level: str) -> None:
    """Write machine code beside the sources in the target. Types are checked by the checkout's own settings."""
    os.chdir(checkout)
    modules = [folder + name for folder, names in MODULES.items() for name in names.split()]
    paths = [f"gateway/tidegate_gateway/{module}.py" for module in modules]
    settings = ["--config-file=pyproject.toml", f"--cache-dir={scratch / 'types'}"]
    extensions = mypycify(
        [*settings, *paths],
        opt_level=level,
        debug_level="0",
        target_dir=str(scratch),
        group_name="tidegate_gateway",
    )
    build = Distribution({"name": "tidegate-gateway", "ext_modules": extensions}).get_command_obj("build_ext")
    build.build_lib, build.build_temp = str(target), str(scratch)
    build.ensure_finalized()
    build.run()


def main(checkout: str, target: str, level: str = "2") -> None:
    """Copy, then compile."""
    with tempfile.TemporaryDirectory() as scratch:
        copy_packages(Path(checkout), Path(target))
        compile_modules(Path(checkout).resolve(), Path(target).resolve(), Path(scratch), level)


if __name__ == "__main__":
    main(*sys.argv[1:])
