"""What is left behind for the operator to read."""

import json
from pathlib import Path

import pytest

from tidegate_worker.finding import Finding
from tidegate_worker.termination import encode, report

FOUND = Finding("CorruptWeights", 'shard "a" is\nbroken – copy it again')


def test_one_line_of_json_reaches_file_and_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(FOUND, tmp_path / "log")
    text = (tmp_path / "log").read_text()
    assert text.count("\n") == 1
    assert json.loads(text) == {"reason": FOUND.reason, "message": FOUND.message}
    assert capsys.readouterr().err == text


def test_no_place_for_a_message_is_no_second_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(FOUND, tmp_path / "missing" / "log")
    assert "CorruptWeights" in capsys.readouterr().err


@pytest.mark.parametrize("filler", ["a", "–", "𝛼", '"', "\n"])
def test_a_long_message_stays_json_within_what_the_kubelet_keeps(filler: str) -> None:
    line = encode(Finding("ModelNotFound", filler * 10_000))
    assert len(line.encode()) <= 4096
    assert json.loads(line)["reason"] == "ModelNotFound"
