"""A model in an object store, read by a real vLLM through its streaming loader: nothing is on a disk before."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from integration.worker.objectstore import ObjectStore, serve
from integration.worker.workers import MODEL, Worker, environment
from ports import free_port
from tidegate_operator.desired import ModelVolume
from tidegate_operator.engine import own_args

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

URI = "s3://models/tiny"
KEY = "tidegate-test"


def variables(home: Path, store: ObjectStore, key: str = KEY) -> dict[str, str]:
    """Return what the operator sets, and what the user's Secret has."""
    return {
        **environment(home),
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": store.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "0",
    }


def start(python: Path, home: Path, env: dict[str, str]) -> Worker:
    """Start a worker as the operator writes it for this URI."""
    home.mkdir()
    port, log = free_port(), home / "log"
    own = own_args(ModelVolume(source=None, path=URI, claim=None), MODEL, 10)
    # Of what the operator sets, but for the address.
    own[own.index("--port") + 1] = str(port)
    words = ["-m", "tidegate_worker", "serve", f"--termination-message={home / 'termination'}", "--"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(python), *words, *own, "--enforce-eager", "--max-model-len=512"],
            env=env,
            cwd=home,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Worker(process, port, log)


def end(worker: Worker) -> None:
    with suppress(ProcessLookupError):
        os.killpg(worker.outer.pid, signal.SIGKILL)
    worker.outer.wait()


def test_it_answers_with_weights_that_were_only_in_the_store(
    vllm_python: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with serve(ObjectStore("models", KEY)) as store:
        store.put("tiny", tiny_model)
        worker = start(vllm_python, tmp_path / "home", variables(tmp_path / "home", store))
        try:
            worker.wait_until_healthy()
            body = {"prompt": "Licensed", "max_tokens": 4, "ignore_eos": True}
            answer = worker.post("/v1/completions", body)
        finally:
            end(worker)
    assert answer["usage"]["completion_tokens"] == 4
    assert ("GET", "tiny/model.safetensors") in store.asked
    assert not list((tmp_path / "home").rglob("*.safetensors"))


def test_wrong_credentials_end_the_worker_with_the_stores_own_words(
    vllm_python: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with serve(ObjectStore("models", KEY)) as store:
        store.put("tiny", tiny_model)
        worker = start(vllm_python, tmp_path / "home", variables(tmp_path / "home", store, key="wrong"))
        try:
            assert worker.outer.wait(timeout=240) != 0
        finally:
            end(worker)
    assert "403" in worker.log.read_text() or "InvalidAccessKeyId" in worker.log.read_text()
