"""Twenty marked secrets go through gateway, operator and loader in one run; what any of them writes down has none.

Captured are all logs at their most talkative, what admin ports and metrics tell, spans, and of every object in the
cluster all but what its author wrote in its spec. The console has a run of its own: `integration/console/test_pages`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.api import Api, Object, eventually
from integration.gateway import static_gateway
from integration.gateway.collector import Collector
from integration.gateway.engine import Call, FakeEngine
from integration.gateway.rig import Client
from integration.loader.loading import publish
from integration.operator.loaders import llm_model, pod_of
from integration.operator.rig import Operator, condition, service, status_of
from integration.operator.test_real_loader import Site, a_site, plays_the_kubelet
from ports import free_port
from tidegate_api.keys import digest, new_key

KINDS = ("LLMModel", "LLMService", "LLMTenant", "Job", "Pod", "Event", "ConfigMap", "Deployment")


class Canaries:
    """Secrets that are told from all else, by what they are."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def __call__(self, what: str, made: str = "") -> str:
        """Return a new secret."""
        self.made[what] = made or f"canary{len(self.made):02}x{secrets.token_hex(8)}"
        return self.made[what]

    def found_in(self, text: str) -> list[str]:
        """Return which of them are in a text, as they are or in base64."""
        forms = {
            what: (one, base64.b64encode(one.encode()).decode().rstrip("="))
            for what, one in self.made.items()
        }
        return [what for what, both in forms.items() if any(form in text for form in both)]


@pytest.fixture
def canary() -> Canaries:
    """None yet."""
    return Canaries()


@pytest.fixture
def site(api: Api, namespace: str, tmp_path: Path, canary: Canaries) -> Iterator[Site]:
    """A hub that knows two tokens, one of which opens what is closed."""
    tokens = {canary("the hub's token"): ["Org/opened"], canary("a token without a grant"): []}
    with a_site(api, namespace, tmp_path, tokens) as made:
        yield made


def without_words_of_its_author(found: Object) -> str:
    """Return an object as text, but for its spec and what Kubernetes keeps of how it was written."""
    metadata = {
        key: value
        for key, value in found.get("metadata", {}).items()
        if key not in ("managedFields", "annotations")
    }
    own = {key: value for key, value in found.items() if key not in ("spec", "metadata", "data")}
    if found["kind"] in ("Job", "Pod", "Deployment", "ConfigMap"):
        # These are the operator's.
        own |= {key: found[key] for key in ("spec", "data") if key in found}
    return json.dumps({**own, "metadata": metadata})


def load_with(site: Site, canary: Canaries, name: str, token: str, reason: str) -> str:
    """Load what is closed with a token of a Secret; return what the loader wrote."""
    kubernetes = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": site.namespace},
    }
    site.api.create({**kubernetes, "stringData": {"token": token}})
    publish(site.shelf, f"Org/{name}", gated="manual")
    site.api.create(llm_model(site.namespace, name, f"hf://Org/{name}", tokenSecretRef={"name": name}))
    done = plays_the_kubelet(site, pod_of(site.api, site.namespace, name), HF_TOKEN=token)
    eventually(
        lambda: condition(site.api, site.namespace, "Ready", name, "LLMModel")[1] == reason,
        why=lambda: status_of(site.api, site.namespace, name, "LLMModel"),
    )
    return done.stdout + done.stderr + (site.cache.parent / "last").read_text()


async def ask_everything(port: int, key: str, canary: Canaries) -> list[int]:
    """Send the gateway what nobody may read again; return the statuses."""

    def post(path: str, token: str, body: object, *lines: str) -> bytes:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        rows = (f"POST {path} HTTP/1.1", "Host: a", f"Authorization: Bearer {token}", *lines)
        head = "\r\n".join((*rows, "Content-Type: application/json", f"Content-Length: {len(data)}", "", ""))
        return head.encode() + data

    chat, text = "/v1/chat/completions", "/v1/completions"
    plain = {"model": "m", "prompt": "?"}
    user = {"role": "user", "content": canary("a prompt")}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + canary("a picture")}}
    asked = [
        post(chat, key, {"model": "m", "messages": [user], "user": canary("a user's name")}),
        post(chat, key, {"model": "m", "messages": [user], "stream": True}),
        post(text, key, {**plain, "prompt": canary("a prompt of a completion"), "stop": [canary("a stop")]}),
        post(chat, key, {"model": "m", "messages": [{"role": "user", "content": [image]}]}),
        post("/v1/batch", key, {"model": "m", "prompts": [canary("a prompt of a batch")]}),
        post(text, key, {**plain, "cache_salt": canary("a salt")}),
        post(text, key, plain, f"Cookie: a={canary('a cookie')}", f"X-Api-Key: {canary('a second key')}"),
        post(f"{text}?api_key={canary('a key in the address')}", key, plain),
        post(text, canary("a wrong key", new_key()), {**plain, "prompt": canary("a prompt of nobody")}),
        post(text, key[:-1] + canary("the end of a malformed key"), plain),
        post(text, key, canary("what is no JSON").encode()),
        post(text, key, {**plain, "temperature": canary("a wrong value")}),
        post(
            chat, key, {"model": "m", "messages": [user], "tools": [{"function": {"name": canary("a tool")}}]}
        ),
        post(text, key, {**plain, "prompt": "fail " + canary("a prompt that fails")}),
    ]
    statuses = []
    for request in asked:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.send(request)
        statuses.append((await client.read()).status)
        client.abort()
    return statuses


