"""What holds of every answer, who may not ask at all, and that no secret is ever written down."""

from __future__ import annotations

import io
import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator

from integration.api import Api
from integration.console.conftest import WRITE, Console, People
from tidegate_console import openapi

ENOUGH = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/assets/main-ABC.js",
        "/nothing",
        "/api/v1/session",
        "/api/v1/nothing",
        "/v1/models",
        "/healthz",
        "/v1/..",
    ],
)
async def test_every_answer_is_hardened(console: Console, path: str) -> None:
    async with console.session.get(console.url + path) as answer:
        assert ENOUGH.items() <= dict(answer.headers).items()
        assert answer.headers["Server"] == "tidegate"
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_page_is_never_kept_and_its_files_are_kept_for_ever(console: Console) -> None:
    async with console.session.get(console.url) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert (answer.content_type, await answer.text()) == ("text/html", "<title>Tidegate</title>")
    async with console.session.get(f"{console.url}/assets/main-ABC.js") as answer:
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.content_type == "text/javascript"
        tag = {"If-None-Match": answer.headers["ETag"]}
    async with console.session.get(f"{console.url}/assets/main-ABC.js", headers=tag) as answer:
        assert answer.status == 304
    for path in ("/assets/../index.html.bak", "/assets/%2e%2e/%2e%2e/etc/passwd"):
        async with console.session.get(console.url + path) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "ForeignSite"),
        ({"Sec-Fetch-Site": "same-site"}, "ForeignSite"),
        ({"Origin": "https://evil.example"}, "ForeignSite"),
        ({"Host": "evil.example"}, "UnknownHost"),
        ({"Host": "evil.example:8080", "Sec-Fetch-Site": "same-origin"}, "UnknownHost"),
    ],
)
async def test_a_page_of_another_site_is_told_nothing(
    console: Console, headers: dict[str, str], reason: str
) -> None:
    async with console.session.get(f"{console.url}/api/v1/session", headers=headers) as answer:
        told = await answer.json()
        assert (answer.status, told["error"]["reason"]) == (403, reason)
        assert told["error"]["fix"]


async def test_with_a_token_any_name_will_do(console: Console, people: People) -> None:
    token = people.join("editor", WRITE)
    status, _ = await console.call("GET", "/api/v1/session", token, Host="console.example")
    assert status == 200
    status, _ = await console.call("GET", "/api/v1/session", token, Sec_Fetch_Site="cross-site")
    assert status == 403


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/services", b"{", 400),
        ("/services", b"[" * 100_000, 400),
        ("/services", b'{"a":' * 90 + b"1" + b"}" * 90, 400),
        ("/services", b"{}", 422),
        ("/services", b" " * (1 << 20) + b" {}", 413),
        ("/models", b'{"namespace": "../x", "uri": "hf://a/b"}', 422),
        ("/keys", b'{"namespace": "a", "tenant": "t", "more": 1}', 422),
    ],
)
async def test_bodies_are_bounded_and_checked(
    console: Console, people: People, path: str, body: bytes, status: int
) -> None:
    headers = {"Authorization": f"Bearer {people.join('editor', WRITE)}", "Content-Type": "application/json"}
    async with console.session.post(
        f"{console.url}/api/v1{path}", data=io.BytesIO(body), headers=headers
    ) as answer:
        told = await answer.json()
        assert (answer.status, bool(told["error"]["message"])) == (status, True), told


@pytest.mark.parametrize(
    "path", ["/models/a/..%2fsecrets/pause", "/services/A_b/x/load", "/services/kube-system%2f../x/load"]
)
async def test_names_in_paths_are_names(console: Console, people: People, path: str) -> None:
    token = people.join("editor", WRITE)
    async with console.session.post(
        f"{console.url}/api/v1{path}", headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status in {400, 404}


async def test_no_secret_is_written_down(console: Console, people: People, api: Api, namespace: str) -> None:
    token, canary = people.join("editor", WRITE), "canary-secret-value"
    await console.call("GET", f"/api/v1/session?token={canary}", token)
    await console.call("GET", "/api/v1/session", canary)
    await console.call(
        "POST",
        "/api/v1/models",
        token,
        {"namespace": namespace, "uri": "hf://a/b", "tokenSecretRef": canary + "!"},
    )
    await console.call("POST", "/api/v1/keys", token, {"namespace": namespace, "tenant": canary + "_"})
    await console.call("POST", "/v1/chat/completions", f"sk-{canary}", {"model": "chat"})
    _, made = await console.call("POST", "/api/v1/keys", token, {"namespace": namespace, "tenant": "team"})
    written = console.logged()
    for secret in (token, canary, made["key"]):
        assert secret not in written
    status, told = await console.call(
        "POST",
        "/api/v1/models",
        token,
        {"namespace": namespace, "uri": "hf://a/b", "tokenSecretRef": "hf_" + canary + "!"},
    )
    assert status == 422
    assert canary not in json.dumps(told)


async def test_the_description_is_true_of_answers(console: Console, people: People, namespace: str) -> None:
    _, described = await console.call("GET", "/api/v1/openapi.json")
    assert described["paths"] == openapi.description("x")["paths"]
    editor = people.join("editor", WRITE)
    calls = (
        ("GET", "/api/v1/session", None, "Session"),
        ("POST", "/api/v1/models", {"namespace": namespace, "uri": "hf://a/b"}, "Pulled"),
        ("POST", "/api/v1/keys", {"namespace": namespace, "tenant": "team"}, "MadeKey"),
        ("GET", f"/api/v1/keys?namespace={namespace}", None, "Keys"),
        ("GET", "/api/v1/nothing", None, "Problem"),
    )
    for method, path, body, name in calls:
        _, told = await console.call(method, path, editor, body)
        check(described, name, told)
    async with console.stream(editor) as tab:
        check(described, "Snapshot", await tab.next("snapshot"))


def check(described: dict[str, object], name: str, told: object) -> None:
    Draft202012Validator({"$ref": f"#/components/schemas/{name}", **described}).validate(told)


def test_whatever_is_sent_is_answered_as_described(process: Console, people: People) -> None:
    token = people.join("editor", WRITE)
    schema = schemathesis.openapi.from_dict(openapi.description("x"))
    headers = {"Authorization": f"Bearer {token}"}
    for operation in schema.exclude(path_regex="(stream|hub/models)$").get_all_operations():
        found = operation.ok()

        @settings(
            max_examples=3,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=found.as_strategy())
        def conform(case: schemathesis.Case) -> None:
            answer = case.call(base_url=process.url, headers=headers)
            assert answer.status_code < 500, (case.method, case.path, answer.status_code, answer.text)

        conform()
