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


def identify(authorization: bytes | None, directory: Directory, now: float) -> Caller | None:
    """Return who holds the key in this header at the Unix time `now`, or None whatever is wrong with it.

    Only a request without the header is anonymous: a wrong key is told so, never served as somebody else's.
    """
    if authorization is None:
        return directory.anonymous
    if authorization[:7].lower() != SCHEME:
        return None
    key = authorization[7:].strip(b" ")
    if not key.startswith(PREFIX) or len(key) > LONGEST_KEY:
        return None
    known_as = digest(key)
    caller = directory.callers.get(known_as)
    if caller is None or not hmac.compare_digest(known_as, caller.digest):
        return None
    return None if caller.is_expired(now) else caller
