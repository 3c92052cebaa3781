"""What passes to the gateway and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tidegate_console import proxy


@pytest.mark.parametrize(
    ("path", "is_below"),
    [
        ("/v1/models", True),
        ("/v1/chat/completions?x=http://evil/..", True),
        ("/v1/models/a%2Fb", True),
        ("/v1", False),
        ("/v1x/", False),
        ("/v1/../metrics", False),
        ("/v1/%2e%2e/metrics", False),
        ("/v1/%252e%252e/metrics", False),
        ("/v1/..%5cmetrics", False),
        ("/v1//evil.example", False),
        ("/v1/%2fevil.example", False),
        ("http://evil.example/v1/models", False),
        ("/v1/a b", False),
    ],
)
def test_only_what_is_below_v1_is_the_gateways(path: str, is_below: bool) -> None:
    assert proxy.is_below_v1(path) == is_below


@given(st.text(alphabet="./\\%25eEcCfF2", max_size=12))
def test_no_spelling_of_a_step_upwards_passes(tail: str) -> None:
    from urllib.parse import unquote

    if proxy.is_below_v1(f"/v1/{tail}"):
        assert "/../" not in f"/{unquote(unquote(tail))}/".replace("\\", "/")


def test_headers_of_a_hop_and_of_who_asks_stay_here() -> None:
    headers = CIMultiDict(
        [
            ("Connection", "X-Hop, close"),
            ("X-Hop", "1"),
            ("Keep-Alive", "5"),
            ("TE", "trailers"),
            ("Host", "console"),
            ("Cookie", "a=b"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("Sec-Fetch-Site", "same-origin"),
            ("Authorization", "Bearer sk-1"),
            ("X-Request-Id", "r"),
            ("Content-Length", "3"),
        ]
    )
    assert dict(proxy.sent_headers(headers)) == {
        "Authorization": "Bearer sk-1",
        "X-Request-Id": "r",
        "Content-Length": "3",
    }
    answered = CIMultiDict(
        [("Transfer-Encoding", "chunked"), ("Set-Cookie", "a"), ("X-Ratelimit-Limit", "5")]
    )
    assert dict(proxy.returned_headers(answered)) == {"X-Ratelimit-Limit": "5"}
