"""Last words: whole JSON that the kubelet keeps, without a token."""

import json
from pathlib import Path

import pytest

from tidegate_loader.failure import LoadFailed
from tidegate_loader.report import Report, encode_failure, encode_result, secrets_of
from unit.logform import read


@pytest.mark.parametrize("filler", ["a", "–", "𝛼", '"', "\n"])
def test_a_long_failure_stays_json_within_what_the_kubelet_keeps(filler: str) -> None:
    line = encode_failure(LoadFailed("LoaderFailed", filler * 10_000), ["hf/a--b/0"] * 500)
    assert len(line.encode()) < 4096
    assert json.loads(line)["reason"] == "LoaderFailed"


def test_a_result_with_many_models_that_went_keeps_what_matters() -> None:
    path = f"hf/{'x' * 90}--{'y' * 90}/{'0' * 40}"
    told = json.loads(
        encode_result({"revision": "r", "path": path, "shape": {"layers": 3}, "evicted": [path] * 100})
    )
    assert (told["revision"], told["path"], told["shape"]) == ("r", path, {"layers": 3})
    assert 10 < len(told["evicted"]) < 100


def test_failures_name_who_left_for_nothing_only_where_somebody_did() -> None:
    failed = LoadFailed("HubUnreachable", "away")
    assert json.loads(encode_failure(failed, [])) == {"reason": "HubUnreachable", "message": "away"}
    assert json.loads(encode_failure(failed, ["hf/a--b/0"]))["evicted"] == ["hf/a--b/0"]


def test_a_token_is_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(
        tmp_path / "last", secrets_of({"HF_TOKEN": "hf_secret\n", "MODELSCOPE_API_TOKEN": "ms-secret"})
    )
    report.say("asked", what="hf_secret and ms-secret")
    report.failure(LoadFailed("LoaderFailed", "Bearer hf_secret, m_session_id=ms-secret"))
    report.result({"path": "hf_secret"})
    told = capsys.readouterr().err + (tmp_path / "last").read_text()
    assert "secret" not in told
    assert "***" in told


def test_no_place_for_last_words_is_no_second_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Report(tmp_path / "missing" / "last").failure(LoadFailed("HubOffline", "away"))
    assert "HubOffline" in capsys.readouterr().err


def test_a_line_of_the_log_has_the_form_of_all_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Report(tmp_path / "last").say("asked", files=3)
    assert read(capsys.readouterr().err, "tidegate_loader") == {
        "level": "info",
        "message": "asked",
        "files": 3,
    }
