"""The process that the worker becomes."""

from collections.abc import Mapping, Sequence

import pytest

from tidegate_worker.facts import EngineFacts
from tidegate_worker.launch import Launch, launch

NOBIND = {"VLLM_CPU_OMP_THREADS_BIND": "nobind"}


def command(
    *args: str,
    env: Mapping[str, str] | None = None,
    on_cpu: bool = True,
    preload: Sequence[str] = (),
    cpus: float | None = None,
) -> Launch:
    engine = EngineFacts(args, env or {}, on_cpu)
    return launch(engine, python="/py", model_path="/m", drain_seconds=60, preload=preload, cpus=cpus)


def test_words_reach_the_engine_as_they_came() -> None:
    words = ("--model", "/x", "--shutdown-timeout=7", "--chat-template", "; rm -rf $HOME `id`\n")
    assert command(*words).argv == ("/py", "-m", "tidegate_worker.engine", *words)


def test_model_and_drain_are_added_where_they_are_missing() -> None:
    assert command("--port", "1").argv[3:] == ("--port", "1", "--model", "/m", "--shutdown-timeout", "60")


def test_an_underscore_is_a_dash_to_vllm() -> None:
    assert command("--shutdown_timeout", "7", "--model=/x").argv[3:] == (
        "--shutdown_timeout",
        "7",
        "--model=/x",
    )


@pytest.mark.parametrize(
    ("made", "want"),
    [
        pytest.param(command(env={"A": "b"}), {"A": "b"}, id="the environment goes through"),
        pytest.param(
            command(preload=["/a", "/b"]), {"LD_PRELOAD": "/a:/b"}, id="libraries are preloaded on a CPU"
        ),
        pytest.param(command(preload=["/a"], on_cpu=False), {}, id="and not beside a GPU"),
        pytest.param(
            command(preload=["/a"], env={"LD_PRELOAD": ""}), {"LD_PRELOAD": ""}, id="the user's preload wins"
        ),
        pytest.param(
            command(env=NOBIND, cpus=1.5),
            {**NOBIND, "OMP_NUM_THREADS": "2"},
            id="as many threads as processors",
        ),
        pytest.param(
            command(env=NOBIND, cpus=0.1), {**NOBIND, "OMP_NUM_THREADS": "1"}, id="never less than one thread"
        ),
        pytest.param(command(env=NOBIND), NOBIND, id="no quota, no number of threads"),
        pytest.param(command(cpus=2), {}, id="bound threads are vLLM's to count"),
        pytest.param(
            command(env={**NOBIND, "OMP_NUM_THREADS": "9"}, cpus=2),
            {**NOBIND, "OMP_NUM_THREADS": "9"},
            id="the user's number of threads wins",
        ),
    ],
)
def test_environment(made: Launch, want: dict[str, str]) -> None:
    assert made.env == want
