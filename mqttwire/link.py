"""Keeps one connection to a broker up: connect, do what is to be done on each connection, wait for its end, back off, again.

It owns the attempts, their log lines and the status text. A link never gives up by itself: a wrong password or a refused version
may be mended at the broker's side; it says so each time, at growing intervals.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from mqttwire.backoff import Backoff
from mqttwire.errors import Closed, ConnectionLost, MqttError, SessionTakenOver, SubscribeRefused
from mqttwire.options import MqttOptions
from mqttwire.packets import FIRST_FAILURE, ConnAck

_LOG: Final = logging.getLogger(__name__)
_SUSPICIOUS_LIVES: Final = 3


class Linkable(Protocol):
    """A connection that a link can keep up: `mqttwire.Connection`, or one on another client."""

    #: Done, with the reason, when the connection has ended.
    lost: asyncio.Future[ConnectionLost]
    bytes_received: int

    @property
    def server(self) -> ConnAck:
        """What the broker said about itself."""
        ...

    @property
    def version(self) -> str:
        """The MQTT version spoken, as people write it."""
        ...

    @property
    def is_open(self) -> bool: ...

    async def subscribe(self, filters: Sequence[str], max_qos: int) -> Sequence[int]:
        """Subscribe and return the broker's code for each filter. Raises ConnectionLost."""
        ...

    def reason(self, code: int) -> str:
        """A code of `subscribe` in words."""
        ...

    async def close(self) -> None: ...

    def abort(self) -> None: ...


ConnectionT = TypeVar("ConnectionT", bound=Linkable)


