"""The worker with a real vLLM: it answers, it takes priorities, it drains, and it says why when it cannot start."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.worker.workers import CONTEXT, MODEL, ROOT, Worker, environment, serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LONG = CONTEXT // 2


def test_it_answers_a_completion(worker: Worker) -> None:
    answer = worker.post("/v1/completions", {"prompt": "Licensed under", "max_tokens": 5, "ignore_eos": True})
    assert answer["usage"]["completion_tokens"] == 5


def test_it_answers_a_chat_with_a_priority(worker: Worker) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3, "priority": -100}
    answer = worker.post("/v1/chat/completions", body)
    assert answer["choices"][0]["message"]["role"] == "assistant"


def test_it_lists_the_model_by_its_served_name(worker: Worker) -> None:
    with worker.open("/v1/models") as response:
        (model,) = json.load(response)["data"]
    assert (model["id"], model["max_model_len"]) == (MODEL, CONTEXT)


def test_it_is_the_first_process_of_its_container(worker: Worker) -> None:
    status = Path(f"/proc/{worker.first_process}/status").read_text()
    (numbers,) = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
    assert numbers[-1] == "1"
    assert b"tidegate_worker.engine" in Path(f"/proc/{worker.first_process}/cmdline").read_bytes()


def test_told_to_stop_it_finishes_a_running_stream_and_takes_no_new_one(worker: Worker) -> None:
    """Last of this module: the worker is gone afterwards."""
    body = {"prompt": "a", "max_tokens": LONG, "ignore_eos": True, "stream": True}
    with worker.open("/v1/completions", {**body, "stream_options": {"include_usage": True}}) as stream:
        first = stream.readline()
        worker.terminate()
        events = [line for line in (first + stream.read()).split(b"\n") if line]
    assert events[-1] == b"data: [DONE]"
    usage = json.loads(events[-2].removeprefix(b"data: "))["usage"]
    assert usage["completion_tokens"] == LONG
    assert worker.refused()
    assert worker.outer.wait(timeout=60) == 0, worker.log.read_text()[-4000:]


def test_the_committed_table_is_what_this_vllm_accepts(vllm_python: Path, tmp_path: Path) -> None:
    subprocess.run(
        [vllm_python, ROOT / "hack" / "engine_table.py", tmp_path], env=environment(tmp_path), check=True
    )
    (made,) = tmp_path.glob("vllm-*.json")
    committed = ROOT / "crds" / "tidegate_api" / "engine" / made.name
    assert made.read_text() == committed.read_text(), "run `make engine-table`"


def missing(model: Path) -> None:
    shutil.rmtree(model)


def cut_off(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def renamed(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "architectures": ["LLamaForCausalLM"]}))


def with_code(model: Path) -> None:
    (model / "modeling_tiny.py").write_text("raise SystemExit('ran')")


DAMAGES = [
    pytest.param((missing, "ModelNotFound", "there is no directory"), id="a missing directory"),
    pytest.param((cut_off, "CorruptWeights", "ends 1000 bytes early"), id="weights that were cut off"),
    pytest.param((renamed, "UnsupportedArchitecture", "LlamaForCausalLM"), id="an unknown architecture"),
    pytest.param((with_code, "UnsafeFormat", "modeling_tiny.py"), id="a model that brings code"),
]


@pytest.mark.parametrize("case", DAMAGES)
def test_a_model_it_cannot_serve_is_named_before_vllm_starts(
    case: tuple[Callable[[Path], None], str, str], vllm_python: Path, tiny_model: Path, tmp_path: Path
) -> None:
    damage, reason, words = case
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    damage(model)
    command = serve(vllm_python, model, tmp_path / "termination")
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, timeout=60, check=False)
    assert done.returncode == 78, done.stderr
    found = json.loads((tmp_path / "termination").read_text())
    assert found["reason"] == reason
    assert words in found["message"]
    assert done.stdout == b"", "vLLM was not started"
