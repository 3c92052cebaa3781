"""What generated clients try: hosts, addresses to fetch, echoes, and other tenants. Seeds are fixed."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from integration.gateway.engine import FakeEngine
from integration.gateway.rig import MODEL, Rig, holder
from tidegate_api.keys import new_key
from tidegate_gateway.directory import Directory, Model, Worker
from tidegate_gateway.objects import build_models, build_workers

SEED = 20261122
HOSTS, URLS, ATTEMPTS = 200, 300, 1000
# As RFC 3986 has it, without what nobody needs: written down a second time, on purpose.
PLAIN_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f]*:[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE)


# Host


def hosts(rng: random.Random) -> Iterator[str]:
    """Yield values of a Host header, most of which are meant to be read as something else by somebody."""
    names = ["gateway", "127.0.0.1", "[::1]", "a.example", "169.254.169.254", "localhost", "xn--bcher-kva"]
    joints = [*r'/?#@\,; &|"<^`{(*$!=', "'", "\t", "/v1?", "%2f", "%00"]
    ends = [":808080", ":-1", ":", "::", ":80:80", ":0x50", ":80 ", "..", ".", "]", "[", ""]
    tails = ["v1", "v1/models", "/health", ":80", ":x", "b", "", "health?", "..", "[", "]", ":"]
    while True:
        yield rng.choice(names) + rng.choice(joints) + rng.choice(tails)
        yield rng.choice(names) + rng.choice(ends)
        yield rng.choice(joints) + rng.choice(names)


async def test_no_host_opens_a_route_or_is_read_in_two_ways(rig: Rig, engine: FakeEngine) -> None:
    rng = random.Random(SEED)
    tried = [next(made) for made in [hosts(rng)] for _ in range(HOSTS)]
    failed = {}
    for host in tried:
        for key in ("", rig.key):
            request = rig.post(key=key).replace(b"Host: gateway", b"Host: " + host.encode())
            answer = await rig.ask(request)
            is_plain = PLAIN_HOST.fullmatch(host.strip(" \t")) is not None
            wanted = (200 if key else 401) if is_plain else 400
            closes = answer.headers.get("connection") == "close"
            if answer.status != wanted or closes != (not is_plain):
                failed[host, bool(key)] = (answer.status, answer.body)
    assert failed == {}
    assert len(set(tried)) > HOSTS / 2
    assert 0 < len(engine.calls) < HOSTS / 2


# Addresses to fetch


def addresses(rng: random.Random) -> Iterator[str]:
    """Yield URLs in the spellings that have led past filters."""
    hosts_ = [
        "169.254.169.254", "127.0.0.1", "[::1]", "0x7f.1", "2130706433", "017700000001", "127.1", "localhost",
        "[::ffff:169.254.169.254]", "metadata.google.internal", "kubernetes.default.svc", "a\\@b", "a@127.0.0.1",
        "data@127.0.0.1", "127.0.0.1#data:", "①②⑦.⓪.⓪.①", "127。0。0。1", "[0:0:0:0:0:0:0:1]", "0", "::1",
    ]  # fmt: skip
    schemes = [
        "http://", "https://", "HTTP://", "file://", "ftp://", "gopher://", "//", "\\\\", "http:/", "http:", "s3://",
        "jar:http://", "dict://", "data//:", "data :", " data:,", "\tdata:,", "DATA:,", "Data:,", "\ndata:",
        "data\x00:", "view-source:", "blob:http://", "ws://",
    ]  # fmt: skip
    paths = [
        "", "/", "/latest/meta-data/", "/?data:", "/#data:image/png;base64,AA", "/data:,", "/..;/", "/%2e%2e/", ":80/",
    ]  # fmt: skip
    while True:
        yield rng.choice(schemes) + rng.choice(hosts_) + rng.choice(paths)


def parts(rng: random.Random, url: str) -> dict[str, Any]:
    """Return a content part that names an address in one of the ways that engines know."""
    kind = rng.choice(["image_url", "audio_url"])
    named: Any = rng.choice([url, {"url": url}, {"url": url, "detail": "auto"}])
    types = [{"type": kind}, {}, {"type": "text", "text": "a"}, {"type": "input_image"}, {"type": None}]
    return rng.choice(types) | {kind: named}


async def test_nothing_is_fetched_however_it_is_spelled(rig: Rig, engine: FakeEngine) -> None:
    rng = random.Random(SEED)
    client = await rig.client()
    failed = {}
    for url in [next(made) for made in [addresses(rng)] for _ in range(URLS)]:
        message = {"role": rng.choice(["user", "system", "tool", "assistant"]), "content": [parts(rng, url)]}
        await client.send(rig.post(messages=[{"role": "user", "content": "look"}, message]))
        answer = await client.read()
        if (answer.status, answer.error["code"]) != (400, "url_not_allowed"):
            failed[url] = answer.body
    assert failed == {}
    assert engine.calls == []


# Echoes

LONG = "Q" * 5000
ECHOES: dict[str, dict[str, Any]] = {
    "a model": {"model": LONG},
    "a model with a slash": {"model": "../" + LONG},
    "a parameter that is too deep": {LONG: json.loads("[" * 40 + "]" * 40)},
    "a member of a message": {"messages": [{"role": "user", "content": "", LONG: json.loads("[" * 40 + "]" * 40)}]},
    "a role": {"messages": [{"role": LONG, "content": ""}]},
    "content of another type": {"messages": [{"role": "user", "content": {LONG: LONG}}]},
    "an address": {"messages": [{"role": "user", "content": [{"image_url": {"url": LONG}}]}]},
    "a type": {"messages": [{"role": "user", "content": [{"type": LONG, "image_pil": LONG}]}]},
    "a number": {"temperature": LONG},
    "stops": {"stop": [LONG] * 65},
    "a schema": {"response_format": LONG},
    "a prompt embedding": {"prompt_embeds": LONG},
    "members of the template's": {"chat_template_kwargs": {"chat_template": LONG}},
}  # fmt: skip


@pytest.mark.parametrize("fields", ECHOES.values(), ids=ECHOES)
async def test_at_most_two_hundred_characters_are_repeated(
    rig: Rig, engine: FakeEngine, fields: dict[str, Any]
) -> None:
    answer = await rig.ask(rig.post(**fields))
    assert answer.status in {400, 404}
    assert answer.body.count(b"Q") <= 200
    assert engine.calls == []


LINES = {
    "a path": "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
    "a model's path": "GET /v1/models/{} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\n\r\n",
    "a host": "GET /docs HTTP/1.1\r\nHost: {}/\r\n\r\n",
    "a request id": "GET /nothing HTTP/1.1\r\nHost: a\r\nX-Request-Id: {}\r\n\r\n",
    "a key": "GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-{}\r\n\r\n",
    "an expectation": "POST /v1/batch HTTP/1.1\r\nHost: a\r\nExpect: {}\r\n\r\n",
    "a coding": "POST /v1/batch HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {}\r\n\r\n",
    "a version": "GET /docs HTTP/{}\r\nHost: a\r\n\r\n",
    "a method": "{} /docs HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header's name": "GET /docs HTTP/1.1\r\nHost: a\r\n{}(: b\r\n\r\n",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
async def test_a_head_is_hardly_repeated_either(rig: Rig, line: str) -> None:
    answer = await rig.ask(line.format(LONG).replace("KEY", rig.key).encode())
    assert 400 <= answer.status < 500
    shown = answer.body.count(b"Q") + answer.headers.get("x-request-id", "").count("Q")
    assert shown <= 200


# Other tenants

VICTIM_SALT = "salt-of-victim"
SPOOFS = [
    "X-Tidegate-Tenant: victim", "X-Tidegate-Namespace: ns2", "X-Tidegate-Class: high", "X-Tidegate-Priority: -100",
    "X-Tenant: victim", "X-Forwarded-User: victim", "X-Original-URL: /v1/models", "X-Api-Key: VICTIM",
    "Api-Key: VICTIM", "Proxy-Authorization: Bearer VICTIM", "Cookie: key=VICTIM", "Forwarded: for=10.0.0.1",
    "X-Forwarded-For: 10.0.0.1", "X-Vllm-Api-Key: x", "X-Data-Parallel-Rank: 1", "X-Session-ID: victim",
    "Tidegate-Namespace: ns2", "X-Gateway-Model-Name: other", "X-Gateway-Destination-Endpoint: 127.0.0.1:1",
    "Connection: authorization", "Via: 1.1 x", "OpenAI-Organization: victim", "OpenAI-Project: victim",
]  # fmt: skip
FIELDS: list[dict[str, Any]] = [
    {"priority": -(2**31)}, {"priority": "high"}, {"cache_salt": VICTIM_SALT}, {"user": "victim"},
    {"namespace": "ns2"}, {"tenant": "victim"}, {"qos_class": "high"}, {"metadata": {"tenant": "victim"}},
    {"request_id": "req-1"}, {"session_id": "victim"}, {"service_tier": "priority"}, {"store": True},
    {"cache_salt": VICTIM_SALT, "priority": -100}, {"stream_options": {"include_usage": False}},
]  # fmt: skip
FOREIGN = [
    "other", "ns2/other", "ns2:other", "o", "ns2/o", "other-lora", "ns2/other-lora", "other:latest", "kept", "k-svc",
    "ns/kept", "OTHER", "other@ns2", "victim/other", "other.ns2", "kept-lora", "other.ns2.svc.cluster.local",
]  # fmt: skip
ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "?"}]}),
    ("/v1/completions", {"prompt": "?"}),
    ("/v1/embeddings", {"input": "?"}),
    ("/tokenize", {"prompt": "?"}),
    ("/v1/batch", {"prompts": ["?"]}),
    ("/v1/generate", {"prompt": "?"}),
]


def two_tenants(
    rig: Rig, mine: FakeEngine, theirs: FakeEngine, kept: FakeEngine, victim_key: str
) -> Directory:
    """Return a directory in which the rig's key may call `m`; `other` and `kept` are for others."""
    callers = [
        rig.caller("low", services=frozenset({"m-svc"})),
        holder(victim_key, "victim", "high"),
    ]
    others = frozenset({"other-lora"})
    models = [
        MODEL,
        Model("other", "ns2", "o", 3.0, has_adapters=True, adapters=others),
        Model("kept", "ns", "k-svc", 3.0, has_adapters=True, adapters=frozenset({"kept-lora"})),
    ]
    workers = [
        Worker("uid-1", "ns", "m-svc", "pod-1", "127.0.0.1", mine.port),
        Worker("uid-2", "ns2", "o", "pod-2", "127.0.0.1", theirs.port),
        Worker("uid-3", "ns", "k-svc", "pod-3", "127.0.0.1", kept.port),
    ]
    return Directory({c.digest: c for c in callers}, build_models(models), build_workers(workers))


