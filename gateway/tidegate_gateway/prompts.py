"""Prompts and inputs that are no messages: their outer shape, and how many there are.

Pure. What is in them is the engine's to judge.
"""

import re
from typing import Final

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
# The first character in a list that is no space, or the first two if that one begins a list.
OPENING: Final = re.compile(rb"\[\s*(\[?)\s*(.)", re.DOTALL)
# JSON that is known to be valid: what is between digits and commas need not be looked at.
IDS: Final = re.compile(rb"\[\s*+\d[\d,\s]*+\]")
LISTS_OF_IDS: Final = re.compile(rb"\[(?:\s*+\[[\d,\s]*+\]\s*+,?)++\s*+\]")
TEXTS: Final = msgspec.json.Decoder(list[str])


def check_prompt(raw: msgspec.Raw) -> int:
    """Return how many prompts there are: texts, or lists of token ids."""
    return _count(raw, "prompt", PROMPTS)


def check_prompts(raw: msgspec.Raw) -> int:
    """Return how many prompts there are, where one must be in a list too."""
    if view(raw)[0] == TEXT or IDS.fullmatch(view(raw)):
        refuse_type("prompts", "a list of texts, or of lists of token ids")
    return _count(raw, "prompts", PROMPTS)


def check_text(raw: msgspec.Raw) -> int:
    """Return 1; raise Refused for what is no text."""
    if view(raw)[0] != TEXT:
        refuse_type("prompt", "a text")
    return 1


def check_tokens(raw: msgspec.Raw) -> int:
    """Return 1; raise Refused for what is no list of token ids."""
    if not IDS.fullmatch(view(raw)):
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
    if view(raw)[0] == TEXT or IDS.fullmatch(view(raw)):
        return 1
    if _opening(raw) == b'"':
        count = len(decode(TEXTS, raw, name))
    elif LISTS_OF_IDS.fullmatch(view(raw)):
        count = bytes(raw).count(b"[") - 1
    else:
        refuse_type(name, "a text, a list of texts, or token ids")
    if count > most:
        refuse_many(name, most)
    return count
