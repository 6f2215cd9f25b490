"""`/v1/live`: one WebSocket, from its handshake to its end. What is sent is decided by `api.live.reader`.

Close codes: 4401 not authorised (or not any more), 4403 not allowed, 4408 said nothing in time, 4429 too many connections, 1011 a
fault of the server, 1012 the server stops, 1013 the database is away.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope
from starlette.types import Send as AsgiSend
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.access.authenticate import LIVE_PROTOCOL, authenticate_live
from api.live.frames import Frame
from api.live.hub import TooManyReaders
from api.live.messages import BadMessage, Subscribe, parse_message
from api.live.reader import Reader
from api.live.view import Everything, Routes, Vehicles, View, area
from api.problems import Forbidden, Unauthorised
from api.services import Services, services_of
from api.tasks import end_tasks
from store.protocol import Unavailable

UNAUTHORISED: Final = 4401
NOT_ALLOWED: Final = 4403
SAID_NOTHING: Final = 4408
TOO_MANY: Final = 4429
SERVER_FAULT: Final = 1011
AWAY: Final = 1013

_log = logging.getLogger(__name__)


async def live(scope: Scope, receive: Receive, send: AsgiSend) -> None:
    """The ASGI endpoint. The handshake is always accepted: a browser's script sees a close code, but no HTTP status."""
    websocket = WebSocket(scope, receive, send)
    services = services_of(websocket)
    protocols = list(scope.get("subprotocols", ()))
    try:
        await websocket.accept(subprotocol=LIVE_PROTOCOL if LIVE_PROTOCOL in protocols else None)
        await _admit(websocket, services, protocols)
    except WebSocketDisconnect:
        return  # gone before it was told


async def _admit(websocket: WebSocket, services: Services, protocols: list[str]) -> None:
    try:
        handshake = HTTPConnection(websocket.scope)
        principal = await authenticate_live(handshake, protocols)
        tenant = principal.reads(handshake.query_params.get("tenant"))
        reader = services.hub.join(tenant, principal.credential)
    except Unauthorised as error:
        await websocket.close(UNAUTHORISED, str(error))
    except Forbidden as error:
        await websocket.close(NOT_ALLOWED, str(error))
    except TooManyReaders:
        await websocket.close(TOO_MANY, "too many connections")
    except Unavailable:
        await websocket.close(AWAY, "the database is away")
    else:
        websocket.scope["headers"] = []  # four kilobytes that nobody asks for in the hours that follow
        del handshake
        await _Conversation(websocket, services, reader).run()


class _Conversation:
    """Two tasks, one that receives and one that sends. Whichever ends first ends both."""

    def __init__(self, websocket: WebSocket, services: Services, reader: Reader) -> None:
        self._websocket = websocket
        self._services = services
        self._reader = reader

    async def run(self) -> None:
        sender = asyncio.create_task(self._reader.run(self._send), name="live-sender")
        receiver = asyncio.create_task(self._receive_all(), name="live-receiver")
        tasks: tuple[asyncio.Task[Any], ...] = (receiver, sender)
        try:
            await asyncio.wait((*tasks, self._reader.dismissed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._services.hub.leave(self._reader)
            await end_tasks(tasks)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await self._close(ends)

    async def _close(self, ends: list[Any]) -> None:
        """Say why, unless the other side has gone already."""
        received, sent = ends
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        if self._reader.dismissed.done():
            await self._websocket.close(UNAUTHORISED, self._reader.dismissed.result())
        elif isinstance(received, int):
            await self._websocket.close(received, "said nothing in time")
        else:
            for end in (received, sent):
                if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
                    _log.error("a live connection ended by a fault of ours", exc_info=end)
                    await self._websocket.close(SERVER_FAULT)
                    return

    # -- sending

    async def _send(self, frame: Frame) -> None:
        """Waits while the connection's buffer is full; that is what paces a slow reader."""
        counts = self._services.hub.counts
        counts.messages_sent += 1
        counts.bytes_sent += len(frame)
        kind = "text" if isinstance(frame, str) else "bytes"
        await self._websocket.send({"type": "websocket.send", kind: frame})

    async def _complain(self, detail: str) -> None:
        problem = {"type": "error", "seq": self._reader.seq, "title": "Bad message", "detail": detail}
        await self._send(orjson.dumps(problem).decode())

    # -- receiving

    async def _receive_all(self) -> int | None:
        """Until the client goes; a code where it has to go."""
        try:
            async with asyncio.timeout(self._services.settings.live_subscribe_within_s) as deadline:
                while True:
                    message = await self._websocket.receive()
                    if message["type"] == "websocket.disconnect":
                        return None
                    await self._take(message)
                    if self._reader.has_asked:
                        deadline.reschedule(None)
        except TimeoutError:
            return SAID_NOTHING

    async def _take(self, message: dict[str, Any] | Any) -> None:
        try:
            said = parse_message(message.get("text") or message.get("bytes") or b"")
            view = self._reader.wish.view if "subscribe" not in said.model_fields_set else await self._view(said.subscribe)
        except BadMessage as error:
            await self._complain(str(error))
        except Unavailable:
            await self._complain("the database is away; say it again in a moment")
        else:
            wish = self._reader.wish.changed_by(said, view)
            self._reader.ask(wish, since=said.since, asks_snapshot=said.asks_for_snapshot)

    async def _view(self, asked: Subscribe | None) -> View:
        """Raises BadMessage, or Unavailable where routes have to be looked up."""
        tenant = self._reader.tenant
        if asked is None or (asked.bbox is None and asked.vehicles is None and asked.routes is None):
            return Everything(tenant=tenant)
        if asked.bbox is not None:
            try:
                return area(tenant, *asked.bbox)
            except ValueError as error:
                raise BadMessage(f"subscribe.bbox: {error}") from error
        if asked.vehicles is not None:
            return Vehicles(tenant=tenant, vehicles=frozenset(asked.vehicles))
        return await self._routes(frozenset(asked.routes or ()))

    async def _routes(self, routes: frozenset[str]) -> View:
        """Ids that no route of the tenant has are simply never seen."""
        tenant, vehicles = self._reader.tenant, set[str]()
        if routes:
            wanted = sorted(routes)
            found = await self._services.store.routes_progress(tenant, routes=wanted, limit=len(wanted) * 100)
            vehicles = {one.route.vehicle for one in found}
        return Routes(tenant=tenant, routes=routes, vehicles=frozenset(vehicles))
