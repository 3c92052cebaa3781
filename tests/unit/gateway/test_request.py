"""The head of a request."""

import pytest

from tidegate_gateway.errors import Problem, Refused
from tidegate_gateway.request import Fields, Head, model_of, new_request_id, read_fields, read_head, route
from tidegate_gateway.sse import error_event, separator

HOST = (b"Host", b"a")


def head(*fields: tuple[bytes, bytes], method: bytes = b"GET", target: bytes = b"/v1/models") -> Head:
    return read_head(method, target, "1.1", read_fields([HOST, *fields]), True)


@pytest.mark.parametrize(
    ("method", "path", "want"),
    [
        (b"POST", b"/v1/chat/completions", "generate"),
        (b"POST", b"/v1/completions", "generate"),
        (b"GET", b"/v1/models", "list_models"),
        (b"HEAD", b"/v1/models", "list_models"),
        (b"GET", b"/v1/models/a/b", "show_model"),
        (b"OPTIONS", b"/v1/completions", "options"),
        (b"POST", b"/v1/embeddings", "generate"),
        (b"POST", b"/tokenize", "generate"),
        (b"POST", b"/detokenize", "generate"),
        (b"POST", b"/v1/batch", "compose"),
        (b"POST", b"/v1/generate", "compose"),
        (b"POST", b"/v1/generate_nobatch", "compose"),
        (b"GET", b"/model", "show_services"),
        (b"HEAD", b"/openapi.json", "openapi"),
        (b"GET", b"/docs", "docs"),
        (b"OPTIONS", b"*", "options"),
        (b"GET", b"/v1/completions", 405),
        (b"POST", b"/v1/models", 405),
        (b"POST", b"/v1/models/a", 405),
        (b"POST", b"/pause", 404),
        (b"POST", b"/v1/tokenize", 404),
        (b"POST", b"/v1/chat/completions/render", 404),
        (b"POST", b"/v1/load_lora_adapter", 404),
        (b"GET", b"/docs/", 404),
        (b"GET", b"/v1/batch", 405),
        (b"GET", b"/v1/models/", 404),
        (b"OPTIONS", b"/metrics", 404),
        (b"GET", b"/", 404),
    ],
)
def test_what_is_not_in_the_table_does_not_exist(method: bytes, path: bytes, want: str | int) -> None:
    found = route(method, path)
    assert (found.status if isinstance(found, Problem) else found) == want


def test_the_query_is_no_part_of_the_route() -> None:
    assert head(target=b"/v1/models?x=/../y").action == "list_models"


def test_models_are_named_as_urls_escape_them() -> None:
    assert model_of(b"/v1/models/org%2Fname%20x") == "org/name x"
    assert model_of(b"/v1/models/%ff") == "�"


def test_headers_are_known_in_any_case_and_forwarded_in_lower() -> None:
    for spelled in (b"TraceParent", b"traceparent", b"TRACEPARENT"):
        assert head((spelled, b"00-x")).forwarded == b"traceparent: 00-x\r\n"
    assert head((b"Cookie", b"a"), (b"Authorization", b"Bearer x"), (b"TE", b"x")).forwarded == b""


def test_a_value_hidden_behind_a_second_one_is_checked_too() -> None:
    with pytest.raises(Refused, match="bad_request"):
        head((b"X-A", b"\xff"), (b"X-A", b"plain"))


def test_unknown_spellings_are_learned_without_end_and_without_growth() -> None:
    for i in range(10_000):
        head((b"x-%d" % i, b""), (b"Authorization", b"Bearer sk-x"))
    assert head((b"AUTHORIZATION", b"Bearer sk-x")).authorization == b"Bearer sk-x"


def test_a_hundred_headers_are_enough() -> None:
    assert head(*((b"x-%d" % i, b"") for i in range(99))).action == "list_models"
    with pytest.raises(Refused) as refused:
        head(*((b"x-%d" % i, b"") for i in range(100)))
    assert refused.value.problem.status == 431


@pytest.mark.parametrize("host", [b"a", b"a.b-c_d:8080", b"127.0.0.1", b"[::1]:80", b"[fe80::1]"])
def test_hosts_are_names_and_addresses(host: bytes) -> None:
    fields = read_fields([(b"host", host)])
    assert read_head(b"GET", b"/v1/models", "1.1", fields, True).problem is None


@pytest.mark.parametrize(
    "host", [b"", b"a/v1?", b"a b", b"u@a", b"a:b", b"a:123456", b"[::1", b"a,b", b"a#b"]
)
def test_other_hosts_end_the_connection(host: bytes) -> None:
    fields = read_fields([(b"host", host)])
    with pytest.raises(Refused) as refused:
        read_head(b"GET", b"/v1/models", "1.1", fields, True)
    assert (refused.value.problem.status, refused.value.problem.close) == (400, True)


def test_no_other_character_is_part_of_a_host_wherever_it_stands() -> None:
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    hosts = [
        around % bytes([byte])
        for byte in set(range(256)) - set(plain)
        for around in (b"%b", b"%ba", b"a%bb", b"a:80%b", b"[::1%b]", b"[%b]")
    ]
    # The parser takes off spaces at the end; in brackets a colon may stand almost anywhere.
    kept = [host for host in hosts if host.rstrip(b" \t") not in {b"a:80", b"[::1:]"}]
    assert len(kept) > 1000
    for host in kept:
        fields = Fields({b"host": host}, b"")
        with pytest.raises(Refused):
            read_head(b"GET", b"/v1/models", "1.1", fields, True)


@pytest.mark.parametrize("name", [b"Host", b"Authorization", b"content-TYPE", b"Expect"])
def test_headers_that_decide_come_once(name: bytes) -> None:
    with pytest.raises(Refused, match="bad_request"):
        head((name, b"100-continue"), (name.lower(), b"100-continue"))


def test_request_ids_are_taken_if_sane() -> None:
    assert head((b"X-Request-Id", b"a1-._:/+=")).request_id == "a1-._:/+="
    for strange in (b"", b"a b", b"a" * 129, b"\x7f"):
        assert head((b"X-Request-Id", strange)).request_id.startswith("req-")
    assert len({new_request_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("sent", "want"),
    [
        (b"", b""), (b"data: x\n\n", b""), (b"data: x\r\n\r\n", b""), (b"data: x\r\r", b""), (b"data: x\n\r\n", b""),
        (b"data: x\n", b"\n"), (b"data: x\r\n", b"\n"), (b"\n", b"\n"), (b"data: {", b"\n\n"),
    ],
)  # fmt: skip
def test_an_error_event_never_joins_what_was_sent(sent: bytes, want: bytes) -> None:
    assert separator(sent) == want
    event = error_event(Problem(502, "worker_failed", "it\nfailed"), "req-1", sent)
    assert event.startswith(want + b'data: {"error":{')
    assert event.count(b"\n", len(want)) == 2
    assert event.endswith(b"}\n\n")
