"""What the worker tells of its start: taken from vLLM's records, and nothing that could stop vLLM."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tidegate_worker import phases

RECORDS = [
    pytest.param(
        "Loading weights took %.2f seconds", (2.5,), {"weights": 2.5, "weightsAt": 97.5}, id="the weights"
    ),
    pytest.param(
        "init engine (profile, create kv cache, warmup model) took %.2f s (compilation: %.2f s)",
        (10.0, 4.0),
        {"compile": 4.0, "warmup": 6.0},
        id="an engine that has compiled",
    ),
    pytest.param(
        "init engine (profile, create kv cache, warmup model) took %.2f s",
        (10.0,),
        {"compile": 0.0, "warmup": 10.0},
        id="an engine that has not",
    ),
    pytest.param("Loading weights took %s", ("long",), {}, id="no number"),
    pytest.param("Loading weights took 3 seconds", None, {}, id="no values"),
    pytest.param("Graph capturing finished in %.0f secs", (3.0,), {}, id="another record"),
]


@pytest.mark.parametrize(("template", "values", "expected"), RECORDS)
def test_a_record_tells(template: str, values: Any, expected: dict[str, float]) -> None:
    assert phases.parts(template, values, 100.0) == expected


def test_of_several_processes_the_slowest_counts() -> None:
    lines = [
        json.dumps(one)
        for one in (
            {"preflight": 0.5},
            {"weights": 2.0, "weightsAt": 110.0},
            {"weights": 3.0, "weightsAt": 108.0},
        )
    ]
    assert phases.read(lines, began=100.0) == {"preflight": 0.5, "weights": 3.0, "import": 8.0}


def test_a_user_who_configures_logging_is_left_alone(tmp_path: Path) -> None:
    assert phases.environment({"VLLM_LOGGING_CONFIG_PATH": "/mine.json"}, tmp_path, 0.1) == {}
    assert phases.environment({"VLLM_CONFIGURE_LOGGING": "0"}, tmp_path, 0.1) == {}
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_told_where_nothing_can_be_written(tmp_path: Path) -> None:
    assert phases.environment({}, tmp_path / "absent", 0.1) == {}
    phases.write(tmp_path / "absent" / "file", {"weights": 1.0})


def test_lines_of_the_log_look_as_vllms_own_do(tmp_path: Path) -> None:
    env = phases.environment(
        {"VLLM_LOGGING_LEVEL": "debug", "VLLM_LOGGING_PREFIX": "w1 "}, tmp_path, preflight_seconds=0.1
    )
    config = json.loads(Path(env["VLLM_LOGGING_CONFIG_PATH"]).read_text())
    formatter = config["formatters"]["vllm"]
    assert formatter["format"].startswith("w1 (%(vllm_process_name)s pid=%(process)d) %(levelname)s ")
    assert config["loggers"]["vllm"] == {
        "handlers": ["vllm", "startup"],
        "level": "DEBUG",
        "propagate": False,
    }


def test_what_processes_log_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = phases.environment({}, tmp_path, preflight_seconds=0.25)
    monkeypatch.setenv("TIDEGATE_STARTUP_FILE", env["TIDEGATE_STARTUP_FILE"])
    record = logging.makeLogRecord(
        {"msg": "Loading weights took %.2f seconds", "args": (2.0,), "created": 50.0}
    )
    phases.Recorder().emit(record)
    phases.Recorder().emit(logging.makeLogRecord({"msg": "something else", "args": ()}))
    lines = Path(env["TIDEGATE_STARTUP_FILE"]).read_text().splitlines()
    assert phases.read(lines, began=40.0) == {"preflight": 0.25, "weights": 2.0, "import": 8.0}
