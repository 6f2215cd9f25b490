"""Publishing: live frames that may be dropped (QoS 0), and messages that must arrive (QoS 1) in a window of open acknowledgements.

What is published in one turn of the event loop leaves in one write. The bounds and what happens at them:

* `offer` (QoS 0) never waits: at most `max_waiting` wait for the socket, beyond that the oldest is dropped and counted;
* `publish` at QoS 1 waits while `window` messages are unacknowledged, or while there is no connection; after a reconnect everything
  unacknowledged is sent again, in order, so a message arrives at least once. Not so what `deliver` sends `once`, or what its
  caller has stopped waiting for, who may send it again himself.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from mqttwire.connection import Connection, Listener
from mqttwire.errors import Closed, DeliveryUnknown, PublishRefused
from mqttwire.link import Link
from mqttwire.opener import Opener
from mqttwire.options import MqttOptions
from mqttwire.packets import FIRST_FAILURE, PUBACK, Handshake, SessionWish, publish

_MAX_PACKET_ID: Final = 0xFFFE  # 0xFFFF is SUBSCRIBE's
_WRITE_BYTES: Final = 256 * 1024


@dataclass(slots=True)
class _Outgoing:
    """A message that has not left, or at QoS 1 one that the broker has not acknowledged."""

    topic: bytes
    payload: bytes
    retain: bool
    #: Done when the broker has answered, with what is wrong ("" for nothing); only where somebody waits for it.
    answer: asyncio.Future[str] | None = None
    expiry_s: int | None = None
    #: Never sent a second time.
    once: bool = False


class Publisher(Listener):
    """A connection to publish on. Use it as `async with Publisher(options) as publisher`."""

    def __init__(
        self,
        options: MqttOptions,
        *,
        window: int = 2000,
        max_waiting: int = 10_000,
        read_interval_s: float = 0.001,
    ) -> None:
        self._window_wish = self._window = min(window, _MAX_PACKET_ID // 2)
        options = options.with_client_id("outrider-pub")
        opener = Opener(options, self, SessionWish(clean_start=True), read_interval_s=read_interval_s)
        self._link = Link(options, opener, self._go_on, keeps_session=False)
        #: The connection to write on; None while there is none.
        self._connection: Connection | None = None
        self._live: deque[_Outgoing] = deque(maxlen=max_waiting)
        self._unacknowledged: dict[bytes, _Outgoing] = {}
        self._written: list[bytes] = []
        self._is_flush_due = False
        self._next_id = 1
        self._waiting_for_room: deque[asyncio.Future[None]] = deque()
        self._waiting_for_rest: list[asyncio.Future[None]] = []
        self._failure: BaseException | None = None
        self.published = 0
        self.acknowledged_messages = 0
        self.dropped = 0
        #: Messages that the broker did not want, by its reason.
        self.refused: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to connect, in the background."""
        self._link.start(self._fail)

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def status(self) -> str:
        """For people: connected to what, or why not."""
        return self._link.status

    @property
    def reconnects(self) -> int:
        return self._link.reconnects

    @property
    def unacknowledged(self) -> int:
        """How many messages at QoS 1 the broker has not acknowledged."""
        return len(self._unacknowledged)

    async def wait_connected(self) -> None:
        """Return when the broker has accepted us. Raises Closed."""
        await self._link.wait_connected()

    # -- publishing

    def offer(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish at QoS 0 without ever waiting. False where the oldest waiting message gave way for it."""
        has_room = len(self._live) != self._live.maxlen
        self.dropped += not has_room
        self._live.append(_Outgoing(topic.encode(), payload, retain))
        self._flush_soon()
        return has_room

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish; at QoS 1 it returns when the message is on its way, which may be before the broker has it (see `drain`).

        Raises PublishRefused where the broker can never take it, Closed where the publisher is closed meanwhile.
        """
        if qos == 0:
            self.offer(topic, payload, retain=retain)
        else:
            await self._send(_Outgoing(topic.encode(), payload, retain))

    async def deliver(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None, once: bool = False
    ) -> None:
        """Publish at QoS 1 and return when the broker has it. Raises PublishRefused where it does not want it; with `once` also
        DeliveryUnknown, where the connection breaks in between (else it is sent again on the next one).

        The broker does not keep it for absent subscribers for longer than `expiry_s` seconds (MQTT 5 only).
        """
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        await self._send(_Outgoing(topic.encode(), payload, retain, answer, expiry_s, once))
        problem = await answer
        if problem:
            raise PublishRefused(topic, problem)

    async def drain(self) -> None:
        """Return when the broker has all that was published at QoS 1, and the socket all that was offered."""
        while self._unacknowledged or self._live or self._written:
            await self._wait_in(self._waiting_for_rest)

    async def close(self) -> None:
        """Send what is ready, say goodbye. What the broker has not acknowledged may be lost: `drain` first where that matters."""
        self._flush()
        await self._link.close()
        self._fail(Closed())

    async def _send(self, outgoing: _Outgoing) -> None:
        # The window is where a burst waits; nothing is awaited while there is room, so a message costs no turn of the event loop.
        while self._connection is None or len(self._unacknowledged) >= self._window or not self._connection.can_write:
            await self._wait_in(self._waiting_for_room)
        packet_id = self._free_packet_id()
        self._written.append(_packet(self._connection, outgoing, packet_id))
        self._unacknowledged[packet_id] = outgoing
        self.published += 1
        self._flush_soon()

    async def _wait_in(self, queue: deque[asyncio.Future[None]] | list[asyncio.Future[None]]) -> None:
        if self._failure is not None:
            raise self._failure
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._make_room()  # the turn may have been given to us just now: pass it on
            raise

    def _free_packet_id(self) -> bytes:
        # The window is at most half of the ids, so a free one is near.
        while True:
            packet_id = self._next_id.to_bytes(2, "big")
            self._next_id = self._next_id % _MAX_PACKET_ID + 1
            if packet_id not in self._unacknowledged:
                return packet_id

    # -- writing

    def _flush_soon(self) -> None:
        if not self._is_flush_due and self._connection is not None:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Write what was published in this turn of the event loop, and of the live frames as much as the socket takes."""
        self._is_flush_due = False
        connection = self._connection
        if connection is None:
            return
        if self._written:
            connection.write(b"".join(self._written))
            self._written.clear()
        while self._live and connection.can_write:
            connection.write(self._live_bytes(connection))
        self._make_room()

    def _live_bytes(self, connection: Connection) -> bytes:
        packets: list[bytes] = []
        size = 0
        while self._live and size < _WRITE_BYTES:
            try:
                packets.append(_packet(connection, self._live.popleft(), b""))
            except PublishRefused as exc:
                self.refused[exc.reason] += 1
            else:
                size += len(packets[-1])
        self.published += len(packets)
        return b"".join(packets)

    def _make_room(self) -> None:
        """Let as many go on as there is room for."""
        connection = self._connection
        if connection is not None and connection.can_write:
            room = self._window - len(self._unacknowledged)
            while self._waiting_for_room and room > 0:
                room -= _give_turn(self._waiting_for_room.popleft())
        if not (self._unacknowledged or self._live or self._written):
            while self._waiting_for_rest:
                _give_turn(self._waiting_for_rest.pop())

    # -- Listener, and the link's events

    def acknowledged(self, packet_ids: Sequence[bytes]) -> None:
        for packet_id in packet_ids:
            self._settle(packet_id, "")
        # A publisher that is woken for every single acknowledgement pays a turn of the event loop for each message.
        if len(self._unacknowledged) <= self._window * 3 // 4:
            self._make_room()

    def answered(self, answer: Handshake) -> None:
        connection = self._connection
        if answer.kind == PUBACK and connection is not None:
            is_refused = answer.code >= FIRST_FAILURE
            self._settle(answer.packet_id, connection.reason(answer.code) if is_refused else "")
            self._make_room()

    def writable(self) -> None:
        self._flush()

    def _settle(self, packet_id: bytes, problem: str) -> None:
        outgoing = self._unacknowledged.pop(packet_id, None)
        if outgoing is None:
            return  # an acknowledgement of what this connection never sent; the broker's affair
        if problem:
            self.refused[problem] += 1
        else:
            self.acknowledged_messages += 1
        if outgoing.answer is not None and not outgoing.answer.done():
            outgoing.answer.set_result(problem)

    async def _go_on(self, connection: Connection) -> None:
        """A connection is there: send what the last one left unacknowledged, in order, then let the waiting ones go on."""
        self._window = min(self._window_wish, connection.server.receive_max)
        self._written.clear()
        unacknowledged, self._unacknowledged = self._unacknowledged, {}
        for packet_id, outgoing in unacknowledged.items():
            if _is_over(outgoing):
                continue
            self._unacknowledged[packet_id] = outgoing
            try:
                self._written.append(_packet(connection, outgoing, packet_id))
            except PublishRefused as exc:
                self._settle(packet_id, exc.reason)
        self._connection = connection
        connection.lost.add_done_callback(self._pause)
        self._flush()

    def _pause(self, _: object) -> None:
        self._connection = None

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        answers = [outgoing.answer for outgoing in self._unacknowledged.values() if outgoing.answer is not None]
        futures: list[asyncio.Future[Any]] = [*self._waiting_for_room, *self._waiting_for_rest, *answers]
        for future in futures:
            if not future.done():
                future.set_exception(self._failure)
        self._waiting_for_room.clear()
        self._waiting_for_rest.clear()


def _is_over(outgoing: _Outgoing) -> bool:
    """Whether a message that was under way on a connection that broke is not to be sent again; whoever waits is told."""
    if outgoing.answer is None:
        return False
    if outgoing.once and not outgoing.answer.done():
        outgoing.answer.set_exception(DeliveryUnknown(outgoing.topic.decode()))
    return outgoing.answer.done()


def _give_turn(turn: asyncio.Future[None]) -> bool:
    if turn.done():
        return False
    turn.set_result(None)
    return True


def _packet(connection: Connection, message: _Outgoing, packet_id: bytes) -> bytes:
    """The PUBLISH of a message. Raises PublishRefused where this broker has said that it takes no such thing."""
    server = connection.server
    if packet_id and server.max_qos == 0:
        raise PublishRefused(message.topic.decode(), "the broker takes no QoS 1")
    if message.retain and not server.retain_available:
        raise PublishRefused(message.topic.decode(), "the broker keeps no retained messages")
    packet = publish(
        message.topic,
        message.payload,
        packet_id=packet_id,
        retain=message.retain,
        has_properties=connection.dialect.has_properties,
        expiry_s=message.expiry_s,
    )
    if server.max_packet_bytes is not None and len(packet) > server.max_packet_bytes:
        raise PublishRefused(message.topic.decode(), f"the broker takes packets of at most {server.max_packet_bytes} bytes")
    return packet
