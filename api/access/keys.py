"""API keys: 256 random bits, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from fleet.access import ApiKey, Role
from fleet.event import content_id
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


async def ensure_admin_key(store: AccessStore, key: str | None, now: datetime) -> str | None:
    """See to it that an administrator can come in. With `key` (OUTRIDER_ADMIN_KEY) that one is valid from now on; without,
    one is made if there is no valid administrator's key for all tenants yet, and answered, to be printed once."""
    if key is None:
        known = await store.api_keys(None)
        if any(one.role is Role.ADMIN and one.tenant is None and one.revoked_at is None for one in known):
            return None
    text = key or new_key()
    if await find_key(store, text) is None:
        admin = ApiKey(
            id=content_id("key", digest(text))[:16],
            tenant=None,
            role=Role.ADMIN,
            digest=digest(text),
            name="first admin",
            created_at=now,
        )
        await store.put_api_key(admin)
    return None if key else text
