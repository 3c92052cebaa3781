"""Messages: whether they are a conversation, and that they name nothing to fetch.

Pure. Must not make objects of long texts, or judge what a model can read: a worker does that.
"""

import re
from typing import Any, Final, Literal, NoReturn

import msgspec

from tidegate_gateway import errors
from tidegate_gateway.errors import refuse
from tidegate_gateway.nesting import is_deeper

Role = Literal["assistant", "developer", "function", "system", "tool", "user"]
Members = dict[str, msgspec.Raw]

ROLES: Final = "assistant, developer, function, system, tool or user"
# Levels of a whole body, of which its outermost object is one.
DEPTH: Final = 32
# What is longer is not made into Python strings.
SHORT: Final = 16 * 1024
# What is longer is counted first: small objects by the hundred thousand would stop the event loop.
LONG: Final = 256 * 1024
ELEMENTS: Final = 8192
TEXT: Final = ord('"')
LIST: Final = ord("[")
NULL: Final = ord("n")
# Type stubs take `Raw` for bytes; it is a buffer.
view: Any = memoryview
PLACE: Final = re.compile(r" - at `\$(.*)`$")

# What of a content part a worker would fetch, or unpack, whether its `type` says so or only the member is there.
FETCHED: Final = frozenset({"audio_url", "image_url"})
UNSUPPORTED: Final = frozenset(
    {"audio_embeds", "image_embeds", "image_pil", "prompt_embeds", "video_embeds", "video_url"}
)
# An engine takes it as the name of a picture that it has seen before, whoever sent that.
SHARED_NAME: Final = "uuid"
LOOKED_AT: Final = FETCHED | UNSUPPORTED | {SHARED_NAME}
TYPE: Final = "type"
# As JSON; each character may be an escape of six.
LONGEST_TYPE: Final = 128


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """A message in which nothing can be hidden."""

    role: Role
    content: str | None = None
    name: str | None = None
    tool_call_id: str | None = None


class _Any(msgspec.Struct):
    """An object that is only counted."""


class _Url(msgspec.Struct):
    url: str | None = None


PLAIN: Final = msgspec.json.Decoder(list[_Plain])
MESSAGES: Final = msgspec.json.Decoder(list[Members])
CONVERSATIONS: Final = msgspec.json.Decoder(list[list[Members]])
PARTS: Final = msgspec.json.Decoder(list[str | Members])
COUNTED: Final = msgspec.json.Decoder(list[str | _Any])
ROLE: Final = msgspec.json.Decoder(Role)
URL: Final = msgspec.json.Decoder(_Url | str | None)
STRING: Final = msgspec.json.Decoder(str)


def check_messages(raw: msgspec.Raw, name: str = "messages") -> int:
    """Return 1; raise Refused if these are no messages, or name something to fetch."""
    if len(raw) <= SHORT:
        try:
            if PLAIN.decode(raw):
                return 1
        except msgspec.DecodeError:
            pass
    elif _is_plain(bytes(raw)):
        return 1
    _check_conversation(decode_members(MESSAGES, raw, name), name, DEPTH - 2)
    return 1


def check_conversations(raw: msgspec.Raw, name: str) -> int:
    """Return how many conversations there are in a list of lists; raise Refused as for one."""
    found = decode(CONVERSATIONS, raw, name)
    for number, messages in enumerate(found):
        _check_conversation(messages, f"{name}[{number}]", DEPTH - 3)
    return len(found)


def _is_plain(data: bytes) -> bool:
    """Tell whether messages hold no list and too few objects to be deep.

    It takes a twentieth of what decoding takes; the roles in so long a text are left to the worker.
    """
    if not data.startswith(b"[") or data.find(b"[", 1) >= 0:
        return False
    position = 0
    for _ in range(DEPTH - 2):
        position = data.find(b"{", position) + 1
        if position == 0:
            return True
    return False


