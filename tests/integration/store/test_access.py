"""API keys, and the answers to requests with an Idempotency-Key."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleet.access import ApiKey, Role
from store.protocol import AlreadyExists, NotFound, Rejected, Store, UnderWay
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


async def test_a_request_is_worked_on_by_one_and_its_first_answer_remembered(store: Store) -> None:
    assert await store.take_request(TENANT, "key", "POST /v1/fences a", holder="one", for_s=60) is None
    with pytest.raises(UnderWay, match="still being worked on"):
        await store.take_request(TENANT, "key", "POST /v1/fences a", holder="two", for_s=60)
    await store.remember(TENANT, "key", "POST /v1/fences a", 201, b'{"id": "\xc3\xa4\0"}')
    await store.remember(TENANT, "key", "POST /v1/fences a", 500, b"later")
    answered = await store.take_request(TENANT, "key", "POST /v1/fences a", holder="two", for_s=60)
    assert answered == (201, b'{"id": "\xc3\xa4\0"}')
    assert await store.take_request("other", "key", "POST /v1/fences a", holder="two", for_s=60) is None
    with pytest.raises(Rejected, match="used with another request"):
        await store.take_request(TENANT, "key", "POST /v1/fences b", holder="two", for_s=60)


async def test_a_failed_request_frees_its_key_and_nobody_elses(store: Store) -> None:
    assert await store.take_request(TENANT, "key", "a", holder="one", for_s=60) is None
    await store.release_request(TENANT, "key", "another")
    await store.release_request("nobody", "key", "one")
    with pytest.raises(UnderWay):
        await store.take_request(TENANT, "key", "a", holder="two", for_s=60)
    await store.release_request(TENANT, "key", "one")
    assert await store.take_request(TENANT, "key", "b", holder="two", for_s=60) is None
    await store.remember(TENANT, "key", "b", 201, b"made")
    await store.release_request(TENANT, "key", "two")
    assert await store.take_request(TENANT, "key", "b", holder="three", for_s=60) == (201, b"made")


async def test_the_key_of_a_dead_process_is_taken_over_for_the_same_request(store: Store) -> None:
    assert await store.take_request(TENANT, "key", "a", holder="dead", for_s=0) is None
    with pytest.raises(Rejected):
        await store.take_request(TENANT, "key", "b", holder="two", for_s=60)
    assert await store.take_request(TENANT, "key", "a", holder="two", for_s=60) is None
    with pytest.raises(UnderWay):
        await store.take_request(TENANT, "key", "a", holder="three", for_s=60)
    await store.release_request(TENANT, "key", "dead")
    with pytest.raises(UnderWay):
        await store.take_request(TENANT, "key", "a", holder="three", for_s=60)


async def test_of_many_at_once_one_works_on_a_request(store: Store) -> None:
    async def take(holder: str) -> bool:
        try:
            return await store.take_request(TENANT, "key", "a", holder=holder, for_s=60) is None
        except UnderWay:
            return False

    assert sum(await asyncio.gather(*(take(f"h{number}") for number in range(12)))) == 1