async def test_no_tenant_reaches_what_is_anothers(rig: Rig) -> None:
    rng = random.Random(SEED)
    mine, theirs, kept = [await rig.add(FakeEngine()) for _ in range(3)]
    victim_key = new_key()
    directory = two_tenants(rig, mine, theirs, kept, victim_key)
    rig.look(lambda gateway: gateway.publish(directory))
    reached, own = [], 0
    for number in range(ATTEMPTS):
        path, fields = rng.choice(ROUTES)
        foreign = rng.random() < 0.7
        asked = {"model": rng.choice(FOREIGN) if foreign else "m", **fields}
        for more in rng.sample(FIELDS, rng.randint(0, 3)):
            asked |= more
        lines = rng.sample(SPOOFS, rng.randint(0, 4))
        sent = [line.replace("VICTIM", victim_key[:-1] + "x") for line in lines]
        body = json.dumps(asked).encode()
        answer = await rig.ask(rig.head(*sent, path=path, length=len(body)) + body)
        if foreign and answer.status not in {400, 404}:
            reached.append((number, path, asked, answer.status))
        own += not foreign and answer.status == 200
    assert reached == []
    assert theirs.calls == kept.calls == []
    assert own > ATTEMPTS / 10
    for call in mine.calls:
        body, names = json.loads(call.body), {name for name, _ in call.headers}
        # Nothing is scheduled or cached to make tokens of a text.
        if call.path != "/tokenize":
            assert body["priority"] == 0, "that of class low"
            assert body["cache_salt"] != VICTIM_SALT
            assert call.body.count(b'"cache_salt":') == call.body.count(b'"priority":') == 1
        assert not {
            name for name in names if name.startswith(("x-tidegate", "x-forwarded", "cookie", "x-session"))
        }
        assert victim_key[:-1] not in str(call.headers)
    used = rig.look(lambda gateway: {totals.tenant: totals.requests for totals in gateway.ledger.usage()})
    assert used.get("victim", 0) == 0


