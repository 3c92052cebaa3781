"""Who guesses keys is told to wait, whoever has a right one is not, and neither costs memory or tells anything."""

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_api.keys import digest, new_key
from tidegate_gateway.auth import identify
from tidegate_gateway.directory import Caller, Directory
from tidegate_gateway.guesses import MOST_ADDRESSES, MOST_WRONG, WINDOW_SECONDS, Guesses, network

KEY, EXPIRED = new_key(), new_key()
DIRECTORY = Directory(
    {
        digest(KEY): Caller(digest(KEY), "ns", "team", "high", -100, None),
        digest(EXPIRED): Caller(digest(EXPIRED), "ns", "ci", "low", 0, 1.0),
    }
)
NOW = 1000.0
WRONG = {
    "an unknown key": new_key(),
    "a revoked key": new_key(),
    "a key with one letter less": KEY[:-1],
    "a key with one letter more": KEY + "A",
    "half a key": KEY[:20],
    "no prefix": KEY[3:],
    "an empty key": "",
    "a long key": "sk-" + "a" * 200,
    "spaces": "   ",
    "not base64": "sk-" + "%" * 43,
}


def trace(header: bytes) -> list[tuple[str, str]]:
    """Return every call that is made to find out whose key this is."""
    made: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, of: Any) -> None:
        if event in {"call", "c_call"}:
            made.append((event, of.__name__ if event == "c_call" else frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        found = identify(header, DIRECTORY, NOW)
    finally:
        sys.setprofile(before)
    assert found is None
    return made


@pytest.mark.parametrize("key", WRONG.values(), ids=WRONG)
def test_every_wrong_key_takes_the_same_steps(key: str) -> None:
    steps = trace(b"Bearer " + key.encode())
    assert steps == trace(b"Bearer " + new_key().encode())
    assert ("call", "digest") in steps


def test_another_scheme_takes_the_same_steps() -> None:
    assert trace(b"Basic  " + KEY.encode()) == trace(b"Bearer " + new_key().encode())


def test_ten_thousand_guesses_within_a_minute_are_told_to_wait_but_for_twenty() -> None:
    locked: list[str] = []
    guesses = Guesses(locked.append)
    told = [guesses.refuse("192.0.2.1", NOW + i * 0.005) for i in range(10_000)]
    assert [problem.status for problem in told] == [401] * MOST_WRONG + [429] * (10_000 - MOST_WRONG)
    assert locked == ["192.0.2.1"], "it is told once"
    waits = [int(dict(problem.headers)["retry-after"]) for problem in told[MOST_WRONG:]]
    assert (waits[0], waits[-1]) == (60, 10)
    assert told[-1].close
    assert ("x-should-retry", "false") in told[-1].headers


def test_after_a_minute_it_is_told_as_before_and_guessing_on_does_not_prolong_it() -> None:
    guesses = Guesses(lambda _: None)
    for i in range(1000):
        guesses.refuse("192.0.2.1", NOW + i * WINDOW_SECONDS / 1000)
    assert guesses.refuse("192.0.2.1", NOW + WINDOW_SECONDS).status == 401


def test_one_address_says_nothing_of_another() -> None:
    guesses = Guesses(lambda _: None)
    for _ in range(100):
        guesses.refuse("192.0.2.1", NOW)
    assert guesses.refuse("192.0.2.2", NOW).status == 401


def test_all_wrong_keys_within_the_bound_are_told_the_same() -> None:
    guesses = Guesses(lambda _: None)
    assert len({id(guesses.refuse("192.0.2.1", NOW)) for _ in range(MOST_WRONG)}) == 1


ADDRESSES = {
    "all of IPv4": ("192.0.2.1", "192.0.2.1"),
    "IPv4 in IPv6": ("::ffff:192.0.2.1", "192.0.2.1"),
    "64 bits of IPv6": ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    "without its zone": ("fe80::1%eth0", "fe80::/64"),
    "a socket of this machine": ("", ""),
}


@pytest.mark.parametrize(("address", "known_as"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_is_known_by(address: str, known_as: str) -> None:
    assert network(address) == known_as


@given(st.ip_addresses().map(str))
def test_any_address_has_one_network_in_which_it_is(address: str) -> None:
    assert network(network(address).partition("/")[0]) == network(address)


def test_memory_is_bounded_whoever_sends() -> None:
    locked: list[str] = []
    guesses = Guesses(locked.append)
    for i in range(3 * MOST_ADDRESSES):
        guesses.refuse(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", NOW + i * 1e-4)
        assert len(guesses) <= MOST_ADDRESSES
    guesses.refuse("192.0.2.1", NOW + 2 * WINDOW_SECONDS)
    assert len(guesses) == 1, "those whose minute is over are dropped"
