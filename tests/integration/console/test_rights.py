"""Who sees what, and who may change what: real tokens, real RBAC."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from integration.api import Api
from integration.console.conftest import READ, WRITE, Console, People, running

MODEL = "hf://Org/Name"
SPEC = {"model": {"uri": MODEL}, "suspend": True}


async def test_nobody_reads_and_changes_nothing(console: Console, api: Api, namespace: str) -> None:
    serve(api, namespace, "chat")
    status, session = await console.call("GET", "/api/v1/session")
    assert (status, session["user"], session["readOnly"]) == (200, None, True)
    assert session["profiles"] == ["cpu", "nvidia"]
    assert namespace in session["namespaces"]
    for method, path, body in (
        ("POST", "/services", {"namespace": namespace, "name": "other", "spec": SPEC}),
        ("POST", "/models", {"namespace": namespace, "uri": MODEL}),
        ("POST", "/keys", {"namespace": namespace, "tenant": "team"}),
        ("DELETE", f"/services/{namespace}/chat", None),
        ("POST", f"/services/{namespace}/chat/unload", None),
        ("GET", "/hub/models?q=a", None),
    ):
        status, told = await console.call(method, f"/api/v1{path}", body=body)
        assert (status, told["error"]["reason"]) == (401, "NotSignedIn"), path
        assert "kubectl create token" in told["error"]["fix"]
    assert [one["metadata"]["name"] for one in api.list("LLMService", namespace)] == ["chat"]


async def test_a_viewer_sees_all_and_is_refused_what_the_api_server_refuses(
    console: Console, people: People, namespace: str
) -> None:
    viewer = people.join("viewer", READ, everywhere=True)
    status, session = await console.call("GET", "/api/v1/session", viewer)
    assert (status, session["user"]) == (200, f"system:serviceaccount:{namespace}:viewer")
    assert session["readOnly"] is False
    body = {"namespace": namespace, "name": "chat", "spec": SPEC}
    status, told = await console.call("POST", "/api/v1/services", viewer, body)
    assert (status, told["error"]["reason"]) == (403, "Forbidden")
    assert 'cannot patch resource \\"llmservices\\"' in told["error"]["message"].replace('"', '\\"')
    status, told = await console.call(
        "POST", "/api/v1/models", viewer, {"namespace": namespace, "uri": MODEL}
    )
    assert (status, told["error"]["reason"]) == (403, "Denied")
    assert "edit" in told["error"]["fix"]


NOTHING: dict[str, list[str]] = {"services": [], "models": [], "tenants": []}
ALL = ["create", "update", "patch", "delete"]


async def test_a_session_says_what_its_user_may_change(
    console: Console, people: People, api: Api, namespace: str, module_namespace: str
) -> None:
    for place in (namespace, module_namespace):
        serve(api, place, "chat")
    viewer = people.join("viewer", READ, everywhere=True)
    _, session = await console.call("GET", "/api/v1/session", viewer)
    assert session["rights"][namespace] == session["rights"][module_namespace] == NOTHING
    assert set(session["rights"]) == set(session["namespaces"])
    editor = people.join("editor", WRITE)
    _, session = await console.call("GET", "/api/v1/session", editor)
    assert session["rights"] == {namespace: {"services": ALL, "models": ALL, "tenants": ALL}}
    _, session = await console.call("GET", "/api/v1/session")
    assert session["rights"] == {}


async def test_an_editor_deploys_unloads_loads_renews_and_deletes(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    editor = people.join("editor", WRITE)
    body = {"namespace": namespace, "name": "chat", "spec": SPEC}
    status, _ = await console.call("POST", "/api/v1/services?dryRun=true", editor, body)
    assert (status, api.get("LLMService", namespace, "chat")) == (200, None)
    status, made = await console.call("POST", "/api/v1/services", editor, body)
    assert (status, made["spec"]["model"]["uri"]) == (201, MODEL)
    found = api.get("LLMService", namespace, "chat")
    assert found is not None
    assert {one["manager"] for one in found["metadata"]["managedFields"]} == {"tidegate-console"}
    place = f"/api/v1/services/{namespace}/chat"
    assert await console.call("POST", f"{place}/load", editor) == (
        200,
        named(namespace, "chat", changed=True),
    )
    assert await console.call("POST", f"{place}/load", editor) == (
        200,
        named(namespace, "chat", changed=False),
    )
    assert (await console.call("POST", f"{place}/unload", editor))[1]["changed"] is True
    assert (await console.call("POST", f"{place}/renew", editor))[0] == 200
    found = api.get("LLMService", namespace, "chat")
    assert found is not None
    assert "serving.tidegate.dev/renew" in found["metadata"]["annotations"]
    assert (await console.call("DELETE", place, editor))[0] == 200
    status, told = await console.call("DELETE", place, editor)
    assert (status, told["error"]["reason"]) == (404, "NotFound")


async def test_a_wrong_field_is_named(console: Console, people: People, namespace: str) -> None:
    editor = people.join("editor", WRITE)
    for spec, field in (
        ({**SPEC, "modle": 1}, "spec.modle"),
        ({**SPEC, "qos": "best"}, "spec.qos"),
        ({"model": {"uri": "ftp://a"}}, "spec.model"),
    ):
        body = {"namespace": namespace, "name": "chat", "spec": spec}
        status, told = await console.call("POST", "/api/v1/services?dryRun=true", editor, body)
        assert (status, told["error"].get("fields")) == (422, [field]), told
        assert field in told["error"]["message"]
        assert told["error"]["fix"]
    status, told = await console.call(
        "POST", "/api/v1/services", editor, {"namespace": namespace, "name": "A_b"}
    )
    assert (status, told["error"]["fields"]) == (422, ["name", "spec"])


async def test_what_somebody_else_has_set_is_a_conflict_that_can_be_forced(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    editor = people.join("editor", WRITE)
    serve(api, namespace, "chat")
    body = {"namespace": namespace, "name": "chat", "spec": {"model": {"uri": "hf://Org/Other"}}}
    status, told = await console.call("POST", "/api/v1/services", editor, body)
    assert (status, told["error"]["reason"]) == (409, "Conflict")
    assert ".spec.model.uri" in told["error"]["message"]
    assert (await console.call("POST", "/api/v1/services?force=true", editor, body))[0] == 201


async def test_a_model_is_pulled_paused_resumed_and_deleted(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    editor = people.join("editor", WRITE)
    body = {"namespace": namespace, "uri": MODEL, "tokenSecretRef": {"name": "hub"}}
    status, made = await console.call("POST", "/api/v1/models", editor, body)
    assert (status, made["uri"], made["changed"]) == (201, MODEL, True)
    assert (await console.call("POST", "/api/v1/models", editor, body))[1]["changed"] is False
    place = f"/api/v1/models/{namespace}/{made['name']}"
    assert (await console.call("POST", f"{place}/pause", editor))[1]["changed"] is True
    found = api.get("LLMModel", namespace, made["name"])
    assert found is not None
    assert found["spec"]["suspend"] is True
    assert found["spec"]["tokenSecretRef"] == {"name": "hub", "key": "token"}
    assert (await console.call("POST", f"{place}/resume", editor))[1]["changed"] is True
    serve(api, namespace, "chat")
    status, told = await console.call("DELETE", place, editor)
    assert (status, told["error"]["reason"]) == (409, "InUse")
    assert "chat" in told["error"]["message"]
    api.delete("LLMService", namespace, "chat")
    assert (await console.call("DELETE", place, editor))[0] == 200
    assert (await console.call("DELETE", place, editor))[0] == 404
    status, told = await console.call("POST", "/api/v1/models", editor, {**body, "uri": "oci://a/b"})
    assert (status, told["error"]["reason"]) == (422, "Invalid")


async def test_a_key_is_shown_once_and_never_again(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    editor = people.join("editor", WRITE)
    body = {"namespace": namespace, "tenant": "team", "name": "ci", "notAfter": "30d", "qosClass": "high"}
    status, made = await console.call("POST", "/api/v1/keys", editor, body)
    assert (status, made["key"].startswith("sk-"), made["tenant"]) == (201, True, "team")
    tenant = api.get("LLMTenant", namespace, "team")
    assert tenant is not None
    assert (tenant["spec"]["qosClass"], tenant["spec"]["keys"][0]["notAfter"]) == ("high", made["notAfter"])
    assert made["key"] not in str(tenant)
    status, listed = await console.call("GET", f"/api/v1/keys?namespace={namespace}", editor)
    wanted = {"namespace": namespace, "tenant": "team", "name": "ci", "notAfter": made["notAfter"]}
    assert (status, listed) == (200, {"keys": [wanted]})
    status, told = await console.call("POST", "/api/v1/keys", editor, body)
    assert (status, told["error"]["reason"]) == (422, "Invalid")
    await console.call("POST", "/api/v1/keys", editor, {**body, "tenant": "other"})
    status, told = await console.call("DELETE", f"/api/v1/keys/{namespace}/ci", editor)
    assert (status, told["error"]["reason"]) == (409, "Ambiguous")
    assert (await console.call("DELETE", f"/api/v1/keys/{namespace}/ci?tenant=other", editor))[0] == 200
    assert (await console.call("DELETE", f"/api/v1/keys/{namespace}/ci", editor))[0] == 200
    assert (await console.call("DELETE", f"/api/v1/keys/{namespace}/ci", editor))[0] == 404
    assert made["key"] not in console.logged()


async def test_who_may_see_one_namespace_sees_that(
    console: Console, people: People, api: Api, namespace: str, module_namespace: str
) -> None:
    serve(api, namespace, "chat")
    serve(api, module_namespace, "hidden")
    member = people.join("member", READ)
    _, session = await console.call("GET", "/api/v1/session", member)
    assert session["namespaces"] == [namespace]
    async with console.stream(member) as tab:
        first = await tab.next("snapshot")
        assert [one["metadata"]["name"] for one in first["services"]] == ["chat"]
    async with console.stream(member, f"?namespace={module_namespace}") as tab:
        assert tab.answer.status == 403
    stranger = people.join("stranger")
    async with console.stream(stranger) as tab:
        first = await tab.next("snapshot")
        assert (first["services"], first["live"]["services"]) == ([], {})


async def test_one_namespace_may_be_asked_for(
    console: Console, people: People, api: Api, namespace: str, module_namespace: str
) -> None:
    serve(api, namespace, "chat")
    serve(api, module_namespace, "elsewhere")
    viewer = people.join("viewer", READ, everywhere=True)
    async with console.stream(viewer, f"?namespace={namespace}") as tab:
        first = await tab.next("snapshot")
        assert [one["metadata"]["name"] for one in first["services"]] == ["chat"]


async def test_without_read_only_access_nobody_is_told_anything(
    api: Api, tmp_path: Path, namespace: str
) -> None:
    with running(api, tmp_path, {"TIDEGATE_READ_ONLY_WITHOUT_SIGN_IN": "false"}) as made:
        async with made.used() as console:
            for path in ("/session", "/stream", f"/keys?namespace={namespace}"):
                status, told = await console.call("GET", f"/api/v1{path}")
                assert (status, told["error"]["reason"]) == (401, "NotSignedIn"), path


async def test_only_served_namespaces_are_shown(
    api: Api, tmp_path: Path, people: People, namespace: str, module_namespace: str
) -> None:
    serve(api, namespace, "chat")
    serve(api, module_namespace, "unserved")
    viewer = people.join("viewer", READ, everywhere=True)
    with running(api, tmp_path, {"TIDEGATE_NAMESPACES": namespace}) as made:
        async with made.used() as console:
            for token in (None, viewer):
                _, session = await console.call("GET", "/api/v1/session", token)
                assert session["namespaces"] == [namespace]
                async with console.stream(token) as tab:
                    first = await tab.next("snapshot")
                    assert [one["metadata"]["name"] for one in first["services"]] == ["chat"]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "x" * 20000])
async def test_a_token_that_is_none_is_refused(console: Console, token: str) -> None:
    if len(token) > 8000:
        token = token[:8000]
    for method, path in (("GET", "/session"), ("GET", "/stream"), ("GET", "/hub/models?q=a")):
        status, told = await console.call(method, f"/api/v1{path}", token)
        assert (status, told["error"]["reason"]) == (401, "Unauthorized"), told
    assert token not in console.logged()


async def test_a_revoked_token_ends_its_stream_within_a_minute(
    console: Console, people: People, api: Api, namespace: str
) -> None:
    member = people.join("member", READ)
    async with console.stream(member) as tab:
        await tab.next("snapshot")
        api.delete("ServiceAccount", namespace, "member")
        async with asyncio.timeout(60):
            with pytest.raises((EOFError, asyncio.IncompleteReadError)):
                while True:
                    await tab.next("live")
    async with console.stream(member) as tab:
        assert tab.answer.status == 401
    assert member not in console.logged()


def serve(api: Api, namespace: str, name: str) -> None:
    manifest = {
        "apiVersion": "serving.tidegate.dev/v1alpha1",
        "kind": "LLMService",
        "metadata": {"name": name},
        "spec": SPEC,
    }
    api.create(manifest, namespace)


def named(namespace: str, name: str, *, changed: bool) -> dict[str, object]:
    return {"namespace": namespace, "name": name, "changed": changed}
