"""Serving the application with uvicorn: graceful shutdown, failed background tasks, and WebSockets that cannot be held hostage.

A reader that takes no bytes must not keep the server's memory, nor its place, for ever:

1. The kernel takes little more than what is being sent (TCP_NOTSENT_LOWAT), so that what a slow reader gets is new.
2. A ping that is not answered ends the connection, unless bytes are still being taken: a slow reader lives, a stuck one does not.
3. A connection that is being closed and does not take the last bytes is cut.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.services import Services
from api.tasks import TaskFailed

PING_INTERVAL_S: Final = 20.0
PING_TIMEOUT_S: Final = 30.0
#: What a reader says is small; the largest is a list of 10,000 vehicles.
MAX_MESSAGE_BYTES: Final = 1 << 20
_NOTSENT_BYTES: Final = 128 * 1024
_LAST_BYTES_WITHIN_S: Final = 5.0
_SHUTDOWN_WITHIN_S: Final = 10

_log = logging.getLogger(__name__)


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with the three rules of this module."""

    _drained_at_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        _send_only_what_is_new(transport)

    def start_keepalive(self) -> None:
        """The handshake is over: what it said is not needed for the hours that follow."""
        super().start_keepalive()
        del self.request, self.response

    def resume_writing(self) -> None:
        self._drained_at_s = self.loop.time()
        super().resume_writing()

    def keepalive_timeout(self) -> None:
        if self._drained_at_s > self.ping_sent_at:  # the ping waits behind bytes that are still being taken
            self.ping_sent_at = self.loop.time()
            self.pong_timer = self.loop.call_later(PING_TIMEOUT_S, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self.transport.abort()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self.loop.call_later(_LAST_BYTES_WITHIN_S, self.transport.abort)


def _send_only_what_is_new(transport: asyncio.BaseTransport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_NOTSENT_LOWAT") and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOTSENT_BYTES)


class Server(uvicorn.Server):
    """Leaves signals to whoever runs it: `serve` is cancelled, or `should_exit` is set."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: FastAPI, **options: Any) -> Server:
    """A uvicorn server as this product runs it; `options` are uvicorn's own."""
    config = uvicorn.Config(
        app,
        ws=LiveProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PING_TIMEOUT_S,
        ws_per_message_deflate=False,  # 14 KiB a connection instead of 64
        timeout_graceful_shutdown=_SHUTDOWN_WITHIN_S,
        log_config=None,
        access_log=False,  # api.edge writes one line a request, without the query
        server_header=False,
        lifespan="on",
        **options,
    )
    return Server(config)


async def serve(app: FastAPI, host: str, port: int, *, proxy_addresses: str = "127.0.0.1") -> None:
    """Serve until cancelled; existing requests are finished then, and live readers are told 1012.

    Raises TaskFailed where a background task failed, OSError where the address cannot be taken.
    """
    listener = _listen(host, port)
    running = server(app, forwarded_allow_ips=proxy_addresses)
    services: Services = app.state.services

    def stop(_failure: TaskFailed) -> None:
        running.should_exit = True

    services.tasks.on_failure(stop)
    shown_host, shown_port = listener.getsockname()[:2]
    _log.info("API and screen at http://%s:%d/", shown_host, shown_port)
    serving = asyncio.create_task(running.serve(sockets=[listener]), name="http-server")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        running.should_exit = True
        await serving
        raise
    finally:
        listener.close()
    if services.tasks.failure is not None:
        raise services.tasks.failure


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    listener.setblocking(False)
    return listener
