"""Whether a connection is a session of its own: what a lock of the session can be trusted on.

A pooler between us and the server may lend a session of the server to one client for a transaction and to another for the next
(PgBouncer with `pool_mode = transaction`). A lock that belongs to such a session belongs to nobody: two workers "hold" it, or
it outlives its worker. Known by what cannot be otherwise:

1. The process id that the connection was told when it was made is that of the session's process: directly connected. A pooler
   tells one of its own making, since it does not know yet whom it will ask.
2. Else sessions are shared where ours changes from one transaction to the next (a pooler that goes round its idle sessions), or
   where another connection of ours, in its transaction, is on the one that we have just left (a pooler that lends the last one
   first, as PgBouncer does unless told otherwise).
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import Final

from psycopg import AsyncConnection

from store.errors import SharedSession
from store.postgres.database import Connection, rows
from store.postgres.queries import Queries

log = logging.getLogger(__name__)

_SQL: Final = Queries("claim")
#: As many transactions are opened beside the connection, and it is asked as often before each.
_OTHERS: Final = 3


async def refuse_shared(connection: Connection, conninfo: str) -> None:
    """Raise SharedSession where a pooler lends the session to other clients between our transactions."""
    process = await _process(connection)
    if process == connection.info.backend_pid:
        return
    async with AsyncExitStack() as stack:
        for _ in range(_OTHERS):
            other = await stack.enter_async_context(await AsyncConnection.connect(conninfo))
            before = [await _process(connection) for _ in range(_OTHERS)]
            beside, after = await _process(other), await _process(connection)
            if beside == process or {process, after, *before} != {process}:
                raise SharedSession
    log.info("a pooler stands before the database; it keeps the worker's session to itself")


async def _process(connection: Connection) -> int:
    """The id of the server's process that answers just now; begins a transaction, unless the connection commits by itself."""
    ((process,),) = await rows(connection, _SQL["process"])
    return int(process)
