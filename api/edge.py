"""The outermost layer of every HTTP request: its log line, its metrics, the bound on its body, the headers of its answer, and the
last answer to what nobody expected."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import ApiMetrics
from api.problems import ApiError, problem_of
from api.scrub import scrub

_log = logging.getLogger(__name__)
_access: Final = logging.getLogger("api.access_log")
#: What looks in every few seconds and would drown the rest.
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class BodyTooLarge(ApiError):
    status = 413
    kind = "content-too-large"


class Edge:
    """`sockets`: WebSocket endpoints by path. Their connections last for hours, so they pass none of the layers below, which are
    made for requests and cost memory as long as a connection is open."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: ApiMetrics,
        headers: Sequence[tuple[bytes, bytes]],
        max_body_bytes: int,
        sockets: Mapping[str, ASGIApp],
    ) -> None:
        self._app = app
        self._sockets = sockets
        self._metrics = metrics
        self._headers = list(headers)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._sockets.get(scope.get("path", ""), self._app)(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._headers, self._max_body_bytes).run(self._app, self._metrics)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]], max_body_bytes: int) -> None:
        self._scope = scope
        self._receive_below = receive
        self._send_below = send
        self._headers = headers
        self._body_left = max_body_bytes
        self._status = 0

    async def run(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        started_s = time.perf_counter()
        try:
            self._check_announced()
            await app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - the last place where a defect can be answered; it is logged in full
            await self._answer(self._too_large() if self._body_left < 0 else error)
        finally:
            self._note(metrics, time.perf_counter() - started_s)

    def _check_announced(self) -> None:
        announced = Headers(scope=self._scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._body_left:
            raise BodyTooLarge(f"the body may have at most {self._body_left} bytes")

    async def _receive(self) -> Message:
        message = await self._receive_below()
        self._body_left -= len(message.get("body", b""))
        self._refuse_overflow()
        return message

    def _refuse_overflow(self) -> None:
        if self._body_left < 0:
            raise self._too_large()

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge("the body is larger than this server takes")

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._refuse_overflow()  # whoever read the body took it for one that cannot be parsed
            self._status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send_below(message)

    async def _answer(self, error: Exception) -> None:
        if not isinstance(error, ApiError):
            _log.error("%s %s failed", self._scope["method"], scrub(self._scope["path"]), exc_info=error)
        if self._status:
            raise error  # the answer has begun: the server cuts the connection, and the client sees that it is incomplete
        self._body_left = 0
        response = problem_of(error).response(self._scope["path"])
        await response(self._scope, self._receive_below, self._send)

    def _note(self, metrics: ApiMetrics, seconds: float) -> None:
        route = getattr(self._scope.get("route"), "path", "")
        metrics.answered(self._scope["method"], route, self._status, seconds)
        path = self._scope["path"]
        if path not in _QUIET:
            _access.info("%s %s %d %.1f ms", self._scope["method"], scrub(path), self._status, 1000 * seconds)
