"""The command line, as the operator calls it, up to the moment where vLLM takes over."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models import GOOD, LLAMA, write_model

ROOT = Path(__file__).resolve().parents[3]
# Stands in for vLLM: says with what it was called, and that it runs in the process that was started.
ENGINE = "import os, sys, json; print(json.dumps([os.getpid(), sys.argv[1:]]))"


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """Return a Python path that holds a stand-in for vLLM's server."""
    folder = tmp_path / "python" / "vllm" / "entrypoints" / "openai"
    folder.mkdir(parents=True)
    (folder / "api_server.py").write_text(ENGINE)
    return tmp_path / "python"


def start(engine: Path, *words: str) -> subprocess.Popen[str]:
    path = [str(engine), str(ROOT / "worker"), str(ROOT / "crds")]
    return subprocess.Popen(
        [sys.executable, "-m", "tidegate_worker", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        cwd=engine,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_sound_model_hands_the_process_over_to_the_engine(tmp_path: Path, engine: Path) -> None:
    model = write_model(tmp_path / "m", {"config.json": LLAMA, "model.safetensors": GOOD})
    words = ["--model", str(model), "--port", "8000", "--", "x;y"]
    process = start(engine, "serve", f"--model-path={model}", "--drain-seconds=9", "--", *words)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out) == [process.pid, [*words, "--shutdown-timeout", "9"]]
    assert json.loads(err)["weight_bytes"] == len(GOOD)


def test_what_the_engine_reads_itself_is_not_looked_into(engine: Path) -> None:
    words = ["--model", "s3://bucket/x", "--shutdown-timeout", "9"]
    process = start(engine, "serve", "--", *words)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert json.loads(out) == [process.pid, words]


def test_a_finding_ends_with_78_and_a_termination_message(tmp_path: Path, engine: Path) -> None:
    message = tmp_path / "log"
    process = start(
        engine, "serve", f"--model-path={tmp_path}/none", f"--termination-message={message}", "--"
    )
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (78, "")
    assert json.loads(message.read_text())["reason"] == "ModelNotFound"


@pytest.mark.parametrize("words", [[], ["serve"], ["serve", "--model", "/m"], ["other", "--model-path=/m"]])
def test_a_wrong_command_line_is_told_and_ends_with_2(words: list[str], engine: Path) -> None:
    process = start(engine, *words)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "usage: tidegate_worker" in err


def test_a_signal_while_vllm_is_imported_ends_the_worker(tmp_path: Path, engine: Path) -> None:
    ready = tmp_path / "importing"
    server = engine / "vllm" / "entrypoints" / "openai" / "api_server.py"
    server.write_text(f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)")
    model = write_model(tmp_path / "m", {"config.json": LLAMA, "model.safetensors": GOOD})
    process = start(engine, "serve", f"--model-path={model}", "--")
    while not ready.exists():
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    # Its own exit code: the first process of a container is not killed by a signal that it does not handle.
    assert process.returncode == 143


def test_a_signal_between_the_two_programs_is_kept_for_the_second(engine: Path) -> None:
    script = (
        "import os, signal, sys; from tidegate_worker import engine; engine.hold_signals();"
        "os.kill(os.getpid(), signal.SIGTERM);"
        "os.execv(sys.executable, [sys.executable, '-m', 'tidegate_worker.engine'])"
    )
    path = [str(engine), str(ROOT / "worker"), str(ROOT / "crds")]
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (143, b"")
