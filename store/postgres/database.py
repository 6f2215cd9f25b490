"""The way to the server: the pool of connections, their settings, their time limits, and the translation of their errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool

from store.errors import Unavailable
from store.postgres import arrays
from store.postgres.off_loop import OffLoopConnection
from store.postgres.translation import translated
from store.storable import dump_json

Connection = AsyncConnection[tuple[Any, ...]]
Params = Mapping[str, Any] | Sequence[Any]

#: A dead peer is noticed within idle + count x interval seconds, also where nothing is being sent.
_KEEPALIVE: Final = {
    "keepalives": "1",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
#: A connection that answered so lately is used again without a look at it.
_TRUSTED_S: Final = 1.0
#: Rows that are fetched before other tasks of the event loop have their turn.
_STREAM_ROWS: Final = 5_000
#: Sorts and hashes of a million vehicles stay in memory.
_STREAM_MEMORY: Final = "SET LOCAL work_mem = '64MB'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Time limits in seconds. The server stops a statement at `statement_s`; the client gives up on the server, should it
    not even do that, at `answer_s`."""

    connect_s: int = 5
    wait_for_connection_s: float = 10.0
    statement_s: float = 60.0
    answer_s: float = 75.0
    reachable_s: float = 3.0


class Database:
    def __init__(self, url: str, *, pool_size: int, limits: Limits, application_name: str = "outrider") -> None:
        self.limits = limits
        #: When each connection answered last, in monotonic seconds.
        self._used_at_s: WeakKeyDictionary[AsyncConnection[Any], float] = WeakKeyDictionary()
        self.conninfo = _conninfo(url, limits, application_name)
        self._pool = AsyncConnectionPool(
            self.conninfo,
            connection_class=OffLoopConnection,
            min_size=1,
            max_size=max(1, pool_size),
            open=False,
            timeout=limits.wait_for_connection_s,
            #: Callers that wait for a connection; more are told Unavailable at once.
            max_waiting=1000,
            configure=configure,
            check=self._check,
            kwargs={"autocommit": True},
            name="outrider-store",
        )

    async def open(self) -> None:
        """Raises Unavailable where no connection can be made."""
        with translated():
            await self._pool.open()
            try:
                await self._pool.wait(timeout=self.limits.connect_s + 1)
            except BaseException:
                await self._pool.close()
                raise

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self, *, untranslated: tuple[type[Exception], ...] = ()) -> AsyncIterator[OffLoopConnection]:
        """A connection in autocommit mode; a transaction that is left open by an error is rolled back.

        `untranslated` driver errors reach the caller, who knows what to do about them.
        """
        with translated(untranslated=untranslated):
            async with asyncio.timeout(self.limits.answer_s), self._pool.connection() as connection:
                yield connection
                self._used_at_s[connection] = time.monotonic()

    async def _check(self, connection: AsyncConnection[Any]) -> None:
        """Whether a connection from the pool still works; a round trip that each commit would pay, so one that has just worked is
        trusted. (Should it have died in that second, its next user is told Unavailable.)"""
        if time.monotonic() - self._used_at_s.get(connection, -_TRUSTED_S) >= _TRUSTED_S:
            await AsyncConnectionPool.check_connection(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, query: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, in a transaction of its own."""
        async with self.connection() as connection:
            return await rows(connection, query, params)

    async def fetch_one(self, query: str, params: Params = ()) -> tuple[Any, ...] | None:
        found = await self.fetch(query, params)
        return found[0] if found else None

    async def execute(self, query: str, params: Params = ()) -> int:
        """The number of rows that a statement touched."""
        async with self.connection() as connection:
            return (await connection.execute(query, params, binary=True)).rowcount

    async def stream(self, query: str, params: Params = ()) -> AsyncIterator[list[tuple[Any, ...]]]:
        """The rows of a large result by blocks, so that neither memory nor the event loop is taken by all of them at once.

        The time limit is one of each step: what the caller does with a block does not count.
        """
        limit_s = self.limits.answer_s
        with translated():
            async with (
                self._pool.connection() as connection,
                connection.transaction(),
                connection.cursor("stream", binary=True) as cursor,
            ):
                async with asyncio.timeout(limit_s):
                    await connection.execute(_STREAM_MEMORY)
                    await cursor.execute(query, params)
                while True:
                    # Not `wait_for`: Python 3.11's loses a cancellation that comes together with its result.
                    async with asyncio.timeout(limit_s):
                        block = await cursor.fetchmany(_STREAM_ROWS)
                    if not block:
                        return
                    yield block

    async def is_reachable(self) -> bool:
        """By a connection of its own: a pool that is busy is no reason to call the database dead."""
        try:
            with translated():
                async with asyncio.timeout(self.limits.reachable_s):
                    connection = await AsyncConnection.connect(self.conninfo, autocommit=True)
                    async with connection:
                        await connection.execute("SELECT 1")
        except Unavailable:
            return False
        return True


async def rows(connection: Connection, query: str, params: Params = ()) -> list[tuple[Any, ...]]:
    """All rows of a query on this connection, in binary."""
    cursor = await connection.execute(query, params, binary=True)
    return await cursor.fetchall()


async def configure(connection: AsyncConnection[Any]) -> None:
    """What every connection of ours knows."""
    arrays.adapt(connection)
    set_json_loads(orjson.loads, connection)
    set_json_dumps(dump_json, connection)


def _conninfo(url: str, limits: Limits, application_name: str) -> str:
    """The URL with our settings where it names none itself."""
    named = conninfo_to_dict(url)
    ours: dict[str, str] = {
        "application_name": application_name,
        "connect_timeout": str(limits.connect_s),
        **_KEEPALIVE,
        "options": (
            f"-c statement_timeout={int(limits.statement_s * 1000)}"
            f" -c idle_in_transaction_session_timeout={int(limits.statement_s * 1000)} -c timezone=UTC"
            # Our statements are short or read everything once: compiling them costs more than it saves.
            " -c jit=off"
            # The server notices a client that is gone without a word, and lets go of what it held, as soon as the client would.
            " -c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
        ),
    }
    missing = {name: value for name, value in ours.items() if name not in named}
    if "options" in named:
        missing["options"] = f"{ours['options']} {named['options']}"
    return make_conninfo(url, **missing)
