"""The claim of a worker to its work, and the one connection on which it commits.

Engines keep their state in memory, so two workers that take turns at the messages of one session find other things than one that
sees them all. Only one may work, and what another has still under way when the work changes hands must not be written after that.
Both follow from one rule: the claim is an advisory lock of the very session on which commits are made.

1. Nobody else has it: a worker gets it and keeps it as long as its session lives.
2. Another has it: stand by, and ask again; when that worker ends or dies, its session ends, and with it its claim.
3. The session is lost, and the claim is free: take it again and go on, where nobody had it in between (claims are counted).
4. The session is lost, and the server does not know yet (half-open): the former session is ended, by its process id and its start.
5. The session is lost, and another worker has the claim, or had it: Superseded. A commit that was under way on the lost session
   was over, or undone, before the claim was free.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from store.errors import Superseded
from store.postgres.database import Connection, Database, configure, rows
from store.postgres.off_loop import OffLoopConnection
from store.postgres.queries import Queries
from store.postgres.session import refuse_shared
from store.postgres.translation import translated

log = logging.getLogger(__name__)

_SQL: Final = Queries("claim")
#: How often whoever stands by asks.
_ASK_INTERVAL_S: Final = 0.25
#: A session that is asked whether it still is there answers within this time, or is given up.
_ALIVE_S: Final = 10.0


class Claim:
    """Without a claim (`take` was never called) commits go over any connection of the pool."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._worker: str | None = None
        self._is_held = False
        #: Of the claims on this work, the number of ours.
        self._number = 0
        self._connection: OffLoopConnection | None = None
        #: (process id, start) of the session that held the claim last.
        self._session: tuple[int, Any] | None = None

    @property
    def is_taken(self) -> bool:
        """Whether nobody else commits as long as we can."""
        return self._worker is not None

    async def take(self, worker: str) -> None:
        """Return when the work is ours alone, however long another has it. Raises Unavailable, and SharedSession where the
        connection could not hold a claim."""
        self._worker = worker
        is_told = is_judged = False
        while True:
            async with self._turn:
                with translated():
                    async with asyncio.timeout(self._database.limits.answer_s):
                        connection = await self._session_to_ask()
                        if not is_judged:
                            await refuse_shared(connection, self._database.conninfo)
                            is_judged = True
                        if await self._is_ours(connection):
                            self._number = await self._one(connection, "count")
                            self._is_held = True
                            return
            if not is_told:
                log.warning("another worker does the work of %r: standing by until it ends", worker)
                is_told = True
            await asyncio.sleep(_ASK_INTERVAL_S)

    @asynccontextmanager
    async def connection(self, *, untranslated: tuple[type[Exception], ...] = ()) -> AsyncIterator[OffLoopConnection]:
        """Where to commit, as `Database.connection`. Raises Superseded where another worker has taken over."""
        if self._worker is None:
            async with self._database.connection(untranslated=untranslated) as connection:
                yield connection
            return
        async with self._turn:
            with translated(untranslated=untranslated):
                async with asyncio.timeout(self._database.limits.answer_s):
                    connection = await self._regained()
                    try:
                        yield connection
                    except BaseException as problem:
                        await self._clean_up(connection, problem)
                        raise

    async def check(self) -> None:
        """Ask whether the session is still there, unless it is busy; mend it if not. Raises Superseded, Unavailable."""
        if self._worker is None or self._turn.locked():
            return
        async with self.connection() as connection, asyncio.timeout(_ALIVE_S):
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        """Let go of the claim."""
        if self._connection is not None:
            await self._connection.close()

    async def _regained(self) -> OffLoopConnection:
        connection = await self._session_to_ask()
        if not self._is_held:
            if not await self._is_ours(connection) or await self._one(connection, "counted") != self._number:
                await connection.close()
                raise Superseded(self._worker or "")
            self._is_held = True
        return connection

    async def _session_to_ask(self) -> OffLoopConnection:
        if self._connection is None or self._connection.closed:
            self._is_held = False
            self._connection = await OffLoopConnection.connect(self._database.conninfo, autocommit=True)
            await configure(self._connection)
        return self._connection

    async def _is_ours(self, connection: Connection) -> bool:
        """Take the claim where it is free, or still held by a session that was ours."""
        if not await self._try(connection):
            if self._session is None:
                return False
            # It waits until that session has ended, and answers with nothing where it was not ours (any more).
            await connection.execute(_SQL["end_session"], {"pid": self._session[0], "start": self._session[1]})
            if not await self._try(connection):
                return False
        ((pid, start),) = await rows(connection, _SQL["session"])
        self._session = (pid, start)
        return True

    async def _try(self, connection: Connection) -> bool:
        return bool(await self._one(connection, "try"))

    async def _one(self, connection: Connection, query: str) -> int:
        """The single value of a query about this work; 0 where there is none."""
        cursor = await connection.execute(_SQL[query], {"worker": self._worker})
        row = await cursor.fetchone()
        return int(row[0]) if row is not None else 0

    async def _clean_up(self, connection: Connection, problem: BaseException) -> None:
        """Keep the session where its state is known, since the claim hangs on it."""
        if isinstance(problem, Exception) and not connection.closed:
            try:
                if connection.info.transaction_status != TransactionStatus.IDLE:
                    await connection.rollback()
            except psycopg.Error as failure:
                log.info("the session of the commits is given up: %s", failure)
            else:
                return
        await connection.close()
