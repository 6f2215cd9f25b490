"""A TCP proxy that misbehaves on demand: between a client and a broker, on 127.0.0.1."""

import asyncio
from types import TracebackType
from typing import Self


class FaultProxy:
    """Forwards to `target_port` until told otherwise. Faults hit the connections that are open at that moment."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._pairs: list[_Pair] = []
        self._cut_next_after: int | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.shut()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def connections(self) -> int:
        """How many connections there were so far."""
        return len(self._pairs)

    async def cut(self) -> None:
        """End all connections without a word."""
        for pair in self._pairs:
            await pair.cut()

    async def shut(self) -> None:
        """End all connections and take no new ones: the client's machine is gone."""
        assert self._server is not None
        self._server.close()
        await self.cut()

    def cut_after(self, nbytes: int) -> None:
        """End the newest connection after so many more bytes from the broker, wherever in a packet that is."""
        self._pairs[-1].bytes_left = nbytes

    def freeze(self) -> None:
        """Half-open: what is open stays open, and nothing comes through any more."""
        for pair in self._pairs:
            pair.is_frozen = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, broker_writer)
        self._pairs.append(pair)
        await pair.forward(reader, broker_reader)


class _Pair:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, broker: asyncio.StreamWriter) -> None:
        self._client = client
        self._broker = broker
        self._tasks: list[asyncio.Task[None]] = []
        self.is_frozen = False
        self.bytes_left: int | None = None

    async def forward(self, from_client: asyncio.StreamReader, from_broker: asyncio.StreamReader) -> None:
        self._tasks = [
            asyncio.create_task(self._upward(from_client)),
            asyncio.create_task(self._downward(from_broker)),
        ]
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        await self.cut()

    async def cut(self) -> None:
        self._client.transport.abort()
        self._broker.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _upward(self, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            if not self.is_frozen:
                self._broker.write(data)

    async def _downward(self, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            if self.is_frozen:
                continue
            if self.bytes_left is not None:
                data = data[: self.bytes_left]
                self.bytes_left -= len(data)
            self._client.write(data)
            await self._client.drain()
            if self.bytes_left == 0:
                self._client.close()
                return


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except ConnectionError:
        return b""
