"""One connection of `aiomqtt`, and of the paho client inside it, as a connection that a link can keep up and an inbox can read.

`aiomqtt` connects, subscribes, pings and disconnects. Three things that it does not offer are done on its paho client, by that
client's own public interface: acknowledging by hand, pausing to read, and seeing whether the broker still knew the session.
`aiomqtt.Client._client` is the one private name used; `docs/decisions/0002-mqtt-3.1.1.md` says why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Self, cast

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage

from fleet.screening import Reason
from mqttwire.connection import Listener
from mqttwire.errors import BrokerUnreachable, ConnectionLost, ConnectRefused, Unanswered
from mqttwire.frames import KEPT_PAYLOAD_BYTES
from mqttwire.messages import Messages
from mqttwire.options import MqttOptions
from mqttwire.packets import PUBACK_HEAD, PUBCOMP_HEAD, ConnAck
from mqttwire.receive_buffer import ORDINARY_BYTES
from mqttwire.tls import tls_context
from mqttwire.v311 import V311

#: Messages that one turn of the event loop may read, so that nothing else starves.
_READS_A_TURN: Final = 500
_TYPICAL_HEADER_BYTES: Final = 6
_REFUSAL_WITHIN_S: Final = 0.2


class PahoConnection:
    """Made by `PahoConnection.open`, which returns when the broker has accepted us."""

    version = V311.name

    def __init__(self, options: MqttOptions, listener: Listener, max_payload_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._listener = listener
        self._max_payload_bytes = max_payload_bytes
        self._client = _client(options)
        self._paho: PahoClient = self._client._client
        self._is_accepted = False
        self._is_held = False
        self._added = 0
        self.lost: asyncio.Future[ConnectionLost] = self._loop.create_future()
        self.server = ConnAck(shared_available=False)
        self.messages = Messages()
        self.bytes_received = 0
        self._take_over()

    @classmethod
    async def open(cls, options: MqttOptions, listener: Listener, max_payload_bytes: int) -> Self:
        """Connect, keeping the session, and be accepted. Raises BrokerUnreachable, ConnectRefused, InvalidMqttOption."""
        connection = cls(options, listener, max_payload_bytes)
        listener.opened(connection)
        try:
            await connection._enter()
        except aiomqtt.exceptions.MqttConnectError as exc:
            code = _code(exc.rc)
            raise ConnectRefused(options.address, code, connection.reason(code)) from exc
        except (aiomqtt.MqttError, OSError) as exc:
            raise BrokerUnreachable(options.address, str(exc)) from exc
        finally:
            if not connection._is_accepted:
                connection.abort()
        connection._read_from_now_on()
        return connection

    async def _enter(self) -> None:
        entering = asyncio.create_task(self._client.__aenter__(), name="aiomqtt connect")
        try:
            await asyncio.wait((entering, self.lost), return_when=asyncio.FIRST_COMPLETED)
            if not entering.done():
                # aiomqtt does not notice a connection that ends before CONNACK, and would wait for its time-out. A refusal ends
                # it as well, and is told in the next moment.
                await asyncio.wait((entering,), timeout=_REFUSAL_WITHIN_S)
        finally:
            entering.cancel()
        if not entering.done():
            problem = f"it closed the connection without an answer ({self.lost.result().reason})"
            raise Unanswered(self._options.address, problem)
        entering.result()
        self._is_accepted = True

    def _take_over(self) -> None:
        """Put our callbacks beside or in place of those that `aiomqtt` gave its client."""
        paho = self._paho
        # paho's types know the callbacks of its old interface as well, which aiomqtt does not use.
        tell_aiomqtt_connected = cast("Callable[..., None]", paho.on_connect)
        tell_aiomqtt_disconnected = cast("Callable[..., None]", paho.on_disconnect)

        def on_connect(client: PahoClient, userdata: Any, flags: ConnectFlags, reason: Any, properties: Any) -> None:
            self.server = ConnAck(session_present=flags.session_present, shared_available=False)
            tell_aiomqtt_connected(client, userdata, flags, reason, properties)

        def on_disconnect(client: PahoClient, userdata: Any, flags: DisconnectFlags, reason: Any, properties: Any) -> None:
            if reason == 0:  # of a lost connection aiomqtt tells those who iterate over its messages, and here nobody does
                tell_aiomqtt_disconnected(client, userdata, flags, reason, properties)
            self._end(str(reason))

        paho.manual_ack_set(True)
        paho.on_message = self._add
        paho.on_connect = on_connect
        paho.on_disconnect = on_disconnect

    @property
    def is_open(self) -> bool:
        return self._paho.socket() is not None and not self.lost.done()

    def reason(self, code: int) -> str:
        return V311().reason(code)

    async def subscribe(self, filters: Sequence[str], max_qos: int) -> Sequence[int]:
        """Subscribe and return the broker's code for each filter. Raises ConnectionLost."""
        try:
            codes = await self._client.subscribe([(pattern, max_qos) for pattern in filters])
        except aiomqtt.MqttError as exc:
            raise ConnectionLost(f"SUBSCRIBE: {exc}") from exc
        return [_code(code) for code in codes]

    async def close(self) -> None:
        if self.is_open:
            try:
                await self._client.__aexit__(None, None, None)
            except aiomqtt.MqttError as exc:
                self._end(str(exc))
        self.abort()

    def abort(self) -> None:
        """End at once: paho has no way to close without a DISCONNECT, which for the session means the same."""
        self._paho.disconnect()
        self._end("we closed it")

    def _end(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(ConnectionLost(reason))

    # -- reading

    def _read_from_now_on(self) -> None:
        """Read by ourselves instead of `aiomqtt`, which would read on when the inbox is full."""
        socket = self._paho.socket()
        if socket is not None and not self._is_held:
            self._loop.add_reader(socket.fileno(), self._read)
            self._loop.call_soon(self._read)  # what was read or decrypted before is here already, so the socket may not tell

    def _read(self) -> None:
        try:
            has_more = self._read_packets()
        except OSError as exc:
            self._end(str(exc))
            return
        fresh = self.messages.stamp(time.time_ns() // 1000)
        socket = self._paho.socket()
        if fresh and not self._listener.arrived(fresh) and socket is not None:
            self._is_held = True
            self._loop.remove_reader(socket.fileno())
        elif has_more:
            self._loop.call_soon(self._read)  # decrypted already, so the socket will not tell

    def _read_packets(self) -> bool:
        """Read what is there, within limits; True where decrypted bytes are left."""
        enough_bytes = self.bytes_received + ORDINARY_BYTES
        for _ in range(_READS_A_TURN):
            before = self._added
            self._paho.loop_read()
            if before == self._added and not self._has_decrypted():
                return False
            if self.bytes_received >= enough_bytes:
                break
        return self._has_decrypted()

    def _has_decrypted(self) -> bool:
        pending = getattr(self._paho.socket(), "pending", None)
        return pending is not None and pending() > 0

    def resume(self) -> None:
        if self._is_held:
            self._is_held = False
            self._read_from_now_on()

    def _add(self, _client: PahoClient, _userdata: Any, message: MQTTMessage) -> None:
        self._added += 1
        topic, reason = _topic(message)
        payload = bytes(message.payload)
        full_bytes = len(payload)
        if full_bytes > self._max_payload_bytes:
            reason = reason or Reason.TOO_LARGE
        if reason is not None:
            payload = payload[:KEPT_PAYLOAD_BYTES]
        self.messages.add(topic, payload, _answer(message), reason, full_bytes=full_bytes, is_retained=message.retain)
        self.messages.wire_bytes += _TYPICAL_HEADER_BYTES + len(topic) + len(payload)
        self.bytes_received += _TYPICAL_HEADER_BYTES + len(topic) + full_bytes

    def answer(self, answers: Sequence[bytes]) -> None:
        """Acknowledge by hand."""
        for packet in answers:
            if packet:
                self._paho.ack(int.from_bytes(packet[2:], "big"), 1 if packet.startswith(PUBACK_HEAD) else 2)


def _client(options: MqttOptions) -> aiomqtt.Client:
    will = options.will
    return aiomqtt.Client(
        options.host,
        options.port,
        identifier=options.client_id,
        username=options.username,
        password=options.password,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=False,
        keepalive=options.keep_alive_s,
        timeout=options.connect_timeout_s,
        tls_context=tls_context(options),
        will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
    )


def _topic(message: MQTTMessage) -> tuple[str, Reason | None]:
    try:
        return message.topic, None
    except UnicodeDecodeError as exc:
        return exc.object.decode(errors="replace"), Reason.INVALID_UTF8


def _answer(message: MQTTMessage) -> bytes:
    """The packet that acknowledges it; paho sends PUBREC at QoS 2 by itself and leaves us PUBCOMP."""
    if message.qos == 0:
        return b""
    return (PUBACK_HEAD if message.qos == 1 else PUBCOMP_HEAD) + message.mid.to_bytes(2, "big")


def _code(reason: Any) -> int:
    return int(getattr(reason, "value", reason))