def _check_conversation(messages: list[Members], name: str, levels: int) -> None:
    """Check messages that may have so many levels, themselves included."""
    if not messages:
        refuse(
            errors.invalid_parameter("invalid_value", name, f"'{name}' is empty: send at least one message.")
        )
    for number, message in enumerate(messages):
        place = f"{name}[{number}]"
        role = message.get("role")
        if role is None:
            refuse_missing(f"{place}.role")
        decode(ROLE, role, f"{place}.role")
        for key, raw in message.items():
            first = view(raw)[0]
            if first == TEXT:
                continue
            if key == "content":
                _check_content(raw, f"{place}.content", levels - 1)
            elif is_too_deep(raw, levels - 1):
                _refuse_depth(place, key)


def _check_content(raw: msgspec.Raw, name: str, levels: int) -> None:
    first = view(raw)[0]
    if first == NULL:
        return
    if first != LIST:
        refuse_type(name, "a text or a list of parts")
    for number, part in enumerate(decode_members(PARTS, raw, name)):
        if not isinstance(part, str):
            _check_part(part, f"{name}[{number}]", levels - 1)


def _check_part(part: Members, name: str, levels: int) -> None:
    for key in sorted(part.keys() & LOOKED_AT):
        place = f"{name}.{key}"
        if key not in FETCHED:
            _refuse_part(place)
        value = decode(URL, part[key], place)
        url = value.url if isinstance(value, _Url) else value
        if url is not None and not url.startswith("data:"):
            message = (
                f"'{place}' must hold the data itself, as 'data:image/png;base64,…': nothing is fetched."
            )
            refuse(errors.invalid_parameter("url_not_allowed", place, message))
    # Of some the data is in a member of another name.
    kind = part.get(TYPE)
    if kind is not None and _kind(kind) in UNSUPPORTED:
        _refuse_part(f"{name}.{TYPE}")
    for key, raw in part.items():
        if is_too_deep(raw, levels - 1):
            _refuse_depth(name, key)


def _refuse_depth(place: str, key: str) -> NoReturn:
    refuse(errors.too_deep(f"{place}.{errors.shown(key, errors.SHOWN_OF_A_NAME)}", DEPTH))


def _kind(raw: msgspec.Raw) -> str:
    """Return the type of a part, nothing if it is none."""
    return STRING.decode(raw) if view(raw)[0] == TEXT and len(raw) <= LONGEST_TYPE else ""


def _refuse_part(place: str) -> NoReturn:
    refuse(
        errors.invalid_parameter("unsupported_parameter", place, f"'{place}' is not accepted; leave it out.")
    )


def is_too_deep(raw: msgspec.Raw, levels: int) -> bool:
    """Tell whether a value has more levels; most are texts, or too short for it: each level has two brackets."""
    return len(raw) > 2 * levels and view(raw)[0] != TEXT and is_deeper(bytes(raw), levels)


def decode_members(decoder: msgspec.json.Decoder[Any], data: bytes, name: str) -> Any:
    """Decode a list of objects as their members; raise Refused as `decode`, or if there are far too many."""
    if len(data) > LONG and len(decode(COUNTED, data, name)) > ELEMENTS:
        refuse_many(name, ELEMENTS)
    found = decode(decoder, data, name)
    if len(found) > ELEMENTS:
        refuse_many(name, ELEMENTS)
    return found


def decode(decoder: msgspec.json.Decoder[Any], data: bytes, name: str) -> Any:
    """Return the value of valid JSON; raise Refused with the path of what is of a wrong type in it."""
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        reason = str(error)
        found = PLACE.search(reason)
        place = name if found is None else name + found[1]
        if reason.startswith("Invalid enum"):
            refuse(errors.invalid_parameter("invalid_value", place, f"'{place}' must be {ROLES}."))
        what = PLACE.sub("", reason).replace("`", "'")
        refuse(errors.invalid_parameter("invalid_type", place, f"'{place}': {what}."))


def refuse_type(name: str, expected: str) -> NoReturn:
    """Refuse a value of a wrong type."""
    refuse(errors.invalid_parameter("invalid_type", name, f"'{name}' must be {expected}."))


def refuse_many(name: str, most: int) -> NoReturn:
    """Refuse a list that is too long."""
    message = f"'{name}' has more than {most} elements; send them in several requests."
    refuse(errors.invalid_parameter("param_out_of_range", name, message))


def refuse_missing(name: str) -> NoReturn:
    """Refuse a body without a member that it must have."""
    refuse(errors.invalid_parameter("missing_required_parameter", name, f"'{name}' is missing."))