async def gateway_tells(canary: Canaries, home: Path) -> tuple[str, list[int]]:
    """Run a gateway with its engine; return everything that it writes and tells, and the statuses of its answers."""

    async def answer(call: Call) -> None:
        said = json.dumps({"choices": [{"text": canary.made["an answer"], "finish_reason": "stop"}]}).encode()
        if b"fail" in call.body:
            await call.answer(500, said)
        elif json.loads(call.body).get("stream"):
            await call.answer(200, b"data: " + said + b"\n\n", media_type="text/event-stream")
        else:
            await call.answer(200, said)

    canary("an answer")
    key = canary("a key", new_key())
    engine, collector = FakeEngine(answer), Collector()
    await engine.start()
    port, admin = free_port(), free_port()
    words = (static_gateway.__file__, str(port), str(admin), digest(key), str(engine.port))
    env = {**os.environ, "LOG_LEVEL": "debug", "TRACES": collector.url}
    log = home / "gateway.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stderr=out, stdout=out, env=env
        )
    try:
        await asyncio.to_thread(eventually, lambda: _is_ready(admin))
        statuses = await ask_everything(port, key, canary)
        pages = [await asyncio.to_thread(_get, admin, path) for path in ("/metrics", "/state")]
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        await engine.stop()
        await asyncio.to_thread(collector.close)
    spans = str(collector.told)
    assert "gateway" in spans
    return "".join([log.read_text(), *pages, spans]), statuses


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def _is_ready(port: int) -> bool:
    try:
        return bool(_get(port, "/readyz"))
    except OSError:
        return False


def test_no_secret_is_written_down(site: Site, operator: Operator, canary: Canaries, tmp_path: Path) -> None:
    api, namespace = site.api, site.namespace
    canary(
        "the operator's own token",
        json.loads(operator.release.kubeconfig.read_text())["users"][0]["user"]["token"],
    )
    good, other = canary.made["the hub's token"], canary.made["a token without a grant"]
    written = [
        load_with(site, canary, "opened", good, "ModelCached"),
        load_with(site, canary, "closed", other, "AccessDenied"),
        load_with(site, canary, "unknown", canary("a token that is none"), "TokenInvalid"),
    ]
    flags = [
        f"--api-key={canary('a key among the flags')}",
        f"--hf-token={canary('a token among the flags')}",
    ]
    api.create(service(namespace, engine={"args": flags}))
    eventually(lambda: condition(api, namespace, "ConfigValid")[0] == "False")
    told, statuses = asyncio.run(gateway_tells(canary, tmp_path))
    assert sorted(set(statuses)) == [200, 400, 401, 500]
    assert len(canary.made) >= 20
    written += [told, operator.log.read_text(), *(operator.get(path)[1] for path in ("/metrics", "/healthz"))]
    assert status_of(api, namespace, "opened", "LLMModel")["phase"] == "Ready"
    objects = [one for kind in KINDS for one in api.list(kind, namespace)]
    written += [without_words_of_its_author({"kind": "", **one}) for one in objects]
    assert len(objects) > 6
    assert all(written[:5])
    assert [found for text in written if (found := canary.found_in(text))] == []


def test_a_secret_would_be_found(canary: Canaries) -> None:
    secret = canary("a secret")
    assert canary.found_in(f"x{secret}x") == ["a secret"]
    assert canary.found_in(base64.b64encode(secret.encode()).decode()) == ["a secret"]
    assert canary.found_in(secret[:-1]) == []
