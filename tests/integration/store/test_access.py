"""API keys, and the answers to requests with an Idempotency-Key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.access import ApiKey, Role
from store.protocol import AlreadyExists, NotFound, Rejected, Store
from tests.integration.store.builders import TENANT, at

MINE = ApiKey(id="k1", tenant=TENANT, role=Role.OPERATOR, digest="d1", name="my key", created_at=at(0))
OPERATORS = ApiKey(id="k0", tenant=None, role=Role.ADMIN, digest="d0", created_at=at(1))


async def test_a_key_is_found_by_its_digest_until_it_is_revoked(store: Store) -> None:
    await store.put_api_key(MINE)
    assert await store.api_key("d1") == MINE
    assert await store.api_key("d2") is None
    await store.revoke_api_key(TENANT, "k1", at(60))
    assert await store.api_key("d1") is None
    assert await store.api_keys(TENANT) == [replace(MINE, revoked_at=at(60))]
    await store.revoke_api_key(None, "k1", at(90))
    assert await store.api_keys(TENANT) == [replace(MINE, revoked_at=at(60))]


async def test_keys_are_listed_and_revoked_by_whose_they_are(store: Store) -> None:
    for key in (MINE, OPERATORS, replace(MINE, id="k2", digest="d2", tenant="other")):
        await store.put_api_key(key)
    assert [key.id for key in await store.api_keys(None)] == ["k0", "k1", "k2"]
    assert [key.id for key in await store.api_keys(TENANT)] == ["k1"]
    assert await store.api_keys("nobody") == []
    for tenant, id_ in ((TENANT, "k2"), (TENANT, "k0"), (None, "k9")):
        with pytest.raises(NotFound, match=f"no api key '{id_}'"):
            await store.revoke_api_key(tenant, id_, at(0))


async def test_a_key_is_replaced_by_its_id_and_a_digest_is_one_keys_only(store: Store) -> None:
    await store.put_api_key(MINE)
    await store.put_api_key(replace(MINE, digest="rotated", role=Role.VIEWER))
    assert await store.api_key("d1") is None
    assert await store.api_key("rotated") == replace(MINE, digest="rotated", role=Role.VIEWER)
    with pytest.raises(AlreadyExists, match="api key 'k7' exists already"):
        await store.put_api_key(replace(OPERATORS, id="k7", digest="rotated"))
    await store.put_api_key(replace(OPERATORS, created_at=None))
    ((created_at,),) = [(key.created_at,) for key in await store.api_keys(None) if key.id == "k0"]
    assert created_at is not None


async def test_the_first_answer_to_a_request_is_remembered(store: Store) -> None:
    assert await store.remembered(TENANT, "key", "POST /v1/fences a") is None
    await store.remember(TENANT, "key", "POST /v1/fences a", 201, b'{"id": "\xc3\xa4\0"}')
    await store.remember(TENANT, "key", "POST /v1/fences a", 500, b"later")
    assert await store.remembered(TENANT, "key", "POST /v1/fences a") == (201, b'{"id": "\xc3\xa4\0"}')
    assert await store.remembered("other", "key", "POST /v1/fences a") is None
    with pytest.raises(Rejected, match="used with another request"):
        await store.remembered(TENANT, "key", "POST /v1/fences b")
