"""A TCP proxy in front of PostgreSQL that cuts a connection at a chosen moment of its protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from urllib.parse import urlsplit, urlunsplit


class Cut(Enum):
    """When the connection that sends the trigger is cut."""

    NEVER = "never"
    #: The server never sees it.
    BEFORE_SERVER = "before"
    #: The server has done it and answered; the client never learns.
    AFTER_SERVER = "after"
    #: The server sees it, and nobody hears from the other again, without any end of the connection.
    SILENCE = "silence"


class FaultProxy:
    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.trigger = b"COMMIT"
        self.cut = Cut.NEVER
        self.cuts = 0
        self.port = 0
        self._closing = asyncio.Event()
        self._serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port)
        is_triggered = asyncio.Event()
        tasks = [
            asyncio.create_task(self._up(reader, upstream_writer, is_triggered), name="proxy up"),
            asyncio.create_task(self._down(upstream_reader, writer, is_triggered), name="proxy down"),
            asyncio.create_task(self._wait_for_closing(), name="proxy closing"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (writer, upstream_writer):
                stream.close()
                with contextlib.suppress(OSError):
                    await stream.wait_closed()

    async def close(self) -> None:
        """End all connections, and wait until they are gone."""
        self._closing.set()
        await asyncio.gather(*(task for task in self._serving if task is not None), return_exceptions=True)

    async def _wait_for_closing(self) -> None:
        await self._closing.wait()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_triggered: asyncio.Event) -> None:
        while data := await reader.read(1 << 16):
            if self.cut is not Cut.NEVER and self.trigger in data:
                self.cuts += 1
                if self.cut is Cut.BEFORE_SERVER:
                    self.cut = Cut.NEVER
                    return
                is_triggered.set()
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_triggered: asyncio.Event) -> None:
        while data := await reader.read(1 << 16):
            if is_triggered.is_set():
                how, self.cut = self.cut, Cut.NEVER
                if how is Cut.AFTER_SERVER:
                    return
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def faulty(url: str) -> AsyncIterator[tuple[FaultProxy, str]]:
    """A proxy before the database of `url`, and the URL that leads through it."""
    parts = urlsplit(url)
    proxy = FaultProxy(parts.hostname or "127.0.0.1", parts.port or 5432)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    user = parts.netloc.rpartition("@")[0]
    through = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}" if user else f"127.0.0.1:{proxy.port}"))
    try:
        yield proxy, through
    finally:
        server.close()
        await proxy.close()
