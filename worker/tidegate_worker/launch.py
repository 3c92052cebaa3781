"""Which process the worker becomes: the words and the environment of vLLM's server.

Pure: what the operator asked for and what the image offers in, one command out. Never a shell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tidegate_worker.facts import EngineFacts

ENGINE_MODULE = "tidegate_worker.engine"


@dataclass(frozen=True, slots=True)
class Launch:
    """A program's argument vector and its whole environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


def launch(
    engine: EngineFacts,
    *,
    python: str,
    model_path: str | None,
    drain_seconds: int,
    preload: Sequence[str],
    cpus: float | None,
    more: Sequence[str] = (),
) -> Launch:
    """Return the command that serves the model and lets running requests finish when it is told to stop.

    `more` are words that only this very process can know.
    """
    words = [*engine.args, *more]
    if model_path is not None and engine.value_of("--model") is None:
        words += ["--model", model_path]
    if engine.value_of("--shutdown-timeout") is None:
        words += ["--shutdown-timeout", str(drain_seconds)]
    return Launch((python, "-m", ENGINE_MODULE, *words), environment(engine, preload, cpus))


def environment(engine: EngineFacts, preload: Sequence[str], cpus: float | None) -> dict[str, str]:
    """Return the given environment plus what a CPU engine needs to be fast in a container."""
    env = dict(engine.env)
    if not engine.on_cpu:
        return env
    if preload:
        env.setdefault("LD_PRELOAD", ":".join(preload))
    # Unbound, OpenMP starts a thread per processor of the machine, however few of them the container gets.
    if cpus is not None and env.get("VLLM_CPU_OMP_THREADS_BIND") == "nobind":
        env.setdefault("OMP_NUM_THREADS", str(max(1, ceil(cpus))))
    return env
