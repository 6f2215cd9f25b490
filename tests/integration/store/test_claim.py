"""One worker at a time: who has the claim, who stands by, and what becomes of the commits of one that lost it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

import numpy as np
import psycopg
import pytest
import pytest_asyncio

from fleet.fix import FixBatch
from store.errors import SharedSession
from store.open import open_store
from store.protocol import Rejected, Store, Superseded, Unavailable
from tests.fault_proxy import Cut, FaultProxy
from tests.integration.store.builders import Builder, all_rows, at, dead_letter, event, fixes
from tests.integration.store.conftest import Stores
from tests.integration.store.test_faults import IMPATIENT
from tests.pooler import Pooler

WORKER = "outrider-worker"
HOLDERS = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND granted AND datname = current_database()
"""


@pytest_asyncio.fixture
async def first(database_stores: Stores) -> Store:
    store = await database_stores.open()
    await store.claim(WORKER)
    return store


def end_holder(url: str) -> None:
    """As the database does when the network or a restart takes the session away; returns when the claim is free."""
    with psycopg.connect(url, autocommit=True) as connection:
        for (pid,) in connection.execute(HOLDERS).fetchall():
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


async def test_the_second_stands_by_until_the_first_ends(database_stores: Stores, first: Store) -> None:
    second = await database_stores.open()
    waiting = asyncio.create_task(second.claim(WORKER))
    build = Builder(first)
    (key,) = await build.keys("t1")
    assert (await build.commit(fixes([(key, at(0))]))).stored == 1
    assert not waiting.done()
    await first.close()
    async with asyncio.timeout(20):
        await waiting
    assert (await Builder(second).commit(fixes([(key, at(1))]))).stored == 1


async def test_workers_of_different_names_do_not_meet(database_stores: Stores, first: Store) -> None:
    other = await database_stores.open()
    async with asyncio.timeout(20):
        await other.claim("another")


async def test_a_claim_that_was_lost_and_that_nobody_had_meanwhile_is_taken_again(database_stores: Stores, first: Store) -> None:
    build = Builder(first)
    (key,) = await build.keys("t1")
    end_holder(database_stores.url)
    with pytest.raises(Unavailable):
        await build.commit(fixes([(key, at(0))]))
    assert (await build.commit(fixes([(key, at(0))]))).stored == 1
    end_holder(database_stores.url)
    with pytest.raises(Unavailable):
        await first.check_claim()
    await first.check_claim()


@pytest.mark.parametrize("ends", [False, True], ids=["another has it", "another had it"])
async def test_whoever_was_superseded_writes_nothing_more(database_stores: Stores, first: Store, ends: bool) -> None:
    build = Builder(first)
    (key,) = await build.keys("t1")
    second = await database_stores.open()
    waiting = asyncio.create_task(second.claim(WORKER))
    await asyncio.sleep(0)
    end_holder(database_stores.url)
    async with asyncio.timeout(20):
        await waiting
    if ends:
        await second.close()
    with pytest.raises(Unavailable):
        await build.commit(fixes([(key, at(0))]))
    for _ in range(2):
        with pytest.raises(Superseded, match="another worker has taken over the work of 'outrider-worker'"):
            await build.commit(fixes([(key, at(0))]))
    with pytest.raises(Superseded):
        await first.check_claim()
    assert await all_rows(first) == []


async def test_positions_are_exact_across_lost_sessions_and_restarts(database_stores: Stores, first: Store) -> None:
    """A checkpoint writes what its worker knows, and looks up what was written before, or by commits whose end it was not told."""
    names = ["t1", "t2", "t3"]
    keys = await Builder(first).keys(*names)
    random = np.random.default_rng(7)
    newest: dict[str, datetime] = {}
    worker = first
    for step in range(40):
        numbers, seconds = random.integers(0, 3, 2).tolist(), random.integers(0, 1000, 2).tolist()
        batch = fixes([(keys[number], at(second)) for number, second in zip(numbers, seconds, strict=True)])
        checkpoint: dict[int, bytes] | None = {} if step % 5 == 4 else None
        if step % 6 == 3:
            end_holder(database_stores.url)
            with pytest.raises(Unavailable):
                await Builder(worker).commit(batch, checkpoint=checkpoint)
        await Builder(worker).commit(batch, checkpoint=checkpoint)
        for number, second in zip(numbers, seconds, strict=True):
            newest[names[number]] = max(at(second), newest.get(names[number], at(0)))
        assert {place.vehicle: place.time for place in await worker.positions(None)} == newest
        if step % 7 == 6:
            await worker.close()
            worker = await database_stores.open()
            await worker.claim(WORKER)


@pytest_asyncio.fixture
async def proxied(database_stores: Stores) -> AsyncIterator[tuple[FaultProxy, Store]]:
    async with FaultProxy(urlsplit(database_stores.url).port or 5432) as proxy:
        store = await open_store(proxy.through(database_stores.url), limits=IMPATIENT)
        await store.claim(WORKER)
        yield proxy, store
        await store.close()


async def test_a_session_that_the_server_takes_for_alive_does_not_lock_its_worker_out(proxied: tuple[FaultProxy, Store]) -> None:
    """Half-open: the worker has given the session up, and the server, which was told nothing, still holds the claim for it."""
    proxy, store = proxied
    build = Builder(store)
    (key,) = await build.keys("t1")
    proxy.cut_at(b"COMMIT", Cut.SILENCE)
    with pytest.raises(Unavailable):
        await build.commit(fixes([(key, at(0))]))
    repeated = await build.commit(fixes([(key, at(0)), (key, at(1))]))
    assert (repeated.stored, repeated.duplicates) == (1, 1)


async def test_values_that_are_refused_do_not_cost_the_claim(database_stores: Stores, first: Store) -> None:
    build = Builder(first)
    second = await database_stores.open()
    waiting = asyncio.create_task(second.claim(WORKER))
    with pytest.raises(Rejected):
        await build.commit(FixBatch.empty(), dead_letters=[replace(dead_letter(), payload_bytes=2**63)])
    assert (await build.commit(dead_letters=[dead_letter()])).batch > 0
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("goes_round", [False, True], ids=["the last one first", "one after another"])
async def test_a_pooler_that_shares_sessions_is_refused_before_anything_is_claimed(
    database_stores: Stores, goes_round: bool
) -> None:
    async with Pooler(urlsplit(database_stores.url).port or 5432, shares=True, goes_round=goes_round) as pooler:
        store = await open_store(pooler.through(database_stores.url))
        with pytest.raises(SharedSession, match="a pooler that shares sessions between clients"):
            await store.claim(WORKER)
        await store.close()
        direct = await database_stores.open()
        async with asyncio.timeout(20):
            await direct.claim(WORKER)


async def test_a_pooler_that_keeps_sessions_carries_a_claim(database_stores: Stores) -> None:
    async with Pooler(urlsplit(database_stores.url).port or 5432, shares=False) as pooler:
        store = await open_store(pooler.through(database_stores.url))
        await store.claim(WORKER)
        build = Builder(store)
        assert (await build.commit(events=[event(1)])).batch > 0
        second = await database_stores.open()
        waiting = asyncio.create_task(second.claim(WORKER))
        await store.check_claim()
        assert not waiting.done()
        waiting.cancel()
        await store.close()
