"""Migrations: on an empty and on a populated database, twice, at once, and where the history is not ours."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from store.migrate import Migration, SchemaMismatch, known_migrations, migrate_database
from store.open import MEMORY_URL, migrate, open_store
from store.protocol import StoreError, Unavailable
from tests.integration.store.builders import Builder, all_rows, as_rows, at, event, fixes
from tests.integration.store.conftest import Stores


def _applied(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [version for (version,) in connection.execute("SELECT version FROM schema_migrations ORDER BY version")]


def test_an_empty_database_gets_all_of_them_once(database_url: str) -> None:
    applied = migrate_database(database_url)
    assert [migration.version for migration in applied] == list(range(1, len(applied) + 1))
    assert _applied(database_url) == [migration.version for migration in known_migrations()]
    assert migrate_database(database_url) == []


def test_two_who_migrate_at_once_do_not_get_in_each_others_way(database_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        applied = list(pool.map(migrate_database, [database_url] * 3))
    assert sorted(len(each) for each in applied) == [0, 0, len(known_migrations())]


def test_a_new_migration_is_applied_to_a_database_in_use(database_store_url: str) -> None:
    newer = [*known_migrations(), _next("ALTER TABLE vehicles ADD COLUMN plate text")]

    async def write_and_read_again() -> None:
        stores = Stores(database_store_url)
        build = Builder(await stores.open())
        (key,) = await build.keys("t1")
        batch = fixes([(key, at(second)) for second in range(50)])
        await build.commit(batch, events=[event(1)], checkpoint={key: b"state"})
        assert [each.name for each in await asyncio.to_thread(migrate_database, database_store_url, newer)] == ["next"]
        assert await all_rows(build.store) == as_rows(batch)
        await stores.close()

    asyncio.run(write_and_read_again())
    with psycopg.connect(database_store_url) as connection:
        assert connection.execute("SELECT vehicle, plate FROM vehicles").fetchall() == [("t1", None)]


def test_a_migration_that_fails_leaves_no_trace_and_can_be_mended(database_url: str) -> None:
    broken = _next("CREATE TABLE half_done (n integer); SELECT no_such_function()")
    with pytest.raises(StoreError, match="no_such_function"):
        migrate_database(database_url, [*known_migrations(), broken])
    assert _applied(database_url) == [migration.version for migration in known_migrations()]
    assert (
        len(migrate_database(database_url, [*known_migrations(), replace(broken, sql="CREATE TABLE half_done (n integer)")])) == 1
    )


def test_a_migration_that_was_changed_afterwards_is_refused(database_url: str) -> None:
    migrate_database(database_url)
    first, *rest = known_migrations()
    changed = [replace(first, sql=first.sql + "\n-- improved"), *rest]
    with pytest.raises(SchemaMismatch, match=r"migration 0001 \(fleet\) was changed after it was applied"):
        migrate_database(database_url, changed)


async def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    await asyncio.to_thread(migrate_database, database_url, [*known_migrations(), _next("SELECT 1")])
    expected = "does not know: it is older than the one that prepared the database"
    with pytest.raises(SchemaMismatch, match=expected):
        await migrate(database_url)
    with pytest.raises(SchemaMismatch, match=expected):
        await open_store(database_url)


async def test_a_database_of_an_older_version_is_refused_until_it_is_migrated(database_url: str) -> None:
    *older, last = known_migrations()
    await asyncio.to_thread(migrate_database, database_url, older)
    with pytest.raises(SchemaMismatch, match=rf"lacks migration {last.version:04} \({last.name}\) .*run `outrider migrate`"):
        await open_store(database_url)
    await migrate(database_url)
    await (await open_store(database_url)).close()


def test_a_history_with_a_gap_is_refused(database_url: str) -> None:
    migrate_database(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE version = 2")
    with pytest.raises(SchemaMismatch, match="lacks migration 0002 and has"):
        migrate_database(database_url)


async def test_there_is_nothing_to_migrate_in_memory() -> None:
    await migrate(MEMORY_URL)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        migrate_database("postgresql://nobody@127.0.0.1:1/nothing")


async def test_the_store_says_what_the_server_offers(database_stores: Stores) -> None:
    found = await (await database_stores.open()).capabilities()
    assert found.hypertables is not found.native_partitions
    assert found.hypertables is (found.timescale is not None)
    with psycopg.connect(database_stores.url) as connection:
        licence = connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    has_community_licence = licence == ("timescale",)
    assert found.compression is has_community_licence
    assert found.continuous_aggregates is has_community_licence
    assert ("hypertables" if found.hypertables else "native partitions") in found.describe()


def _next(sql: str) -> Migration:
    return Migration(version=known_migrations()[-1].version + 1, name="next", sql=sql)
