"""A broker that does what a test tells it, also what no proper broker would do. It speaks just enough of MQTT 5 and 3.1.1."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass
class Guest:
    """One connection to the scripted broker."""

    writer: asyncio.StreamWriter
    level: int = 0
    client_id: str = ""
    #: Whole packets that came in after CONNECT, in order.
    packets: list[bytes] = field(default_factory=list)

    @property
    def acknowledged(self) -> list[int]:
        """Packet ids of the PUBACKs that came in."""
        return [int.from_bytes(packet[2:4], "big") for packet in self.packets if packet[0] == 0x40]

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    def publish(self, topic: bytes, payload: bytes, *, packet_id: int = 0, head: int | None = None) -> None:
        """A PUBLISH with any topic at all; at QoS 1 where it has a packet id."""
        properties = b"\x00" if self.level == 5 else b""
        identifier = packet_id.to_bytes(2, "big") if packet_id else b""
        body = len(topic).to_bytes(2, "big") + topic + identifier + properties + payload
        first = head if head is not None else (0x32 if packet_id else 0x30)
        self.send(bytes((first,)) + _length(len(body)) + body)


class ScriptedBroker:
    """Accepts everybody, unless `refusal` says with which CONNACK not."""

    def __init__(self) -> None:
        self.guests: list[Guest] = []
        self.session_present = False
        #: Level of the CONNECT to a whole CONNACK packet; None for the ordinary one.
        self.refusal: Callable[[int], bytes | None] = lambda _level: None
        self.connack_properties = b""
        #: Reason codes of the SUBACK; one 1 for each filter where empty.
        self.granted: Sequence[int] = ()
        self.answers_pings = True
        self._server: asyncio.Server | None = None
        self._subscribed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for guest in self.guests:
            guest.writer.transport.abort()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def next_subscriber(self) -> Guest:
        """The guest that subscribes next."""
        await self._subscribed.wait()
        self._subscribed.clear()
        return self.guests[-1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guest = Guest(writer)
        try:
            connect = await _packet(reader)
            guest.level, guest.client_id = _identity(connect)
            self.guests.append(guest)
            refusal = self.refusal(guest.level)
            writer.write(refusal if refusal is not None else self._connack(guest.level))
            if refusal is not None:
                writer.close()
                return
            while True:
                packet = await _packet(reader)
                guest.packets.append(packet)
                self._answer(guest, packet)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()

    def _connack(self, level: int) -> bytes:
        present = bytes((self.session_present, 0))
        if level == 4:
            return b"\x20\x02" + present
        properties = _length(len(self.connack_properties)) + self.connack_properties
        return b"\x20" + _length(2 + len(properties)) + present + properties

    def _answer(self, guest: Guest, packet: bytes) -> None:
        if packet[0] == 0x82:
            codes = bytes(self.granted) or bytes((1,)) * _filters(packet, guest.level)
            body = packet[2:4] if packet[1] < 0x80 else packet[3:5]
            body += (b"\x00" if guest.level == 5 else b"") + codes
            guest.send(b"\x90" + _length(len(body)) + body)
            self._subscribed.set()
        elif packet[0] == 0xC0 and self.answers_pings:
            guest.send(b"\xd0\x00")


async def _packet(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(2)
    while header[-1] & 0x80:
        header += await reader.readexactly(1)
    size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(header[1:]))
    return header + await reader.readexactly(size)


def _identity(connect: bytes) -> tuple[int, str]:
    level = connect[8]
    offset = 12
    if level == 5:
        offset += 1 + connect[offset]
    size = int.from_bytes(connect[offset : offset + 2], "big")
    return level, connect[offset + 2 : offset + 2 + size].decode()


def _filters(subscribe: bytes, level: int) -> int:
    offset = 4 if subscribe[1] < 0x80 else 5
    if level == 5:
        offset += 1 + subscribe[offset]
    count = 0
    while offset < len(subscribe):
        offset += 2 + int.from_bytes(subscribe[offset : offset + 2], "big") + 1
        count += 1
    return count


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        encoded.append(size & 0x7F | (0x80 if size >= 0x80 else 0))
        size >>= 7
        if not size:
            return bytes(encoded)
