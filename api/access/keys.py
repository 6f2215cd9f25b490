"""API keys: 256 random bits, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from fleet.access import ApiKey
from store.protocol import AccessStore

#: Makes a key recognisable to people, log filters and secret scanners.
PREFIX: Final = "ork_"
_RANDOM_BYTES: Final = 32
#: Longer than any key; what is longer is not hashed.
LONGEST: Final = 512


def new_key() -> str:
    """URL-safe text of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest(key: str) -> str:
    """SHA-256, hex. A fast digest is right here: there is no guessing 256 random bits, slow or fast."""
    return hashlib.sha256(key.encode()).hexdigest()


async def find_key(store: AccessStore, key: str) -> ApiKey | None:
    """The stored key of this text, unless there is none or it was revoked."""
    if not key or len(key) > LONGEST:
        return None
    return await find_digest(store, digest(key))


async def find_digest(store: AccessStore, wanted: str) -> ApiKey | None:
    """The stored key of this digest, unless there is none or it was revoked."""
    found = await store.api_key(wanted)
    if found is None or found.revoked_at is not None:
        return None
    return found if hmac.compare_digest(found.digest, wanted) else None
