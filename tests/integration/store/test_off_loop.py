"""What is done with a connection beside the event loop: it goes on while the loop is busy, and ends when its caller gives up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from store.postgres.off_loop import OffLoop, OffLoopConnection

pytestmark = pytest.mark.postgres

_PATIENCE_S = 20.0


@pytest_asyncio.fixture
async def off_loop() -> AsyncIterator[OffLoop]:
    off_loop = OffLoop()
    yield off_loop
    await off_loop.close()


@pytest_asyncio.fixture
async def connection(postgres_url: str) -> AsyncIterator[OffLoopConnection]:
    connection = await OffLoopConnection.connect(postgres_url, autocommit=True)
    yield connection
    await connection.close()


async def test_statements_follow_each_other_while_the_event_loop_is_busy(
    postgres_url: str, connection: OffLoopConnection, off_loop: OffLoop
) -> None:
    await connection.execute("CREATE TABLE seen (number int)")

    async def work() -> int:
        await connection.execute("BEGIN")
        async with connection.cursor() as cursor, cursor.copy("COPY seen FROM STDIN") as copy:
            for number in range(1000):
                await copy.write(f"{number}\n" * 1000)
        async with connection.pipeline():
            await connection.execute("INSERT INTO seen VALUES (-1)")
            counted = await connection.execute("SELECT count(*) FROM seen")
            await connection.execute("COMMIT")
        ((count,),) = await counted.fetchall()
        return int(count)

    task = asyncio.create_task(off_loop.run(connection, work()))
    await asyncio.sleep(0)
    give_up_at = time.monotonic() + _PATIENCE_S
    with psycopg.connect(postgres_url, autocommit=True) as other:
        while other.execute("SELECT count(*) FROM seen").fetchall() == [(0,)]:
            assert time.monotonic() < give_up_at, "it waits for the event loop, which never had a turn"
    assert not task.done()
    assert await task == 1_000_001
    assert await (await connection.execute("SELECT 1")).fetchall() == [(1,)]


async def test_what_its_caller_gives_up_has_ended_when_it_returns(connection: OffLoopConnection, off_loop: OffLoop) -> None:
    ends: list[BaseException] = []

    async def work() -> None:
        try:
            await connection.execute("SELECT pg_sleep(600)")
        except psycopg.OperationalError as end:
            ends.append(end)
            raise

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await off_loop.run(connection, work())
    assert len(ends) == 1
    with pytest.raises(psycopg.OperationalError):
        await connection.execute("SELECT 1")


async def test_being_cancelled_twice_does_not_leave_it_behind(connection: OffLoopConnection, off_loop: OffLoop) -> None:
    has_ended = False

    async def work() -> None:
        nonlocal has_ended
        try:
            await connection.execute("SELECT pg_sleep(600)")
        finally:
            has_ended = True

    task = asyncio.create_task(off_loop.run(connection, work()))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert has_ended


async def test_closing_gives_up_what_is_under_way(connection: OffLoopConnection) -> None:
    off_loop = OffLoop()

    async def work() -> None:
        await connection.execute("SELECT pg_sleep(600)")

    task = asyncio.create_task(off_loop.run(connection, work()))
    await asyncio.sleep(0.1)
    await off_loop.close()
    with pytest.raises(psycopg.OperationalError):
        await task


async def test_an_error_of_the_server_reaches_the_caller_and_the_connection_goes_on(
    connection: OffLoopConnection, off_loop: OffLoop
) -> None:
    async def work() -> None:
        await connection.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await off_loop.run(connection, work())
    assert await (await connection.execute("SELECT 1")).fetchall() == [(1,)]


async def test_work_that_waits_for_something_else_is_refused(connection: OffLoopConnection, off_loop: OffLoop) -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else than its connection"):
        await off_loop.run(connection, work())
