"""The body of a request: which model it asks, what of it counts here, and what of it a worker is sent.

Owns the members that are ours to set: the caller's priority, the salt of its prefix cache, and the report of usage
that a stream ends with. All other bytes reach the worker as they came, in their order. Pure. Looks only at the top
level: what each member may hold is `parameters`' and `prompts`' business.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import msgspec

from tidegate_gateway import errors, prompts
from tidegate_gateway.errors import Refused, refuse
from tidegate_gateway.messages import check_messages, refuse_missing, view
from tidegate_gateway.nesting import is_crowded
from tidegate_gateway.parameters import CHECKS, Check, check_unknown, look_again

DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
KEY: Final = re.compile(rb'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*')
OFFSET: Final = re.compile(r"\(byte (\d+)\)")
HALF_PAIR: Final = re.compile(rb"\\u[dD][89abAB]")
PAIR_LENGTH: Final = 12
MODEL_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9])?")
# What /v1/completions makes of a prompt when it is not told, as OpenAI's does.
COMPLETION_TOKENS: Final = 16
# Parameters of one request; engines know some sixty.
MEMBERS: Final = 1024
PRIORITY: Final = "priority"
SALT: Final = "cache_salt"
OPTIONS: Final = "stream_options"
REPORT: Final = ("include_usage", "continuous_usage_stats")
FORCED: Final = b'"include_usage":true'


class _Route(msgspec.Struct, frozen=True):
    """What the bodies of one route may hold."""

    checks: Mapping[str, Check]
    # The member that holds the prompt, and another one that may instead.
    prompt: str
    otherwise: str = ""
    # Whether it makes an answer token by token, and so many when it is not told.
    generates: bool = False
    tokens: int | None = 0
    # Whether the engine takes a priority and a salt with it.
    is_scheduled: bool = True


_CHAT: Final = {**CHECKS, "messages": check_messages}
_TEXT: Final = {**CHECKS, "prompt": prompts.check_prompt}
_INPUT: Final = {**CHECKS, "input": prompts.check_input, "messages": prompts.check_conversation_or_several}
_TOKENIZE: Final = {**_CHAT, "prompt": prompts.check_text}
_DETOKENIZE: Final = {**CHECKS, "tokens": prompts.check_tokens}

ROUTES: Final[Mapping[bytes, _Route]] = {
    b"/v1/chat/completions": _Route(_CHAT, "messages", generates=True, tokens=None),
    b"/v1/completions": _Route(_TEXT, "prompt", generates=True, tokens=COMPLETION_TOKENS),
    b"/v1/embeddings": _Route(_INPUT, "input", "messages"),
    b"/tokenize": _Route(_TOKENIZE, "prompt", "messages", is_scheduled=False),
    b"/detokenize": _Route(_DETOKENIZE, "tokens", is_scheduled=False),
}


class Call(msgspec.Struct, frozen=True):
    """A body that may be sent to a worker."""

    model: str
    # The bytes of the messages, the prompt or the input.
    # Quoted for the compiler, which looks for this type among the names of this module only.
    prompt: "memoryview"
    # Most tokens of one answer; None where the model's context is the only limit.
    max_tokens: int | None
    # Answers that the worker makes: `n` for each prompt.
    n: int
    stream: bool
    # Whether the client asked for the report of usage at the end of a stream.
    wants_usage: bool
    # What is sent: members of ours, none where the engine takes none, then the rest of the body.
    priority: int | None
    options: bytes
    own_salt: str | None
    rest: memoryview | bytes

    def outgoing(self, salt: str | None) -> tuple[tuple[bytes | memoryview, ...], int]:
        """Return the body as a worker is sent it, in pieces, and its length.

        `salt` keeps the caller's cached prefixes apart from those of other tenants; None shares them. A salt of the
        client's own only ever adds to it.
        """
        rest = self.rest
        if self.priority is None:
            return (rest,), len(rest)
        if self.own_salt is not None:
            salt = _fold(salt, self.own_salt)
        make = _members if len(self.options) <= REMEMBERED_BYTES else _make_members
        members = make(self.priority, salt, self.options)
        return (members, rest), len(members) + len(rest)


def read_call(body: bytes, path: bytes, priority: int) -> Call:
    """Return the call in a body that came for `path`; raise Refused naming what is wrong with it.

    `priority` is the engine's number for the caller's class.
    """
    top = parse(body)
    route = ROUTES[path]
    values = _check(top, route.checks)
    if "model" not in values:
        refuse_missing("model")
    name = route.prompt
    if name not in values:
        if route.otherwise not in values:
            refuse_missing(name)
        name = route.otherwise
    stream = route.generates and values.get("stream") is True
    options, wants_usage = _report(values.get(OPTIONS)) if stream else (b"", False)
    return Call(
        values["model"],
        view(top[name]),
        _tokens(values, route),
        (values.get("n") or 1) * values[name],
        stream,
        wants_usage,
        priority if route.is_scheduled else None,
        options,
        values.get(SALT),
        _rest(body, top, options != b"") if route.is_scheduled else body,
    )


def plain(call: Call, body: bytes) -> Call:
    """Return a call as it is sent to an engine that knows OpenAI's parameters only.

    Nothing is set in its body; what a client may not set of vLLM's is taken out.
    """
    top = parse(body)
    rest: memoryview | bytes = body
    if PRIORITY in top or SALT in top:
        rest = b"{" + bytes(_rest(body, top, False))
    # What it reports without being asked to was meant for the client.
    return msgspec.structs.replace(call, priority=None, options=b"", rest=rest, wants_usage=True)


def _check(top: Mapping[str, msgspec.Raw], checks: Mapping[str, Check]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    items = iter(top.items())
    while True:
        try:
            for key, raw in items:
                check = checks.get(key)
                if check is not None:
                    values[key] = check(raw)
                else:
                    check_unknown(key, raw)
        except msgspec.DecodeError:
            values[key] = look_again(key, raw)
        else:
            return values


def _tokens(values: Mapping[str, Any], route: _Route) -> int | None:
    if not route.generates:
        return 0
    # The newer name is that of chats alone.
    newer: int | None = values.get("max_completion_tokens") if route.tokens is None else None
    older: int | None = values.get("max_tokens", route.tokens)
    return older if newer is None else newer


def _report(asked: Mapping[str, msgspec.Raw] | None) -> tuple[bytes, bool]:
    """Return the stream options to send, none if the client's own may stay, and whether it asked for the report."""
    if not asked:
        return FORCED, False
    for key in REPORT:
        if bytes(asked.get(key, b"null")) not in {b"true", b"false", b"null"}:
            name = f"stream_options.{key}"
            refuse(errors.invalid_parameter("param_out_of_range", name, f"'{name}' must be true or false."))
    if bytes(asked.get(REPORT[0], b"")) == b"true":
        return b"", True
    # Without the report, reports in between have no effect; with ours they would.
    kept = [msgspec.json.encode(k) + b":" + bytes(v) for k, v in asked.items() if k not in REPORT]
    return b",".join((FORCED, *kept)), False


