"""Who may ask at all: tokens, other sites' pages, and names that are not the console's."""

import pytest

from tidegate_console import guard
from tidegate_console.problems import Problem


@pytest.mark.parametrize(
    ("header", "token"), [(None, None), ("Bearer abc", "abc"), ("bearer  a.b-c_d~e+f/g=", "a.b-c_d~e+f/g=")]
)
def test_a_token_is_what_follows_bearer(header: str | None, token: str | None) -> None:
    assert guard.token_of(header) == token


@pytest.mark.parametrize(
    "header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer a b", "Bearer ä", "Bearer " + "a" * 20000]
)
def test_what_is_no_token_is_refused_and_not_repeated(header: str) -> None:
    with pytest.raises(Problem) as refused:
        guard.token_of(header)
    assert refused.value.status == 401
    assert "ä" not in str(refused.value.as_json())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost:8090", "Host": "localhost:8090"},
        {"Origin": "https://console.example", "Host": "console.example", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_its_own_page_and_what_is_no_page_may_ask(headers: dict[str, str]) -> None:
    guard.check_site(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Host": "localhost"},
        {"Origin": "http://localhost:1", "Host": "localhost:2"},
        {"Origin": "https://evil.example", "Host": "console.example", "Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_a_page_of_another_site_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        guard.check_site(headers)
    assert refused.value.reason == "ForeignSite"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8090",
        "127.0.0.1:8090",
        "10.1.2.3",
        "[::1]:8090",
        "tidegate-console.tidegate-system.svc",
        "tidegate-console.tidegate-system.svc.cluster.local:80",
        "console.example",
        "CONSOLE.EXAMPLE:443",
    ],
)
def test_without_a_token_it_answers_under_its_own_names(host: str) -> None:
    guard.check_host({"Host": host}, {"console.example"})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "svc", "console.example.evil", "[::1", "a b"]
)
def test_without_a_token_it_answers_under_no_other(host: str) -> None:
    with pytest.raises(Problem) as refused:
        guard.check_host({"Host": host}, {"console.example"})
    assert refused.value.reason == "UnknownHost"
    assert "allowedHosts" in refused.value.fix
