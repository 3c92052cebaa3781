"""A real vLLM with a copy of the model on each processor says what one says."""

from pathlib import Path

import pytest

from integration.worker.workers import Worker

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(900)]

PROMPTS = ("Licensed under", "The copyright", "1 2 3")


def texts(worker: Worker) -> list[str]:
    """Return what the worker says at temperature 0."""
    asked = [{"prompt": prompt, "max_tokens": 16, "temperature": 0} for prompt in PROMPTS]
    return [worker.post("/v1/completions", body)["choices"][0]["text"] for body in asked]


def test_two_copies_of_the_model_say_what_one_says(
    vllm_python: Path, tiny_model: Path, worker: Worker, tmp_path: Path
) -> None:
    # A core for each process, as the operator's example for CPUs has it.
    spread = Worker.start(
        vllm_python, tiny_model, tmp_path, "--data-parallel-size", "2", VLLM_CPU_OMP_THREADS_BIND="0|1"
    )
    try:
        spread.wait_until_healthy()
        assert texts(spread) == texts(worker)
    finally:
        spread.kill()