def _make_members(priority: int, salt: str | None, options: bytes) -> bytes:
    members = [b'{"priority":%d,' % priority]
    if salt:
        members.append(b'"cache_salt":%b,' % msgspec.json.encode(salt))
    if options:
        members.append(b'"stream_options":{%b},' % options)
    return b"".join(members)


# Few differ; those that a client could fill memory with are not kept.
_members: Final = lru_cache(maxsize=4096)(_make_members)
REMEMBERED_BYTES: Final = 256


def _fold(salt: str | None, own: str) -> str:
    return sha256(f"{salt or ''}\0{own}".encode()).hexdigest()


def _rest(body: bytes, top: Mapping[str, msgspec.Raw], sets_options: bool) -> memoryview | bytes:
    """Return what follows the opening brace, without the members that are ours to set."""
    start = body.index(b"{") + 1
    cuts_options = sets_options and OPTIONS in top
    if not (cuts_options or PRIORITY in top or SALT in top):
        return memoryview(body)[start:]
    cut = {PRIORITY, SALT, OPTIONS} if cuts_options else {PRIORITY, SALT}
    kept = []
    position = start
    for key, raw in top.items():
        end = _value_at(body, position) + len(raw)
        if key in cut:
            kept.append(body[start:position])
            start = end
        position = end
    return b"".join((*kept, body[start:])).lstrip(b" \t\r\n,")


def parse(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the top level of a JSON object, each value as its bytes; raise Refused naming the first bad byte."""
    if is_crowded(body):
        raise Refused(errors.TOO_MUCH_IN_IT)
    try:
        if not body.isascii():
            body.decode()
        top = DECODER.decode(body)
    except UnicodeDecodeError as error:
        raise Refused(errors.invalid_json("not UTF-8", error.start)) from error
    except msgspec.ValidationError as error:
        raise Refused(errors.invalid_json("the outermost value must be an object", 0)) from error
    except msgspec.DecodeError as error:
        raise Refused(_malformed(body, str(error))) from error
    except RecursionError as error:
        raise Refused(errors.invalid_json("nested too deep", len(body))) from error
    if len(top) > MEMBERS:
        raise Refused(errors.TOO_MUCH_IN_IT)
    # Without a byte to spare, no key can have come twice.
    tight = sum(map(len, top)) + sum(map(len, top.values())) + 4 * len(top) + 1
    if top and tight != len(body):
        _check_once_each(body, top)
    return top


def _malformed(body: bytes, reason: str) -> errors.Problem:
    found = OFFSET.search(reason)
    if found is not None:
        what = reason[: found.start()].strip().removeprefix("JSON is malformed: ")
        return errors.invalid_json(what, int(found[1]))
    # The decoder also runs out of bytes where it looks for the other half of a pair near the end.
    half = HALF_PAIR.search(body, max(0, len(body) - PAIR_LENGTH))
    if half is not None:
        return errors.invalid_json("a \\u escape is half of a pair", half.start())
    return errors.invalid_json("it ends too early", len(body))


def _check_once_each(body: bytes, top: Mapping[str, msgspec.Raw]) -> None:
    """Walk over keys and values in order: the decoder keeps the last of two, so a second one breaks the walk."""
    position = body.index(b"{") + 1
    for key, raw in top.items():
        found = KEY.match(body, position)
        if (
            found is None
            or msgspec.json.decode(found[1]) != key
            or not body.startswith(view(raw), found.end())
        ):
            raise Refused(errors.invalid_json(f"the key '{errors.shown(key)}' may come twice", position))
        position = found.end() + len(raw)
    if body[position:].strip() != b"}":
        raise Refused(errors.invalid_json("a key came twice", position))


def _value_at(body: bytes, position: int) -> int:
    """Return where the value of the member begins that comes next in a body already read."""
    found = KEY.match(body, position)
    if found is None:
        raise RuntimeError("a member is not where it was read")
    return found.end()


def check_model_name(model: str) -> None:
    """Refuse what can be no model's name; asked only when there is no such model."""
    if MODEL_NAME.fullmatch(model) is None:
        message = f"'{errors.shown(model)}' cannot be a model's name: those match {MODEL_NAME.pattern}"
        refuse(errors.invalid_parameter("invalid_model_name", "model", message))
