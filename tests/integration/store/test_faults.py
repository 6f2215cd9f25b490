"""The database goes away, at the worst moments: a commit is all or nothing, and repeating it is harmless."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
import pytest_asyncio

from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.subscription import Subscription
from store.migrate import migrate_database
from store.open import open_store
from store.postgres.database import Limits
from store.protocol import Commit, Rejected, Store, StoreError, Unavailable
from tests.fault_proxy import Cut, FaultProxy
from tests.integration.store.builders import TENANT, Builder, all_rows, as_rows, at, dead_letter, event, fixes, visit
from tests.integration.store.conftest import Stores
from tests.realparts.databases import Databases
from tests.realparts.postgres import PostgresServer

#: Short enough for a test that waits for them to run out.
IMPATIENT = Limits(connect_s=2, wait_for_connection_s=2.0, statement_s=2.0, answer_s=3.0, reachable_s=1.0)


@pytest_asyncio.fixture
async def proxied(database_store_url: str) -> AsyncIterator[tuple[FaultProxy, Store]]:
    async with FaultProxy(urlsplit(database_store_url).port or 5432) as proxy:
        store = await open_store(proxy.through(database_store_url), limits=IMPATIENT)
        yield proxy, store
        await store.close()


@pytest.fixture
def own_server(start_postgres: Callable[..., PostgresServer]) -> Iterator[tuple[PostgresServer, str]]:
    """A server to be killed and frozen, and a migrated database on it."""
    server = start_postgres()
    with Databases(server).fresh() as url:
        migrate_database(url)
        yield server, url


def _commit(keys: list[int]) -> Commit:
    found = Outcome(events=[event(1), event(2)], visits=[visit(1)])
    batch = fixes([(key, at(second)) for key in keys for second in range(100)])
    return Commit(fixes=batch, outcome=found, dead_letters=[dead_letter()], checkpoint_vehicles={keys[0]: b"state"})


@pytest.mark.parametrize("cut", [Cut.BEFORE_SERVER, Cut.AFTER_SERVER, Cut.SILENCE])
async def test_a_commit_whose_answer_is_lost_may_be_repeated(proxied: tuple[FaultProxy, Store], cut: Cut) -> None:
    proxy, store = proxied
    await store.subscriptions.create(Subscription(id="w", tenant=TENANT, url="u"))
    commit = _commit(await Builder(store).keys("t1", "t2"))
    proxy.cut_at(b"COMMIT", cut)
    with pytest.raises(Unavailable):
        await store.commit(commit)
    assert proxy.cuts == 1
    is_in_doubt = cut is not Cut.BEFORE_SERVER
    repeated = await store.commit(commit)
    assert repeated.stored == (0 if is_in_doubt else 200)
    assert len(repeated.new_events) == (0 if is_in_doubt else 2)
    assert await all_rows(store) == as_rows(commit.fixes)
    assert [numbered.event for numbered in await store.events(None, limit=9)] == [event(1), event(2)]
    assert await store.visits(None, limit=9) == [visit(1)]
    assert [letter.times for _, letter in await store.dead_letters(None, limit=9)] == [1]
    assert {place.vehicle: place.time for place in await store.positions(None)} == {"t1": at(99), "t2": at(99)}
    assert len(await store.claim_alerts(at(10**9), limit=9, lease_s=1)) == 2


async def test_a_connection_that_is_cut_within_the_fixes_leaves_nothing(proxied: tuple[FaultProxy, Store]) -> None:
    proxy, store = proxied
    commit = _commit(await Builder(store).keys("t1", "t2"))
    proxy.cut_at(b"PGCOPY", Cut.BEFORE_SERVER)
    with pytest.raises(Unavailable):
        await store.commit(commit)
    assert await all_rows(store) == []
    assert await store.last_seq() == 0
    assert (await store.commit(commit)).stored == 200


async def test_positions_are_exact_after_a_commit_in_doubt(proxied: tuple[FaultProxy, Store]) -> None:
    """The next checkpoint must not leave out what a commit wrote whose answer was lost."""
    proxy, store = proxied
    build = Builder(store)
    (key,) = await build.keys("t1")
    await build.commit(fixes([(key, at(0))]), checkpoint={})
    proxy.cut_at(b"COMMIT", Cut.AFTER_SERVER)
    with pytest.raises(Unavailable):
        await build.commit(fixes([(key, at(50))]))
    await build.commit(fixes([(key, at(10))]), checkpoint={})
    assert [place.time for place in await store.positions(None)] == [at(50)]


async def test_whoever_follows_changes_is_told_to_reload_after_a_gap(database_stores: Stores) -> None:
    store = await database_stores.open()
    changes = store.changes()
    assert (await asyncio.wait_for(anext(changes), 20)).kind == "*"
    with psycopg.connect(database_stores.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert (await asyncio.wait_for(anext(changes), 20)).kind == "*"
    await store.register([(TENANT, "t1")], quarantine=False)
    await store.vehicles.delete(TENANT, "t1")
    assert (await asyncio.wait_for(anext(changes), 20)).id == "t1"


@pytest.mark.postgres
async def test_a_database_that_is_killed_and_comes_back_is_found_again(own_server: tuple[PostgresServer, str]) -> None:
    server, url = own_server
    store = await open_store(url, limits=IMPATIENT, pool_size=3)
    commit = _commit(await Builder(store).keys("t1"))
    await store.commit(commit)
    server.kill()
    assert not await store.is_reachable()
    later = replace(commit, fixes=fixes([(int(commit.fixes.vehicle[0]), at(500))]))
    with pytest.raises(Unavailable):
        await store.commit(later)
    with pytest.raises(Unavailable):
        await store.positions(None)
    with pytest.raises(Unavailable):
        await open_store(url, limits=IMPATIENT)
    server.start()
    assert await _until_written(store, later) == 1
    assert await store.is_reachable()
    assert len(await all_rows(store)) == 101
    await store.close()


@pytest.mark.postgres
async def test_a_database_that_is_frozen_does_not_hold_anybody_for_ever(own_server: tuple[PostgresServer, str]) -> None:
    server, url = own_server
    store = await open_store(url, limits=IMPATIENT, pool_size=3)
    commit = _commit(await Builder(store).keys("t1"))
    server.suspend()
    try:
        assert not await store.is_reachable()
        with pytest.raises(Unavailable):
            await store.commit(commit)
    finally:
        server.resume()
    assert await _until_written(store, commit) in {0, 100}
    assert len(await all_rows(store)) == 100
    await store.close()


async def _until_written(store: Store, commit: Commit) -> int:
    async with asyncio.timeout(60):
        while True:
            try:
                return (await store.commit(commit)).stored
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_a_closed_store_says_so(database_stores: Stores) -> None:
    store = await database_stores.open()
    await store.close()
    with pytest.raises(Unavailable, match="the store is closed"):
        await store.positions(None)


async def test_a_database_that_was_never_migrated_is_refused(postgres_url: str, timescale_url: str) -> None:
    for url in (postgres_url, timescale_url):
        with pytest.raises(StoreError, match="run `outrider migrate`"):
            await open_store(url)


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "nonsense", ""])
async def test_a_url_of_no_database_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StoreError, match="a database URL begins with postgresql://") as caught:
        await open_store(url)
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_stays_secret() -> None:
    with pytest.raises(Unavailable) as caught:
        await open_store("postgresql://u:very-secret@127.0.0.1:1/d", limits=IMPATIENT)
    assert "very-secret" not in str(caught.value)


async def test_values_out_of_range_are_rejected_and_the_store_goes_on(database_stores: Stores) -> None:
    store = await database_stores.open()
    build = Builder(store)
    bad = replace(dead_letter(), payload_bytes=2**63)
    with pytest.raises(Rejected):
        await build.commit(FixBatch.empty(), dead_letters=[bad])
    assert (await build.commit(dead_letters=[dead_letter()])).batch > 0
