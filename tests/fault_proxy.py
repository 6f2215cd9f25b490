"""One TCP proxy on 127.0.0.1 that misbehaves on demand, between any client and any server: it knows nothing of MQTT or PostgreSQL.

| fault                     | what the two sides see                                                                   |
|---------------------------|------------------------------------------------------------------------------------------|
| `cut()`                   | every connection ends without a word                                                     |
| `cut_within(side, n)`     | the connection that carries the n-th byte towards that side from now on ends behind it   |
| `cut_at(text, moment)`    | the connection on which the client sends that text ends before or after the server has it |
| `freeze()`                | half-open: what is open stays open, what either side sends is swallowed                  |
| `drip(n, pause_s)`        | n bytes at a time, with a pause after each                                               |
| `shut()`                  | the client's machine is gone: nothing is open, nobody is let in                          |

Faults hit the connections of that moment; new ones are sound again, except that `drip` lasts until it is called off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_READ_BYTES = 1 << 16
#: What was let through may take so long to arrive, before it is given up.
_FLUSH_S = 1.0


class Side(Enum):
    """Whom bytes are on their way to."""

    CLIENT = "client"
    SERVER = "server"


class Cut(Enum):
    """When the connection that sends the awaited text is cut."""

    NEVER = "never"
    #: The server never sees it.
    BEFORE_SERVER = "before"
    #: The server has done it and answered; the client never learns.
    AFTER_SERVER = "after"
    #: The server sees it, and nobody hears from the other again, without any end of the connection.
    SILENCE = "silence"


class FaultProxy:
    """Use it as `async with FaultProxy(port) as proxy`; forwards faithfully until told otherwise."""

    def __init__(self, target_port: int, target_host: str = "127.0.0.1") -> None:
        self._target = (target_host, target_port)
        self._server: asyncio.Server | None = None
        self._open: set[_Pair] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._awaited = b""
        self._moment = Cut.NEVER
        self._bytes_left: dict[Side, int] = {}
        self._drip: tuple[int, float] | None = None
        #: How many connections there were so far.
        self.connections = 0
        #: How many of them a fault of `cut_within` or `cut_at` ended or silenced.
        self.cuts = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.shut()
        await asyncio.gather(*self._ending, return_exceptions=True)

    @property
    def url(self) -> str:
        """For an MQTT client without credentials."""
        return f"mqtt://127.0.0.1:{self.port}"

    def through(self, url: str) -> str:
        """The same URL, of whatever scheme, leading through here."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{self.port}"))

    # -- faults

    async def cut(self) -> None:
        for pair in list(self._open):
            pair.abort()
        await asyncio.sleep(0)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        await self.cut()

    def cut_within(self, side: Side, nbytes: int) -> None:
        """Wherever in a packet that is."""
        self._bytes_left[side] = nbytes

    def cut_at(self, text: bytes, moment: Cut) -> None:
        self._awaited, self._moment = text, moment

    def freeze(self) -> None:
        for pair in self._open:
            pair.is_frozen = True

    def drip(self, nbytes: int, pause_s: float) -> None:
        """0 bytes: call it off."""
        self._drip = (nbytes, pause_s) if nbytes else None

    # -- forwarding

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        pair = _Pair(writer, to_server)
        self._open.add(pair)
        task = asyncio.current_task()
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        try:
            await pair.run(self._upward(pair, reader), self._downward(pair, from_server))
        finally:
            self._open.discard(pair)

    async def _upward(self, pair: _Pair, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            if self._moment is not Cut.NEVER and self._awaited in data:
                self.cuts += 1
                pair.moment, self._moment = self._moment, Cut.NEVER
                if pair.moment is Cut.BEFORE_SERVER:
                    return
            if not await self._pass_on(pair, pair.to_server, Side.SERVER, data):
                return

    async def _downward(self, pair: _Pair, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            if pair.moment is Cut.AFTER_SERVER:
                return
            if pair.moment is Cut.SILENCE:
                pair.is_frozen = True
            if not await self._pass_on(pair, pair.to_client, Side.CLIENT, data):
                return

    async def _pass_on(self, pair: _Pair, writer: asyncio.StreamWriter, side: Side, data: bytes) -> bool:
        """False where the connection is to end here."""
        if pair.is_frozen:
            return True
        left = self._bytes_left.get(side)
        if left is not None:
            data = data[:left]
            self._bytes_left[side] = left - len(data)
        if not await self._write(writer, data):
            return False
        if self._bytes_left.get(side) == 0:
            del self._bytes_left[side]
            self.cuts += 1
            return False
        return True

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> bool:
        try:
            while self._drip is not None and data:
                nbytes, pause_s = self._drip
                piece, data = data[:nbytes], data[nbytes:]
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            return False
        return True


class _Pair:
    """One connection through the proxy: two sockets."""

    def __init__(self, to_client: asyncio.StreamWriter, to_server: asyncio.StreamWriter) -> None:
        self.to_client = to_client
        self.to_server = to_server
        self.is_frozen = False
        self.moment = Cut.NEVER
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, *directions: Coroutine[None, None, None]) -> None:
        """Until either direction ends; then nothing is left of it. A frozen one ends only by `abort`."""
        self._tasks = [asyncio.create_task(direction) for direction in directions]
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.is_frozen:
                await asyncio.wait(self._tasks)
        finally:
            await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # What was let through arrives: a connection that is cut behind its n-th byte has carried n bytes.
        for writer in (self.to_client, self.to_server):
            writer.close()
            try:
                async with asyncio.timeout(_FLUSH_S):
                    await writer.wait_closed()
            except (OSError, TimeoutError):
                writer.transport.abort()

    def abort(self) -> None:
        for writer in (self.to_client, self.to_server):
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_READ_BYTES)
    except ConnectionError:
        return b""
