"""Who is calling: from an Authorization header to a tenant.

Owns the reading of keys. Must not log them, tell apart why one is refused, or know any route.
"""

import hmac
from typing import Final

from tidegate_api.keys import digest
from tidegate_api.names import KEY_PREFIX
from tidegate_gateway.directory import Caller, Directory

SCHEME: Final = b"bearer "
PREFIX: Final = KEY_PREFIX.encode()
# Ours have 46; the bound only keeps hashing cheap.
LONGEST_KEY: Final = 256
UNKNOWN: Final = "0" * 64


def identify(authorization: bytes | None, directory: Directory, now: float) -> Caller | None:
    """Return who holds the key in this header at the Unix time `now`, or None whatever is wrong with it.

    Only a request without the header is anonymous: a wrong key is told so, never served as somebody else's.
    """
    if authorization is None:
        return directory.anonymous
    # The same steps whatever is wrong: nobody can tell by the time whether a key was malformed, unknown or revoked.
    key = authorization[len(SCHEME) :].strip(b" ")
    known_as = digest(key[:LONGEST_KEY])
    caller = directory.callers.get(known_as)
    is_same = hmac.compare_digest(known_as, UNKNOWN if caller is None else caller.digest)
    is_formed = (authorization[: len(SCHEME)].lower() == SCHEME) & key.startswith(PREFIX)
    if caller is None or not (is_same and is_formed) or len(key) > LONGEST_KEY:
        return None
    return None if caller.is_expired(now) else caller
