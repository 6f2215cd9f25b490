"""A connection pooler for PostgreSQL on 127.0.0.1, as far as tests need one: between clients and a server it hands out the server's
sessions for a transaction at a time, as PgBouncer does with `pool_mode = transaction`, or for as long as the client stays.

Every client logs in on a session of its own, which then belongs to the pool. What a client is told of the session's process is
made up, since that process will serve others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

#: Requests to encrypt, which are declined [PostgreSQL, 55.7: SSLRequest, GSSENCRequest].
_ENCRYPTION: Final = {80877103, 80877104}
#: Authentication messages after which the server goes on by itself: Ok, SASLFinal.
_SAYS_NO_MORE: Final = {0, 12}
_IN_NO_TRANSACTION: Final = b"I"

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pooler:
    """Use it as `async with Pooler(port) as pooler`. `goes_round`: the session that was idle longest is lent next."""

    def __init__(self, target_port: int, *, shares: bool, goes_round: bool = False) -> None:
        self._target_port = target_port
        self._shares = shares
        self._goes_round = goes_round
        self._idle: deque[_Streams] = deque()
        self._is_idle = asyncio.Condition()
        self._sessions: list[_Streams] = []
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        for _, writer in self._sessions:
            writer.close()

    def through(self, url: str) -> str:
        parts = urlsplit(url)
        account = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{self.port}" if account else f"127.0.0.1:{self.port}"))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve((reader, writer)), name="client of the pooler")
        self._clients.add(task)

    async def _serve(self, client: _Streams) -> None:
        try:
            session = await self._log_in(client)
            if self._shares:
                await self._give_back(session)
            await self._relay(client, None if self._shares else session)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone
        finally:
            client[1].close()

    async def _log_in(self, client: _Streams) -> _Streams:
        start = await _untyped(client[0])
        while int.from_bytes(start[4:8], "big") in _ENCRYPTION:
            client[1].write(b"N")
            start = await _untyped(client[0])
        session = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._sessions.append(session)
        session[1].write(start)
        while True:
            kind, body = await _message(session[0])
            is_asking = kind == b"R" and int.from_bytes(body[:4], "big") not in _SAYS_NO_MORE
            made_up = b"\0\0\x27\x0f" + body[4:] if kind == b"K" else body
            client[1].write(_framed(kind, made_up))
            if is_asking:
                session[1].write(_framed(*await _message(client[0])))
            if kind == b"Z":
                return session

    async def _relay(self, client: _Streams, session: _Streams | None) -> None:
        while True:
            kind, body = await _message(client[0])
            if kind == b"X":
                return
            session = session or await self._lend()
            session[1].write(_framed(kind, body))
            if kind in {b"Q", b"S"}:
                is_over = await self._answer(session, client)
                if is_over and self._shares:
                    await self._give_back(session)
                    session = None

    async def _answer(self, session: _Streams, client: _Streams) -> bool:
        """Hand on the answer; whether no transaction is open behind it."""
        while True:
            kind, body = await _message(session[0])
            client[1].write(_framed(kind, body))
            if kind == b"Z":
                return body == _IN_NO_TRANSACTION

    async def _lend(self) -> _Streams:
        async with self._is_idle:
            await self._is_idle.wait_for(lambda: self._idle)
            return self._idle.popleft() if self._goes_round else self._idle.pop()

    async def _give_back(self, session: _Streams) -> None:
        async with self._is_idle:
            self._idle.append(session)
            self._is_idle.notify()


async def _untyped(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(int.from_bytes(size, "big") - 4)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, size = await reader.readexactly(1), await reader.readexactly(4)
    return kind, await reader.readexactly(int.from_bytes(size, "big") - 4)


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body
