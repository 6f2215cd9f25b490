"""The first API keys: the administrator's, and those that a start makes for its own children."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from fleet.access import ApiKey, Role
from outrider.settings import Settings
from store.protocol import AccessStore

#: Keys are recognisable, so that a scanner (and our log filter) can find a leaked one.
_PREFIX = "ork_"


def new_key() -> str:
    """A key with 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What the store keeps of a key: SHA-256, hex."""
    return hashlib.sha256(key.encode()).hexdigest()


async def ensure_admin_key(store: AccessStore, settings: Settings, now: datetime) -> str | None:
    """Make sure that an administrator can come in. Returns a key that was made just now and must be shown, once."""
    if settings.admin_key is not None:
        await _put(store, "admin", settings.admin_key.get_secret_value(), Role.ADMIN, "OUTRIDER_ADMIN_KEY", now)
        return None
    if any(key.role is Role.ADMIN and key.revoked_at is None for key in await store.api_keys(None)):
        return None
    key = new_key()
    await _put(store, "admin", key, Role.ADMIN, "first administrator", now)
    return key


async def make_key(store: AccessStore, *, identifier: str, role: Role, name: str, tenant: str | None, now: datetime) -> str:
    """A new key under this id; an earlier one of the same id stops working."""
    key = new_key()
    await _put(store, identifier, key, role, name, now, tenant)
    return key


async def _put(
    store: AccessStore, identifier: str, key: str, role: Role, name: str, now: datetime, tenant: str | None = None
) -> None:
    await store.put_api_key(ApiKey(id=identifier, tenant=tenant, role=role, digest=digest(key), name=name, created_at=now))


def new_key_id() -> str:
    """What a key is called in lists; says nothing about the key."""
    return f"key-{secrets.token_hex(4)}"
