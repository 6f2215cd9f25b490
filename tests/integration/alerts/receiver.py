"""Webhook receivers for tests: real HTTP servers on loopback that answer, hang, or never stop talking."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from alerts.signing import verify


@dataclass(frozen=True, kw_only=True)
class Delivery:
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        data: dict[str, Any] = orjson.loads(self.body)["data"]
        return data

    def check(self, *secrets: str) -> str:
        return verify(secrets, self.headers, self.body, float(self.headers["webhook-timestamp"]))


Respond = Callable[[Delivery, asyncio.StreamWriter], Awaitable[None]]


@dataclass(kw_only=True)
class Receiver:
    """Keeps what came in; answers with `respond`, or with the next of `statuses` (the last one for ever)."""

    port: int = 0
    statuses: Sequence[int] = (200,)
    headers: str = ""
    respond: Respond | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int) -> list[Delivery]:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.deliveries) >= count)
        return self.deliveries

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._answer(await _read(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, delivery: Delivery, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async with self.changed:
                self.deliveries.append(delivery)
                self.changed.notify_all()
            if self.respond is not None:
                await self.respond(delivery, writer)
                return
            status = self.statuses[min(len(self.deliveries), len(self.statuses)) - 1]
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 2\r\n{self.headers}\r\nok".encode())
            await writer.drain()
        finally:
            self.at_once -= 1


async def _read(reader: asyncio.StreamReader) -> Delivery:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    return Delivery(headers=headers, body=await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(**options)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver._serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def hang(_delivery: Delivery, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def talk_for_ever(_delivery: Delivery, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()


async def drip_headers(_delivery: Delivery, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def cut(_delivery: Delivery, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
