"""`python -m streams`: every part with its numbers, a table, and a JSON file from which the page is written.

Owns arguments, order and what is told. Returns 1 if anything was lost, or if the run shows nothing: workers that are
killed instead of drained must break streams in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from integration.api import Api
from localcluster import controlplane
from streams import changes, deletes, idle, kills, page, slow
from streams.world import world

ROOT: Final = Path(__file__).parents[2]
TOKEN_SECONDS: Final = 0.05
PARTS: Final = ("changes", "kills", "slow", "deletes", "idle")


def main(words: list[str]) -> int:
    """Run what was asked for."""
    told = _arguments(words)
    if told.publish:
        page.publish()
        return 0
    results: dict[str, Any] = {}
    wrong: list[str] = []
    parts: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
        "changes": _changes,
        "kills": _kills,
        "slow": _slow,
        "deletes": _deletes,
        "idle": _idle,
    }
    for name in PARTS if told.part == "all" else (told.part,):
        with tempfile.TemporaryDirectory(prefix="tidegate-streams-", ignore_cleanup_errors=True) as folder:
            began = time.monotonic()
            try:
                found = parts[name](told, Path(folder))
            except Exception as failure:
                # What the other parts show is worth something without it.
                traceback.print_exc()
                wrong.append(f"{name} came to no end: {failure}"[:500])
                continue
            results[name] = found | {"took_seconds": round(time.monotonic() - began)}
        wrong += [fault for row in page.rows_of(results[name]) for fault in row.get("wrong", ())]
        _show(name, results[name])
        print(f"written to {page.save(name, results[name], _about(told))}", flush=True)
    for fault in wrong[:20]:
        print(f"WRONG: {fault}", flush=True)
    if "changes" in results and not results["changes"]["careless"]["broken"]:
        print("void: workers that were killed broke no stream, so that none broke shows nothing")
        return 1
    return 1 if wrong else 0


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m streams", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=("all", *PARTS))
    parser.add_argument("--streams", type=int, default=1000, help="through each change, at least")
    parser.add_argument("--clients", type=int, default=changes.CLIENTS, help="at a time")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--slow", type=int, default=500, help="slow clients, a third of each kind")
    parser.add_argument("--deletes", type=int, default=200)
    parser.add_argument("--idle", type=int, default=100, help="times that somebody has to go")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--publish", action="store_true", help="only write the page, from the figures of before"
    )
    return parser.parse_args(words)


def _about(told: argparse.Namespace) -> dict[str, Any]:
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "seed": told.seed,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


@contextmanager
def _plane(folder: Path) -> Iterator[Api]:
    with controlplane.start("streams", controllers=True) as plane:
        api = Api(plane, folder / "discovery.json")
        api.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        api.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield api


def _namespace(api: Api, name: str) -> str:
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def _changes(told: argparse.Namespace, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"rows": []}
    with _plane(folder) as api:
        namespace = _namespace(api, "streams")
        options = {"workers": changes.WORKERS, "token_seconds": TOKEN_SECONDS}
        with world(api, namespace, folder, told.seed, **options) as made:  # type: ignore[arg-type]
            for name, change in changes.CHANGES.items():
                done = asyncio.run(changes.run(made, name, change, told.streams, told.clients))
                print(f"  {name}: {done.streams} streams, {done.broken} broken, {done.seconds} s", flush=True)
                print("".join(f"  WRONG: {fault}\n" for fault in done.wrong[:5]), end="", flush=True)
                found["rows"].append(_plain(done) | {"broken": done.broken})
            made.kubelet.is_careless = True
            few = min(told.streams, told.clients)
            done = asyncio.run(changes.run(made, "workers killed", changes.rolling_update, few, told.clients))
            found["careless"] = _plain(done) | {"broken": done.broken, "wrong": []}
    return found


def _kills(told: argparse.Namespace, folder: Path) -> dict[str, Any]:
    return _plain(asyncio.run(kills.run(folder, told.kills, told.seed)))


def _slow(told: argparse.Namespace, folder: Path) -> dict[str, Any]:
    done = asyncio.run(slow.run(folder, told.slow, told.seed))
    return _plain(done) | {"growth_per_slow_mb": round(done.growth_per_slow_mb, 3)}


def _deletes(told: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with _plane(folder) as api:
        return _plain(deletes.run(api, _namespace(api, "deletes"), folder, told.deletes))


def _idle(told: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with _plane(folder) as api:
        return _plain(idle.run(api, _namespace(api, "idle"), folder, told.idle, seed=told.seed))


def _plain(outcome: object) -> dict[str, Any]:
    found = {name: value for name, value in vars(outcome).items() if not name.startswith("_")}
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in found.items()}


def _show(name: str, result: dict[str, Any]) -> None:
    print(f"== {name} ({result['took_seconds']} s)")
    for row in page.rows_of(result):
        shown = {key: value for key, value in row.items() if key not in ("wrong", "rows", "careless")}
        print(f"  {json.dumps(shown, default=str)}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
