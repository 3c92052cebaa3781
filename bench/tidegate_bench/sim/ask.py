"""What a request asks for: its prompt in tokens, how many to generate, and in what shape.

Owns the reading of bodies. Fields that change nothing in a simulation (temperature, tools, logprobs) are accepted and
have no effect. Pure.
"""

from typing import Any

import msgspec

from tidegate_bench.sim.faults import Fault
from tidegate_bench.sim.profile import BYTES_PER_TOKEN, Profile
from tidegate_bench.sim.sequence import Prompt, Sequence

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
TOKENIZE = "/tokenize"


# One text, one list of token ids, or a list of either.
Given = str | list[str | int | list[int]] | None


class Refused(Exception):
    """A request that vLLM refuses, with its status, type and words."""

    def __init__(self, status: int, kind: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param


class Message(msgspec.Struct):
    """One message of a chat."""

    role: str
    # Text, parts of text, or nothing beside tool calls.
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(msgspec.Struct):
    """What a stream has at its end."""

    include_usage: bool = False


class Body(msgspec.Struct):
    """The fields that change what a simulated engine does."""

    model: str = ""
    messages: list[Message] | None = None
    prompt: Given = None
    input: Given = None
    tools: msgspec.Raw = msgspec.Raw()
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    min_tokens: int = 0
    ignore_eos: bool = False
    n: int | None = 1
    priority: int = 0
    cache_salt: str | None = None
    # Not vLLM's: a fault for this request alone.
    fault: Fault | None = None


_decoder = msgspec.json.Decoder(Body)


def read(body: bytes) -> Body:
    """Return what a body says; raise Refused if it is no request."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Refused(400, "BadRequestError", str(error)) from None


def sequences(path: str, body: Body, profile: Profile) -> list[Sequence]:
    """Return the sequences that a request to generate or embed needs, choice by choice of each prompt."""
    adapter = _adapter(body.model, profile)
    made: list[Sequence] = []
    for data in prompts(path, body):
        prompt = Prompt(data, profile.block_size, (adapter, body.cache_salt))
        tokens, reason = (0, "stop") if path == EMBEDDINGS else _output(prompt, body, profile)
        if prompt.tokens + min(tokens, 1) > profile.max_model_len:
            raise _too_long(prompt, profile, tokens)
        first = len(made)
        for index in range(first, first + (body.n or 1)):
            made.append(
                Sequence(prompt, tokens, reason=reason, priority=body.priority, adapter=adapter, index=index)
            )
    return made


def prompts(path: str, body: Body) -> list[bytes]:
    """Return the bytes of each prompt; a list of token ids has as many bytes as its tokens stand for."""
    if body.messages is not None:
        return [_render(body)]
    given = body.input if path == EMBEDDINGS else body.prompt
    if given is None or given == []:
        raise Refused(400, "BadRequestError", "the request has no prompt", "prompt")
    if isinstance(given, str):
        return [given.encode()]
    if isinstance(given[0], int):
        return [_tokens(given)]
    return [item.encode() if isinstance(item, str) else _tokens(item) for item in given]


def _tokens(ids: object) -> bytes:
    try:
        numbers = msgspec.convert(ids, list[int])
        return b"".join(number.to_bytes(BYTES_PER_TOKEN, "little") for number in numbers)
    except (msgspec.ValidationError, OverflowError):
        raise Refused(400, "BadRequestError", "a prompt is a text or a list of token ids", "prompt") from None


def _render(body: Body) -> bytes:
    parts = [bytes(body.tools)]
    for message in body.messages or ():
        content = message.content
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content)
        parts.append(f"<|{message.role}|>{content or ''}".encode())
    parts.append(b"<|assistant|>")
    return b"".join(parts)


def _adapter(model: str, profile: Profile) -> str | None:
    if model in profile.adapters:
        return model
    if model not in ("", profile.model):
        raise Refused(404, "NotFoundError", f"The model `{model}` does not exist.", "model")
    return None


def _output(prompt: Prompt, body: Body, profile: Profile) -> tuple[int, str]:
    """Return how many tokens the answer has, and why it ends there."""
    room = profile.max_model_len - prompt.tokens
    asked = body.max_completion_tokens or body.max_tokens
    if (asked or 1) > room:
        raise _too_long(prompt, profile, asked or 1)
    # A model ends by itself: here after a fixed number of tokens.
    own = max(profile.answer_tokens, body.min_tokens)
    limit = asked or room
    return (limit, "length") if body.ignore_eos or limit <= own else (own, "stop")


def _too_long(prompt: Prompt, profile: Profile, more: int) -> Refused:
    return Refused(
        400,
        "BadRequestError",
        f"This model's maximum context length is {profile.max_model_len} tokens. However, your request has "
        f"{prompt.tokens} input tokens and asks for {more} more.",
    )
