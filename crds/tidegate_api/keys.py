"""API keys: how one is made, and the digest by which it is known.

Owns the format. Must not store, print or compare keys: a key exists once, in the hands of who asked for it.
"""

import base64
import hashlib
import secrets

from tidegate_api.names import KEY_PREFIX

KEY_BYTES = 32


def new_key() -> str:
    """Return a fresh API key: `sk-` and 32 random bytes in URL-safe base64, 46 characters in all."""
    random_part = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=")
    return KEY_PREFIX + random_part.decode("ascii")


def digest(key: str | bytes) -> str:
    """Return the lower-case hex SHA-256 of the whole key: 64 characters, as `LLMTenant.spec.keys[].sha256`.

    A plain hash is enough here: 256 random bits cannot be guessed, so there is nothing for a slow hash to protect.
    """
    return hashlib.sha256(key if isinstance(key, bytes) else key.encode("utf-8")).hexdigest()
