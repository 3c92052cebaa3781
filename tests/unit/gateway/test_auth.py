"""Who a key belongs to."""

from dataclasses import dataclass

import pytest

from tidegate_api.keys import digest, new_key
from tidegate_gateway.auth import identify
from tidegate_gateway.directory import Caller, Directory

KEY, EXPIRING = new_key(), new_key()
DIRECTORY = Directory(
    {
        digest(KEY): Caller(digest(KEY), "ns", "team", "high", -100, None),
        digest(EXPIRING): Caller(digest(EXPIRING), "ns", "ci", "low", 0, 1000.0),
    }
)


@dataclass(frozen=True)
class Case:
    name: str
    header: bytes | None
    tenant: str | None
    now: float = 0.0

    def __str__(self) -> str:
        return self.name


@pytest.mark.parametrize(
    "case",
    [
        Case("a known key is its tenant's", b"Bearer " + KEY.encode(), "team"),
        Case("the scheme may be written in any case", b"bEaReR " + KEY.encode(), "team"),
        Case("spaces around a key do not matter", b"Bearer  " + KEY.encode() + b" ", "team"),
        Case("a key is good until it expires", b"Bearer " + EXPIRING.encode(), "ci", now=1000.0),
        Case("an expired key is nobody's", b"Bearer " + EXPIRING.encode(), None, now=1000.1),
        Case("no header is nobody", None, None),
        Case("an empty header is nobody", b"", None),
        Case("another scheme is nobody", b"Basic " + KEY.encode(), None),
        Case("a bare key is nobody", KEY.encode(), None),
        Case("an unknown key is nobody", b"Bearer " + new_key().encode(), None),
        Case("a key with one letter more is nobody", b"Bearer " + KEY.encode() + b"A", None),
        Case("a key in another case is nobody", b"Bearer sk-" + KEY[3:].swapcase().encode(), None),
        Case("a digest is not a key", b"Bearer " + digest(KEY).encode(), None),
        Case("an endless key is not even hashed", b"Bearer sk-" + b"A" * 10_000, None),
        Case("bytes that are not ASCII are nobody", b"Bearer sk-\xff\xfe", None),
    ],
    ids=str,
)
def test_identify(case: Case) -> None:
    found = identify(case.header, DIRECTORY, case.now)
    assert (found.tenant if found else None) == case.tenant


def test_without_a_key_one_is_anonymous_where_that_is_allowed_and_a_wrong_key_never_is() -> None:
    public = Caller("", "ns", "public", "low", 0, None)
    directory = Directory(anonymous=public)
    assert identify(None, directory, 0.0) is public
    assert identify(b"Bearer " + KEY.encode(), directory, 0.0) is None
    assert identify(b"", directory, 0.0) is None
