"""One connection to a broker, from TCP to its end: handshake, reading at a moderate pace, keep-alive, and why it ended.

It knows nothing of attempts and sessions (`mqttwire.link`) nor of what is done with messages (`Listener`).

Reading is moderated: after a read the socket is left alone for `read_interval_s`, so that the next read finds many messages. A
broker writes each message by itself; without the pause a fast reader wakes up for every single one, and waking up costs more
than reading (the same thought as interrupt moderation in network cards). At rest the first read comes at once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Final, Protocol, cast

from mqttwire.errors import (
    BrokerUnreachable,
    ConnectionLost,
    ConnectRefused,
    MalformedStream,
    ProtocolVersionRefused,
    SessionTakenOver,
    Unanswered,
)
from mqttwire.frames import FrameReader
from mqttwire.messages import Messages
from mqttwire.options import MqttOptions
from mqttwire.packets import (
    FIRST_FAILURE,
    MALFORMED_PACKET,
    PINGREQ,
    PUBCOMP_HEAD,
    PUBREL,
    SESSION_TAKEN_OVER,
    UNSUPPORTED_PROTOCOL_VERSION,
    ConnAck,
    Dialect,
    Disconnect,
    Handshake,
    Packet,
    PingResp,
    SessionWish,
    SubAck,
)
from mqttwire.receive_buffer import ReceiveBuffer
from mqttwire.tls import tls_context

DEFAULT_READ_INTERVAL_S: Final = 0.002
DEFAULT_MAX_PAYLOAD_BYTES: Final = 1 << 20
#: SUBSCRIBE's packet id; `Publisher` counts below it, so that the two never meet.
SUBSCRIBE_PACKET_ID: Final = 0xFFFF
_CLOSING_TIMEOUT_S: Final = 2.0


class Feed(Protocol):
    """A connection as its listener knows it. `Connection` is one; a source on another client brings its own."""

    #: Where messages collect; the listener may replace it.
    messages: Messages

    @property
    def is_open(self) -> bool: ...

    def resume(self) -> None:
        """Read on, after `Listener.arrived` said to stop."""
        ...

    def answer(self, answers: Sequence[bytes]) -> None:
        """Send these acknowledging packets, in order; empty ones are none."""
        ...


class Listener:
    """Who is told what a connection reads; by itself it wants nothing. Called by the event loop: be quick, raise nothing."""

    def opened(self, connection: Feed) -> None:
        """Before the first byte: `connection.messages` is where messages collect, and may be replaced."""

    def arrived(self, count: int) -> bool:  # noqa: ARG002 - the listener's interface
        """`messages` has grown by `count`. False: stop reading until `Connection.resume`."""
        return True

    def acknowledged(self, packet_ids: Sequence[bytes]) -> None:
        """The broker has taken these messages of ours."""

    def answered(self, answer: Handshake) -> None:
        """The broker answered one message of ours with a reason code."""

    def writable(self) -> None:
        """What was written has mostly left after it had piled up."""


class Connection(asyncio.BufferedProtocol):
    """One connection. Made by `Connection.open`, which returns when the broker has accepted us."""

    def __init__(
        self,
        options: MqttOptions,
        dialect: Dialect,
        listener: Listener,
        *,
        max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
        read_interval_s: float = DEFAULT_READ_INTERVAL_S,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._listener = listener
        self._read_interval_s = read_interval_s
        self._buffer = ReceiveBuffer()
        self._transport: asyncio.Transport | None = None
        self._resume_timer: asyncio.TimerHandle | None = None
        self._keep_alive_timer: asyncio.TimerHandle | None = None
        self._is_held = False
        self._silent_ticks = 0
        self._connack: asyncio.Future[ConnAck] = self._loop.create_future()
        self._suback: asyncio.Future[SubAck] | None = None
        self._error: ConnectionLost | None = None
        self.dialect = dialect
        self._reader = FrameReader(has_properties=dialect.has_properties, max_payload_bytes=max_payload_bytes)
        #: Done, with the reason, when the connection has ended.
        self.lost: asyncio.Future[ConnectionLost] = self._loop.create_future()
        #: What the broker said about itself.
        self.server = ConnAck()
        self.bytes_received = 0
        #: Whether what was written before has mostly left (`Listener.writable` tells when).
        self.can_write = True

    # -- opening and closing

    @classmethod
    async def open(
        cls,
        options: MqttOptions,
        dialect: Dialect,
        listener: Listener,
        wish: SessionWish,
        *,
        max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
        read_interval_s: float = DEFAULT_READ_INTERVAL_S,
    ) -> Connection:
        """Connect and be accepted. Raises BrokerUnreachable, ConnectRefused or one of their kinds, InvalidMqttOption."""
        context = tls_context(options)
        connection = cls(options, dialect, listener, max_payload_bytes=max_payload_bytes, read_interval_s=read_interval_s)
        is_accepted = False
        try:
            async with asyncio.timeout(options.connect_timeout_s):
                await connection._reach(context)
                await connection._greet(wish)
            is_accepted = True
        except TimeoutError as exc:
            raise connection._unreached(f"no answer within {options.connect_timeout_s:g} s") from exc
        except ssl.SSLError as exc:
            raise BrokerUnreachable(options.address, f"TLS failed: {_tls_problem(exc)}") from exc
        except OSError as exc:
            raise BrokerUnreachable(options.address, exc.strerror or str(exc)) from exc
        finally:
            if not is_accepted:
                connection.abort()
        return connection

    async def _reach(self, context: ssl.SSLContext | None) -> None:
        host, port = self._options.host, self._options.port
        await self._loop.create_connection(lambda: self, host, port, ssl=context)

    async def _greet(self, wish: SessionWish) -> None:
        self.write(self.dialect.connect(self._options, wish))
        await asyncio.wait((self._connack, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if not self._connack.done():
            raise self._unreached(f"it closed the connection without an answer ({self.lost.result().reason})")
        self.server = self._connack.result()
        if self.server.code == UNSUPPORTED_PROTOCOL_VERSION:
            raise ProtocolVersionRefused(self._options.address, self.server.code, self.server.reason)
        if self.server.code >= FIRST_FAILURE:
            raise ConnectRefused(self._options.address, self.server.code, self.server.reason)
        self._keep_alive_timer = self._loop.call_later(self.keep_alive_s / 2, self._tick)

    def _unreached(self, problem: str) -> BrokerUnreachable:
        kind = BrokerUnreachable if self._transport is None else Unanswered
        return kind(self._options.address, problem)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and not self.lost.done()

    @property
    def version(self) -> str:
        return self.dialect.name

    def reason(self, code: int) -> str:
        """A reason code in words."""
        return self.dialect.reason(code)

    @property
    def keep_alive_s(self) -> int:
        """The broker's word goes before ours [MQTT-3.1.2-21]; 0 would mean never, and we still want to find a dead peer."""
        return self.server.keep_alive_s or self._options.keep_alive_s

    @property
    def messages(self) -> Messages:
        """What was read and is not taken away yet."""
        return self._reader.messages

    @messages.setter
    def messages(self, place: Messages) -> None:
        self._reader.messages = place

    async def close(self) -> None:
        """Say goodbye and end; returns when the socket is closed."""
        if self.is_open and self._transport is not None:
            self._error = ConnectionLost("we closed it")
            self.write(self.dialect.disconnect())
            self._transport.close()
            await asyncio.wait((self.lost,), timeout=_CLOSING_TIMEOUT_S)
        self.abort()

    def abort(self, error: ConnectionLost | None = None) -> None:
        """End at once, without a word to the broker."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, but not the base class
        self._listener.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - how much we want to read is our business
        return self._buffer.free()

    def buffer_updated(self, nbytes: int) -> None:
        self.bytes_received += nbytes
        self._silent_ticks = 0
        data = self._buffer.filled(nbytes)
        if data is None:
            return  # in the middle of a large packet: go on at full speed
        try:
            used = self._reader.feed(data)
            for frame in self._reader.control:
                self._handle(self.dialect.decode(frame))
        except MalformedStream as exc:
            self._end(exc, MALFORMED_PACKET)
            return
        self._reader.control.clear()
        self._buffer.keep(data, used, self._reader.needed_bytes)
        self._tell()
        self._rest()

    def eof_received(self) -> bool:
        self._error = self._error or ConnectionLost("the broker closed it")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._resume_timer, self._keep_alive_timer):
            if timer is not None:
                timer.cancel()
        if self.lost.done():
            return
        if exc is None or isinstance(exc, OSError) or self._error is not None:
            self.lost.set_result(self._error or ConnectionLost("it ended" if exc is None else str(exc) or type(exc).__name__))
        else:
            self.lost.set_exception(exc)  # a fault of this program in reading: reconnecting would only repeat it

    def pause_writing(self) -> None:
        self.can_write = False

    def resume_writing(self) -> None:
        self.can_write = True
        self._listener.writable()

    # -- reading

    def _tell(self) -> None:
        """Tell the listener what this read brought."""
        arrived = self._reader.messages.stamp(time.time_ns() // 1000)
        if arrived and not self._listener.arrived(arrived):
            self._is_held = True
        if self._reader.acknowledged:
            acknowledged, self._reader.acknowledged = self._reader.acknowledged, []
            self._listener.acknowledged(acknowledged)

    def _rest(self) -> None:
        """Leave the socket alone for a moment, or until `resume` where the listener has had enough."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.pause_reading()
        if not self._is_held and self._resume_timer is None:
            self._resume_timer = self._loop.call_later(self._read_interval_s, self._read_on)

    def _read_on(self) -> None:
        self._resume_timer = None
        if self._transport is not None and not self._transport.is_closing() and not self._is_held:
            self._transport.resume_reading()

    def resume(self) -> None:
        """The listener takes messages again."""
        if self._is_held:
            self._is_held = False
            self._silent_ticks = 0
            if self._resume_timer is None:
                self._read_on()

    def _handle(self, packet: Packet) -> None:
        match packet:
            case Handshake(kind=kind):
                if kind == PUBREL:
                    self.write(PUBCOMP_HEAD + packet.packet_id)
                else:
                    self._listener.answered(packet)
            case ConnAck() if not self._connack.done():
                self._connack.set_result(packet)
            case SubAck() if self._suback is not None and not self._suback.done():
                self._suback.set_result(packet)
            case Disconnect():
                is_taken_over = packet.code == SESSION_TAKEN_OVER
                self.abort(SessionTakenOver() if is_taken_over else ConnectionLost(f"the broker said: {packet.reason}"))
            case PingResp():
                pass
            case _:
                raise MalformedStream(f"{type(packet).__name__} was not asked for")

    # -- writing

    def answer(self, answers: Sequence[bytes]) -> None:
        """Send acknowledging packets, all in one write."""
        self.write(b"".join(answers))

    def write(self, data: bytes) -> None:
        """Send bytes; nothing happens on a connection that has ended."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def subscribe(self, filters: Sequence[str], max_qos: int) -> Sequence[int]:
        """Subscribe and return the broker's code for each filter. Raises ConnectionLost."""
        self._suback = self._loop.create_future()
        self.write(self.dialect.subscribe(SUBSCRIBE_PACKET_ID, filters, max_qos))
        timeout_s = self._options.connect_timeout_s
        await asyncio.wait((self._suback, self.lost), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if self._suback.done():
            return self._suback.result().codes
        if not self.lost.done():
            self.abort(ConnectionLost(f"no answer to SUBSCRIBE within {timeout_s:g} s"))
        raise await self.lost

    # -- ending

    def _tick(self) -> None:
        """Every half keep-alive: ask for a sign of life, and give up when two such questions had no answer.

        The broker wants to hear from us once in a keep-alive [MQTT-3.1.2-20]; while we do not
        read, we cannot know whether it lives.
        """
        if not self._is_held and self._silent_ticks >= 2:
            self.abort(ConnectionLost(f"the broker has been silent for {self.keep_alive_s} s"))
            return
        self._silent_ticks += 1
        self.write(PINGREQ)
        self._keep_alive_timer = self._loop.call_later(self.keep_alive_s / 2, self._tick)

    def _end(self, error: ConnectionLost, code: int) -> None:
        self._error = error
        self.write(self.dialect.disconnect(code))
        if self._transport is not None:
            self._transport.close()


def _tls_problem(exc: ssl.SSLError) -> str:
    return getattr(exc, "verify_message", None) or exc.reason or str(exc)
