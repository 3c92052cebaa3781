"""What /v1/generate and /v1/batch are asked, as requests to OpenAI's routes.

Pure. Must not judge what those routes judge themselves: parameters have the same names there, and the same refusals.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tidegate_gateway import errors, prompts
from tidegate_gateway.body import parse
from tidegate_gateway.errors import refuse
from tidegate_gateway.messages import Members, decode, decode_members, refuse_many, refuse_missing

CHAT: Final = b"/v1/chat/completions"
COMPLETIONS: Final = b"/v1/completions"
REQUESTS: Final = "requests"
PROMPTS: Final = "prompts"
# Parameters that would make more than the one text which the answer has a place for.
ONE: Final = ("n", "best_of")
TOOLS: Final = ("function_call", "functions", "tool_choice", "tools")
# A batch says these once, or not at all.
OF_THE_BATCH: Final = ("messages", "prompt", "stream", "stream_options")
STRING: Final = msgspec.json.Decoder(str)
VALUES: Final = msgspec.json.Decoder(list[msgspec.Raw])
OBJECTS: Final = msgspec.json.Decoder(list[Members])


class Ask(msgspec.Struct, frozen=True):
    """One request to a worker, whose answer is one text."""

    members: Mapping[str, msgspec.Raw]

    @property
    def path(self) -> bytes:
        """The route that answers it."""
        return CHAT if "messages" in self.members else COMPLETIONS

    def check(self) -> None:
        """Raise Refused if it asks for more than one text."""
        for key in ONE:
            if bytes(self.members.get(key, b"null")) not in {b"1", b"null"}:
                _refuse(key, "must be 1 here: send the prompt several times")
        for key in TOOLS:
            if key in self.members:
                _refuse(key, "is not possible here: use /v1/chat/completions")
        if "prompt" in self.members and prompts.check_prompt(self.members["prompt"]) > 1:
            _refuse("prompt", "must be one prompt here: use /v1/batch for several")

    def body(self, *, stream: bool) -> bytes:
        """Return it as JSON."""
        options = {"include_usage": True} if stream else None
        return msgspec.json.encode({**self.members, "stream": stream, "stream_options": options})


class Batch(msgspec.Struct, frozen=True):
    """Many requests to one model."""

    model: str
    asks: list[Ask]


def read_generate(body: bytes) -> tuple[str, Ask]:
    """Return which model is asked, and what; raise Refused naming what is wrong."""
    members = parse(body)
    model, ask = _model(members), Ask(members)
    ask.check()
    return model, ask


def read_batch(body: bytes) -> Batch:
    """Return the requests in a batch; raise Refused naming what is wrong with it as a whole."""
    members = parse(body)
    model = _model(members)
    for key in OF_THE_BATCH:
        if key in members:
            _refuse(key, "has no place in a batch; leave it out")
    own = _own(members)
    shared = {key: raw for key, raw in members.items() if key not in {PROMPTS, REQUESTS}}
    return Batch(model, [Ask({**shared, **each, "model": members["model"]}) for each in own])


def _own(members: Members) -> list[Members]:
    """Return what each request of a batch has of its own."""
    if PROMPTS in members and REQUESTS in members:
        _refuse(REQUESTS, "cannot be sent beside 'prompts'")
    if PROMPTS in members:
        prompts.check_prompts(members[PROMPTS])
        return [{"prompt": raw} for raw in decode(VALUES, members[PROMPTS], PROMPTS)]
    if REQUESTS not in members:
        refuse_missing(PROMPTS)
    own: list[Members] = decode_members(OBJECTS, members[REQUESTS], REQUESTS)
    if not own:
        _refuse(REQUESTS, "is empty: send at least one request")
    if len(own) > prompts.PROMPTS:
        refuse_many(REQUESTS, prompts.PROMPTS)
    return own


def _model(members: Members) -> str:
    if "model" not in members:
        refuse_missing("model")
    model: str = decode(STRING, members["model"], "model")
    return model


def _refuse(key: str, why: str) -> None:
    refuse(errors.invalid_parameter("invalid_value", key, f"'{key}' {why}."))
