"""What it means when a hub says no: a reason, and a page where somebody can do something about it."""

import pytest

from tidegate_loader.verdict import Asked, Said, said_by_huggingface, said_by_modelscope, unreachable, verdict

HUB = "https://hub.example"
PAGE = f"{HUB}/Org/Name"
TOKENS = f"{HUB}/settings/tokens"


def asked(*, token: bool = False) -> Asked:
    return Asked("hf://Org/Name", "main", HUB, PAGE, TOKENS, token)


@pytest.mark.parametrize(
    ("said", "token", "reason", "shown"),
    [
        pytest.param(Said(401, "GatedRepo"), False, "TokenMissing", PAGE, id="gated, nobody asks"),
        pytest.param(Said(401, "LoginNeeded"), False, "TokenMissing", PAGE, id="ModelScope wants a login"),
        pytest.param(Said(403, "GatedRepo"), True, "AccessDenied", PAGE, id="gated, not granted"),
        pytest.param(Said(401, "GatedRepo"), True, "AccessDenied", PAGE, id="gated, said otherwise"),
        pytest.param(Said(403), False, "AccessDenied", PAGE, id="forbidden to everybody"),
        pytest.param(Said(451), False, "AccessDenied", PAGE, id="forbidden by law"),
        pytest.param(Said(401, "", "Invalid credentials"), True, "TokenInvalid", TOKENS, id="a bad token"),
        pytest.param(Said(401, "LoginNeeded"), True, "TokenInvalid", TOKENS, id="a bad token of ModelScope"),
        pytest.param(Said(401, "RepoNotFound"), False, "ModelNotFound", PAGE, id="missing, or private"),
        pytest.param(Said(401), False, "ModelNotFound", PAGE, id="missing, or private, without a code"),
        pytest.param(Said(404, "RepoNotFound"), True, "ModelNotFound", PAGE, id="missing for this token"),
        pytest.param(Said(404), False, "ModelNotFound", PAGE, id="missing"),
        pytest.param(Said(404, "RevisionNotFound"), False, "RevisionNotFound", PAGE, id="no such revision"),
        pytest.param(Said(404, "EntryNotFound"), False, "RevisionNotFound", PAGE, id="a file went meanwhile"),
        pytest.param(Said(429), False, "HubRateLimited", HUB, id="too many requests"),
        pytest.param(Said(500), False, "HubUnreachable", HUB, id="the hub is broken"),
        pytest.param(Said(503), False, "HubUnreachable", HUB, id="the hub is away"),
        pytest.param(Said(408), False, "HubUnreachable", HUB, id="the hub is slow"),
        pytest.param(Said(599), False, "HubUnreachable", HUB, id="a status of nobody's"),
        pytest.param(Said(418), False, "LoaderFailed", HUB, id="an answer that nobody expects"),
    ],
)
def test_a_no_has_a_reason_and_a_place_to_go(said: Said, token: bool, reason: str, shown: str) -> None:
    failed = verdict(said, asked(token=token))
    assert failed.reason == reason
    assert shown in failed.message
    assert failed.message.endswith(".")


@pytest.mark.parametrize(
    ("reason_said", "exit_code"),
    [
        (Said(404), 78),
        (Said(403), 78),
        (Said(401, "GatedRepo"), 78),
        (Said(429), 75),
        (Said(502), 75),
        (Said(418), 75),
    ],
)
def test_what_passes_by_itself_is_worth_another_try(reason_said: Said, exit_code: int) -> None:
    assert verdict(reason_said, asked()).exit_code == exit_code


def test_a_token_is_asked_for_where_there_is_none_and_not_where_there_is() -> None:
    assert "tokenSecretRef" in verdict(Said(401, "GatedRepo"), asked()).message
    assert "tokenSecretRef" in verdict(Said(429), asked()).message
    assert "tokenSecretRef" not in verdict(Said(429), asked(token=True)).message


def test_words_of_the_hub_are_quoted_in_one_short_line() -> None:
    message = verdict(Said(403, "", "no\n\nway " + "x" * 1000), asked(token=True)).message
    assert "“no way xxx" in message
    assert "\n" not in message
    assert len(message) < 700


def test_a_hub_that_cannot_be_reached_is_named() -> None:
    failed = unreachable(asked(), "cannot be reached")
    assert failed.reason == "HubUnreachable"
    assert failed.message.startswith(f"{HUB} cannot be reached, while hf://Org/Name")


@pytest.mark.parametrize(
    ("status", "passing"),
    [
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
        (408, True),
        (400, False),
        (404, False),
        (501, False),
    ],
)
def test_what_is_asked_again(status: int, passing: bool) -> None:
    assert Said(status).passing is passing


def test_huggingface_gives_its_reasons_in_headers() -> None:
    headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "restricted", "Retry-After": "7"}
    assert said_by_huggingface(403, headers) == Said(403, "GatedRepo", "restricted", 7.0)
    assert said_by_huggingface(503, {"Retry-After": "Sat, 21 Nov 2026 21:00:00 GMT"}) == Said(503)


@pytest.mark.parametrize(
    ("body", "words"),
    [({"Message": "record not found"}, "record not found"), (None, ""), ([], ""), ({"Message": 3}, "")],
)
def test_modelscope_gives_its_words_in_the_body(body: object, words: str) -> None:
    assert said_by_modelscope(404, {}, body) == Said(404, "", words)
    assert said_by_modelscope(401, {}, body) == Said(401, "LoginNeeded", words)
