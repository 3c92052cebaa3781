"""A real vLLM of two processes, each on a processor of its own, says what one process says."""

from pathlib import Path

import pytest

from integration.worker.workers import Worker

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.timeout(900)]

PROMPTS = ("Licensed under", "The copyright", "1 2 3")


def likely(worker: Worker) -> list[dict[str, float]]:
    """Return the likeliest first token after each prompt, with the logarithm of its probability.

    Sums in another order differ in the last of bfloat16's digits, and further tokens with them.
    """
    asked = [{"prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 1} for prompt in PROMPTS]
    return [
        worker.post("/v1/completions", body)["choices"][0]["logprobs"]["top_logprobs"][0] for body in asked
    ]


@pytest.mark.parametrize(
    "flag",
    [
        pytest.param("--tensor-parallel-size", id="every layer cut in two"),
        pytest.param("--data-parallel-size", id="two copies of the model"),
    ],
)
def test_two_processes_say_what_one_says(
    vllm_python: Path, tiny_model: Path, worker: Worker, tmp_path: Path, flag: str
) -> None:
    # A core for each process, as the operator's example for CPUs has it.
    spread = Worker.start(vllm_python, tiny_model, tmp_path, flag, "2", VLLM_CPU_OMP_THREADS_BIND="0|1")
    try:
        spread.wait_until_healthy()
        for found, expected in zip(likely(spread), likely(worker), strict=True):
            assert found == pytest.approx(expected, abs=0.1)
    finally:
        spread.kill()