class Link(Generic[ConnectionT]):
    """One identity at one broker, connected for as long as it is open."""

    def __init__(
        self,
        options: MqttOptions,
        open_connection: Callable[[], Awaitable[ConnectionT]],
        on_connected: Callable[[ConnectionT], Awaitable[None]],
        *,
        keeps_session: bool,
    ) -> None:
        self._options = options
        self._open_connection = open_connection
        self._on_connected = on_connected
        self._keeps_session = keeps_session
        self._backoff = Backoff(options.backoff)
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._is_closed = False
        self._bytes_before = 0
        self._short_lives = 0
        #: The connection that is ready for use; None while there is none.
        self.connection: ConnectionT | None = None
        #: What is the matter just now, for people; it holds no secret.
        self.status = "not started"
        #: Subscriptions that the broker refused while it granted others, with its reason.
        self.refused: Mapping[str, str] = {}
        self.connects = 0
        self.sessions_lost = 0

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and self.connection.is_open

    @property
    def reconnects(self) -> int:
        """How many times the connection came back."""
        return max(0, self.connects - 1)

    @property
    def bytes_received(self) -> int:
        return self._bytes_before + (self.connection.bytes_received if self.connection is not None else 0)

    def start(self, on_failure: Callable[[BaseException], None]) -> None:
        """Begin to connect. `on_failure` is told the error where keeping the connection up fails by a fault of this program."""
        self.status = f"connecting to {self._options.address}"
        self._task = asyncio.create_task(self._keep_up(), name=f"mqtt link {self._options.client_id}")
        self._task.add_done_callback(lambda task: None if task.cancelled() else _tell(on_failure, task.exception()))

    async def wait_connected(self) -> ConnectionT:
        """The connection, as soon as there is one that is ready for use. Raises Closed."""
        while self.connection is None:
            if self._task is None or self._task.done():
                raise Closed
            self._changed.clear()
            await self._changed.wait()
        return self.connection

    async def close(self) -> None:
        """Say goodbye to the broker and stop."""
        self._is_closed = True
        if self.connection is not None:
            await self.connection.close()
        while self._task is not None and not self._task.done():
            # Again and again: `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes together with its result.
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=0.2)
        self._changed.set()
        self.status = "closed"

    async def subscribe(self, connection: ConnectionT, filters: Sequence[str], max_qos: int) -> None:
        """Subscribe to all; those refused are logged and kept in `refused`. Raises SubscribeRefused where none is granted."""
        refused = _unavailable(connection, filters)
        asked = [pattern for pattern in filters if pattern not in refused]
        if asked:
            codes = await connection.subscribe(asked, max_qos)
            answers = zip(asked, codes, strict=False)
            refused |= {pattern: connection.reason(code) for pattern, code in answers if code >= FIRST_FAILURE}
        if filters and len(refused) == len(filters):
            raise SubscribeRefused(refused)
        if refused and refused != self.refused:
            _LOG.error("%s refused to subscribe us: %s", self._options.address, _listed(refused))
        self.refused = refused

    async def _keep_up(self) -> None:
        while not self._is_closed:
            try:
                error = await self._one_connection()
            except MqttError as exc:
                error = exc
            if not self._is_closed:
                await self._wait_after(error)

    async def _one_connection(self) -> MqttError:
        """Connect and stay connected; returns why it ended. Raises MqttError where it never was of use."""
        connection = await self._open_connection()
        loop = asyncio.get_running_loop()
        opened_at_s = loop.time()
        try:
            self._note_session(connection)
            await self._on_connected(connection)
            self._say_connected(connection)
            return await connection.lost
        finally:
            self.connection = None
            self._bytes_before += connection.bytes_received
            self._note_end(loop.time() - opened_at_s)
            connection.abort()

    def _note_end(self, lasted_s: float) -> None:
        self._backoff.succeeded(lasted_s)
        is_short = lasted_s < self._options.backoff.healthy_after_s
        self._short_lives = self._short_lives + 1 if is_short else 0

    def _note_session(self, connection: ConnectionT) -> None:
        self.connects += 1
        if not self._keeps_session or connection.server.session_present or self.connects == 1:
            return
        self.sessions_lost += 1
        _LOG.warning(
            "%s has forgotten the session of %r, and with it the messages that it held for us",
            self._options.address,
            self._options.client_id,
        )

    def _say_connected(self, connection: ConnectionT) -> None:
        self.connection = connection
        self.status = f"connected to {self._options.address} by MQTT {connection.version}"
        if self.refused:
            self.status += f"; refused: {_listed(self.refused)}"
        self._changed.set()
        _LOG.info("%s as %r", self.status, self._options.client_id)

    async def _wait_after(self, error: MqttError) -> None:
        wait_s = self._backoff.next_wait_s(taken_over=isinstance(error, SessionTakenOver))
        self.status = f"not connected: {error}{self._suspicion(error)} (attempt {self._backoff.failures} failed)"
        _LOG.warning("%s%s; next attempt in %.1f s", error, self._suspicion(error), wait_s)
        await asyncio.sleep(wait_s)

    def _suspicion(self, error: MqttError) -> str:
        """By MQTT 3.1.1, and by some brokers of MQTT 5, a client whose session is taken over just finds its connection closed."""
        if not isinstance(error, ConnectionLost) or self._short_lives < _SUSPICIOUS_LIVES:
            return ""
        return f"; {self._short_lives} in a row ended soon: does another client use the client id {self._options.client_id!r}?"


def _tell(on_failure: Callable[[BaseException], None], error: BaseException | None) -> None:
    if error is not None:
        on_failure(error)


def _unavailable(connection: Linkable, filters: Sequence[str]) -> dict[str, str]:
    """The filters that this broker has said it cannot serve, with the reason."""
    server = connection.server
    problems = {}
    for pattern in filters:
        if pattern.startswith("$share/") and not server.shared_available:
            problems[pattern] = f"the broker offers no shared subscriptions by MQTT {connection.version}"
        elif ("#" in pattern or "+" in pattern) and not server.wildcards_available:
            problems[pattern] = "the broker offers no wildcards"
    return problems


def _listed(refused: Mapping[str, str]) -> str:
    return ", ".join(f"{pattern}: {reason}" for pattern, reason in refused.items())