async def test_what_is_not_ones_own_looks_as_if_it_were_not_there(rig: Rig) -> None:
    mine, theirs, kept = [await rig.add(FakeEngine()) for _ in range(3)]
    directory = two_tenants(rig, mine, theirs, kept, new_key())
    rig.look(lambda gateway: gateway.publish(directory))
    told = set()
    for name in ("other", "kept", "kept-lora", "nosuch"):
        answer = await rig.ask(rig.post(model=name))
        listed = await rig.get(f"/v1/models/{name}")
        assert answer.status == listed.status == 404
        told |= {answer.error["message"].replace(name, "NAME"), listed.error["message"].replace(name, "NAME")}
    assert len(told) == 1
    for path in ("/v1/models", "/model"):
        body = (await rig.get(path)).body
        assert b"other" not in body
        assert b"kept" not in body


# Routes that engines have and clients do not

ENGINES_OWN = [
    "/invocations", "/pause", "/resume", "/metrics", "/update_weights", "/health", "/ping", "/version", "/load",
    "/reset_prefix_cache", "/collective_rpc", "/sleep", "/wake_up", "/is_sleeping", "/server_info", "/scale_elastic_ep",
    "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/responses", "/v1/messages", "/v1/audio/transcriptions",
    "/pooling", "/classify", "/score", "/v1/score", "/rerank", "/v2/rerank", "/inference/v1/generate",
    "/abort_requests", "/start_profile", "/stop_profile", "/tokenizer_info", "/v1/chat/completions/render", "/openapi",
    "/redoc",
    "/v1//chat/completions", "/v1/chat/completions/", "/V1/chat/completions", "/v1/chat/completions;x", "/v1/./models",
    "//v1/models", "/v1/models/../../metrics", "/%2e%2e/metrics", "/v1%2fmodels", "/v1/chat\\completions", "/state",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_no_route_of_an_engine_is_reached(rig: Rig, engine: FakeEngine, method: str) -> None:
    found = {}
    for path in ENGINES_OWN:
        answer = await rig.get(path, method=method)
        is_model = path.startswith("/v1/models/") and method != "GET"
        if (answer.status, answer.error["code"]) != (404, "unknown_url") and not is_model:
            found[path] = answer.status
    if method == "GET":
        # A name of a model, which there is not.
        assert found.pop("/v1/models/../../metrics") == 404
    assert found == {}
    assert engine.calls == []
