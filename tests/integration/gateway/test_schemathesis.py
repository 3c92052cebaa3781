"""Whatever /openapi.json allows is answered, whatever it forbids is refused, and nothing is answered otherwise.

Schemathesis makes the requests from the document itself. FUZZ_EXAMPLES is how many for each route and direction: 50
unless set; a full run has 500.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from integration.gateway.engine import DONE, Call, FakeEngine
from integration.gateway.rig import Rig, close_rig, make_rig
from tidegate_gateway.routes.openapi import describe

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
# Of the checks that come with it, those that hold for any API.
HELD = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
)
# What an answer must never tell: where code is, what it is written in, where in memory, who is behind the gateway.
SECRET = re.compile(rb"Traceback|File \"|site-packages|/work/|\.py\b|0x[0-9a-f]{6,}|127\.0\.0\.1")
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "a"}, "text": "a", "finish_reason": "stop"}
CHUNK = {"index": 0, "delta": {"content": "a"}, "text": "a", "finish_reason": "stop"}
ANSWERS: dict[str, Any] = {
    "/v1/embeddings": {
        "object": "list",
        "data": [{"index": 0, "embedding": [0.5]}],
        "model": "m",
        "usage": USAGE,
    },
    "/tokenize": {"tokens": [1], "count": 1, "max_model_len": 9},
    "/detokenize": {"prompt": "a"},
}


async def answer_in_shape(call: Call) -> None:
    """Answer each route in its shape."""
    if json.loads(call.body).get("stream") and call.path not in ANSWERS:
        await call.head()
        for event in ({"choices": [CHUNK]}, {"choices": [], "usage": USAGE}):
            await call.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")
        await call.chunk(DONE)
        await call.end()
        return
    made = ANSWERS.get(call.path) or {"id": "x", "model": "m", "choices": [CHOICE], "usage": USAGE}
    await call.answer(200, json.dumps(made).encode())


@dataclass
class Fuzzed:
    """A gateway whose worker runs beside it: the test's own thread is busy making requests."""

    rig: Rig
    engine: FakeEngine
    url: str


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    """One gateway for all of this."""
    rig, engine = asyncio.run(make_rig()), FakeEngine(answer_in_shape)
    rig.thread.call(engine.start)
    rig.publish([engine])
    yield Fuzzed(rig, engine, rig.url.removesuffix("/v1"))
    rig.thread.call(engine.stop)
    asyncio.run(close_rig(rig))


def document() -> Any:
    """Return the document for a key that may use the model `m`."""
    described = describe()
    for schema in described["components"]["schemas"].values():
        properties = schema.get("properties", {})
        if "pattern" in properties.get("model", {}):
            properties["model"] = {"enum": ["m"]}
    return json.loads(json.dumps(described))


SCHEMA = schemathesis.openapi.from_dict(document())
# Keys are tested elsewhere.
SCHEMA.config.generation.update(with_security_parameters=False)
OPERATIONS = {operation.ok().label: operation.ok() for operation in SCHEMA.get_all_operations()}
# What takes no parameter and no body cannot be asked wrongly.
DIRECTIONS = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or operation.body
]


@pytest.mark.parametrize(("label", "mode"), DIRECTIONS, ids=lambda value: getattr(value, "value", value))
def test_the_gateway_does_what_its_document_says(fuzzed: Fuzzed, label: str, mode: GenerationMode) -> None:
    checks = CHECKS.get_by_names([*HELD])
    headers = {"Authorization": f"Bearer {fuzzed.rig.key}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(mode))
    def fuzz(case: schemathesis.Case) -> None:
        response = case.call(base_url=fuzzed.url, headers=headers, timeout=20)
        # A batch is answered although its requests are refused, one by one.
        if not (
            label == "POST /v1/batch" and mode is GenerationMode.NEGATIVE and response.status_code == 200
        ):
            case.validate_response(response, checks=checks)
        assert not SECRET.search(response.content), response.content
        if response.status_code >= 400:
            error = json.loads(response.content)["error"]
            assert error["request_id"] == response.headers["x-request-id"][0]
            assert len(error["message"]) < 900

    fuzz()
    assert fuzzed.rig.look(lambda gateway: len(gateway.exchanges)) == 0
