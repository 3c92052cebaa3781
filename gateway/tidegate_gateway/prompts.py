"""Prompts and inputs that are no messages: their outer shape, and how many there are.

Pure. What is in them is the engine's to judge.
"""

import re
from typing import Annotated, Any, Final

import msgspec

from tidegate_gateway.messages import (
    TEXT,
    check_conversations,
    check_messages,
    decode,
    refuse_many,
    refuse_type,
    view,
)

PROMPTS: Final = 256
INPUTS: Final = 2048
MOST_ID: Final = 2**31 - 1
# As JSON, of ids that are written as 1.0: each is looked at.
LONGEST_NUMBERS: Final = 64 * 1024
# The first character in a list that is no space, or the first two if that one begins a list.
OPENING: Final = re.compile(rb"\[\s*(\[?)\s*(.)", re.DOTALL)
TEXTS: Final = msgspec.json.Decoder(list[str])
IDS: Final = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=0, le=MOST_ID)]])
LISTS_OF_IDS: Final = msgspec.json.Decoder(list[list[Annotated[int, msgspec.Meta(ge=0, le=MOST_ID)]]])
NUMBERS: Final = msgspec.json.Decoder(list[float])
LISTS_OF_NUMBERS: Final = msgspec.json.Decoder(list[list[float]])


def check_prompt(raw: msgspec.Raw) -> int:
    """Return how many prompts there are: texts, or lists of token ids."""
    return _count(raw, "prompt", PROMPTS)


def check_prompts(raw: msgspec.Raw) -> int:
    """Return how many prompts there are, where one must be in a list too."""
    if view(raw)[0] == TEXT or _opening(raw).isdigit():
        refuse_type("prompts", "a list of texts, or of lists of token ids")
    return _count(raw, "prompts", PROMPTS)


def check_text(raw: msgspec.Raw) -> int:
    """Return 1; raise Refused for what is no text."""
    if view(raw)[0] != TEXT:
        refuse_type("prompt", "a text")
    return 1


def check_tokens(raw: msgspec.Raw) -> int:
    """Return 1; raise Refused for what is no list of token ids."""
    if not _read_ids(IDS, NUMBERS, raw):
        refuse_type("tokens", "a list of token ids")
    return 1


def check_input(raw: msgspec.Raw) -> int:
    """Return how many inputs there are: as prompts, or one conversation, or several."""
    match _opening(raw):
        case b"{":
            return check_messages(raw, "input")
        case b"[{":
            return check_conversations(raw, "input")
    return _count(raw, "input", INPUTS)


def check_conversation_or_several(raw: msgspec.Raw) -> int:
    """Return how many conversations there are in the messages of a request for embeddings."""
    if _opening(raw) == b"[{":
        return check_conversations(raw, "messages")
    return check_messages(raw)


def _opening(raw: msgspec.Raw) -> bytes:
    found = OPENING.match(view(raw))
    return b"" if found is None else found[1] + found[2]


def _count(raw: msgspec.Raw, name: str, most: int) -> int:
    if view(raw)[0] == TEXT:
        return 1
    opening = _opening(raw)
    count = 0
    if opening == b'"':
        count = len(decode(TEXTS, raw, name))
    elif opening.startswith(b"["):
        count = len(_read_ids(LISTS_OF_IDS, LISTS_OF_NUMBERS, raw))
    elif _read_ids(IDS, NUMBERS, raw):
        # All of them are one prompt.
        count = 1
    if not count:
        refuse_type(name, "a text, a list of texts, or token ids")
    if count > most:
        refuse_many(name, most)
    return count


def _read_ids(
    ids: msgspec.json.Decoder[list[Any]], numbers: msgspec.json.Decoder[list[Any]], raw: msgspec.Raw
) -> list[Any]:
    """Return token ids, or lists of them; nothing if these are none. 1.0 is as good as 1."""
    try:
        return ids.decode(raw)
    except msgspec.ValidationError:
        pass
    if len(raw) > LONGEST_NUMBERS:
        return []
    try:
        found = numbers.decode(raw)
    except msgspec.ValidationError:
        return []
    flat = (number for one in found for number in (one if isinstance(one, list) else [one]))
    return found if all(number.is_integer() and 0 <= number <= MOST_ID for number in flat) else []
