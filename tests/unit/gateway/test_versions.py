"""Which conversations a canary is given, and what is counted of the two versions."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_gateway.conversation import digest
from tidegate_gateway.directory import Canary, Worker
from tidegate_gateway.routing.endpoint import Endpoint
from tidegate_gateway.versions import Versions, is_drawn

SYSTEM = {"role": "system", "content": "You are the assistant of a shop. " * 40}


def said(*messages: dict[str, Any]) -> memoryview:
    return memoryview(json.dumps(messages).encode())


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def chat(number: int) -> memoryview:
    return said(SYSTEM, user(f"What does article {number} cost?"))


def drawn(weight: float, chats: int, revision: str = "r2", tenant: str = "shop") -> set[int]:
    canary = Canary(revision, weight)
    return {number for number in range(chats) if is_drawn(canary, tenant, chat(number))}


@pytest.mark.case(32)
@pytest.mark.parametrize("revision", ["r2", "9f86d08188", "ffffffffff"])
def test_of_many_conversations_with_one_system_prompt_five_percent_are_the_canarys(revision: str) -> None:
    assert 4 <= len(drawn(5, 20_000, revision)) / 200 <= 6


@pytest.mark.parametrize(("weight", "share"), [(0, 0), (-1, 0), (100, 1), (120, 1)])
def test_nothing_and_everything_are_meant_as_they_are_said(weight: float, share: int) -> None:
    assert len(drawn(weight, 500)) == share * 500


@pytest.mark.case(32)
def test_a_weight_that_changes_moves_only_the_difference() -> None:
    shares = [drawn(weight, 5000) for weight in (1, 5, 20, 50, 100)]
    assert all(less < more for less, more in pairwise(shares))


def test_another_canary_is_given_other_conversations_and_another_tenant_has_its_own() -> None:
    first = drawn(20, 5000)
    for other in (drawn(20, 5000, revision="r3"), drawn(20, 5000, tenant="bank")):
        # A fifth of a fifth.
        assert 100 <= len(first & other) <= 300


@pytest.mark.case(32)
def test_a_chat_stays_on_its_version_turn_after_turn() -> None:
    canary = Canary("r2", 30)
    for number in range(50):
        turns = [SYSTEM, user(f"I am client {number}")]
        begun = is_drawn(canary, "shop", said(*turns))
        for answer in ("Hello", "Gladly", "Here you are"):
            turns += [{"role": "assistant", "content": answer}, user(f"and {answer}?")]
            assert is_drawn(canary, "shop", said(*turns)) == begun


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        (said(user("a")), said(user("a"), user("b")), True),
        (said(user("a")), said(user("b")), False),
        (said(SYSTEM, user("a")), said(user("a")), False),
        (said(user("a")), memoryview(b'[ {"content" : "a", "role":"user","name":"x"} ]'), True),
        (said({"role": "user", "content": [{"type": "text", "text": "a"}]}), said(user("a")), False),
        # Nobody has said anything yet: the whole is looked at.
        (said(SYSTEM), said(SYSTEM, SYSTEM), False),
        (memoryview(b'"one text"'), memoryview(b'"another"'), False),
        (memoryview(b'["a","b"]'), memoryview(b'["a","c"]'), False),
        (memoryview(b"[1,2]"), memoryview(b"[1,3]"), False),
        (memoryview(b"[]"), memoryview(b"[[]]"), False),
        (memoryview(b'[{"content":null,"role":"user"}]'), memoryview(b'[{"role":"user"}]'), True),
    ],
)
def test_a_conversation_is_known_by_what_its_user_said_first_and_what_was_before(
    one: memoryview, other: memoryview, are_equal: bool
) -> None:
    assert (digest(one, 7) == digest(other, 7)) is are_equal
    assert digest(one, 7) != digest(one, 8)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_is_sent_as_a_prompt_has_a_digest(value: Any) -> None:
    assert 0 <= digest(memoryview(json.dumps(value).encode()), 1) < 2**64


def test_requests_errors_and_first_tokens_are_counted_by_version() -> None:
    counts = Versions("r2")
    stable, canary = (Endpoint(Worker(uid, "ns", "m", uid, "10.0.0.7"), 0, 1.0) for uid in "sc")
    canary.is_canary = True
    counts.of(canary).failed()
    for seconds in (0.1, 0.1, 3.0):
        counts.of(stable).first_token(seconds)
        counts.of(stable).answered()
    assert (counts.canary.requests, counts.canary.errors, counts.canary.first_tokens) == (1, 1, {})
    assert (counts.stable.requests, counts.stable.errors) == (3, 0)
    assert sorted(Counter(counts.stable.first_tokens).values()) == [1, 2]
