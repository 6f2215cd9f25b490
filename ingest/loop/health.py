"""The little HTTP server of a tier that serves nothing else (worker, alert sender): `/healthz`, `/readyz` and `/metrics`.

On the loop, so that it stops answering when the loop is stuck: that is what a health check is for. It reads one request,
answers and closes; nothing that a client sends is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol, Self

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_TIMEOUT_S: Final = 5.0
_MOST_CONNECTIONS: Final = 32


class Readiness(Protocol):
    """How a tier is."""

    @property
    def is_ready(self) -> bool: ...

    def as_json(self) -> dict[str, Any]: ...


class HealthServer:
    """Use it as `async with HealthServer(...) as server`; `port` is the one that it really has."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sign: Callable[[], Readiness],
        registry: CollectorRegistry,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        """`refresh` is called before metrics are read, to bring gauges up to date."""
        self._host = host
        self._wanted_port = port
        self._sign = sign
        self._registry = registry
        self._refresh = refresh
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, self._wanted_port, limit=8192)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        if self._server is None:
            return self._wanted_port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= _MOST_CONNECTIONS:
                async with asyncio.timeout(_TIMEOUT_S):
                    request = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(request.split(b" ", 2)))
                    await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked is gone, or does not speak HTTP: there is nobody to tell
        finally:
            self._connections -= 1
            writer.close()

    def _answer(self, request: list[bytes]) -> bytes:
        method, path = request[0], request[1].split(b"?")[0] if len(request) > 1 else b""
        if method not in {b"GET", b"HEAD"}:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET only\n")
        if path == b"/healthz":
            return _response(HTTPStatus.OK, "application/json", b'{"status":"alive"}')
        if path == b"/readyz":
            sign = self._sign()
            status = HTTPStatus.OK if sign.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            return _response(status, "application/json", orjson.dumps(sign.as_json()))
        if path == b"/metrics":
            self._refresh()
            return _response(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry))
        return _response(HTTPStatus.NOT_FOUND, "text/plain", b"/healthz, /readyz, /metrics\n")


def _response(status: HTTPStatus, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
