"""The components as their images have them: an environment of one extra of the lockfile and nothing else, and a start.

Owns the environments, which stay in the cache, and how each component is run without a chart. Must not measure.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vllm_env import cache_dir, find_uv

ROOT: Final = Path(__file__).resolve().parents[3]
_CODE: Final = ("crds", "operator", "gateway", "console", "cli", "worker")


@dataclass(frozen=True, slots=True)
class Component:
    """One of them: its extra in pyproject.toml, what its process imports, and a script that is that process."""

    name: str
    module: str
    script: str


COMPONENTS: Final = (
    Component(
        "operator",
        "tidegate_operator.runtime",
        "import sys; from tidegate_operator.__main__ import main; sys.exit(main(['run']))",
    ),
    Component(
        "gateway",
        "tidegate_gateway.watch, tidegate_gateway.__main__",
        "import os; from dataclasses import replace; from tidegate_gateway.__main__ import run; "
        "from tidegate_gateway.settings import read_settings; from tidegate_gateway.watch import watch_cluster; "
        "run(replace(read_settings(os.environ), host='127.0.0.1', port=0, admin_port=0), watch_cluster)",
    ),
    Component(
        "console",
        "tidegate_console.__main__",
        "import asyncio, os; from tidegate_console.__main__ import serve; "
        "from tidegate_console.settings import read_settings; "
        "asyncio.run(serve(read_settings(os.environ, ['--host=127.0.0.1', '--port=0', '--admin-port=0'])))",
    ),
)


def environment_of(component: Component) -> Path:
    """Return the environment of a component, brought in line with the lockfile."""
    home = cache_dir() / "bench" / f"env-{component.name}"
    words = [
        "sync",
        "--quiet",
        "--frozen",
        "--no-install-project",
        "--no-default-groups",
        "--compile-bytecode",
    ]
    subprocess.run(
        [find_uv(), *words, "--extra", component.name],
        cwd=ROOT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(home)},
        check=True,
    )
    return home


def variables(kubeconfig: Path) -> Mapping[str, str]:
    """Return the environment variables of a process of any of them."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in _CODE),
        "KUBECONFIG": str(kubeconfig),
        "POD_NAMESPACE": "default",
        "POD_NAME": "footprint",
        "TIDEGATE_ADMIN_PORT": "0",
    }
