"""Teltonika's AVL frames, Codec 8 (0x08), 8 Extended (0x8E) and 16 (0x10): bytes to records.

    preamble 4 x 00 | length u32 | codec u8 | count u8 | records | count u8 | CRC u32        (big endian)

`length` counts codec to the second count; the CRC (CRC-16/IBM) is taken over the same bytes. A record is
`time u64 ms, priority u8, lon i32, lat i32 (1e-7 degrees), altitude i16, angle u16, satellites u8, speed u16 km/h`, and then
inputs and outputs in groups of values of 1, 2, 4 and 8 bytes; 8 Extended adds a group of values with lengths of their own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fleet.screening import Reason
from ingest.formats.refusing import Unreadable

_HEAD: Final = struct.Struct(">IIBB")
_RECORD: Final = struct.Struct(">QBiihHBH")
_PREAMBLE_AND_LENGTH: Final = 8
_CRC_BYTES: Final = 4
#: Codec and both counts: the shortest body.
_SHORTEST_BODY: Final = 3
_VALUE_BYTES: Final = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvlRecord:
    time_ms: int
    priority: int
    lon_e7: int
    lat_e7: int
    altitude_m: int
    angle_deg: int
    satellites: int
    speed_kmh: int
    event: int
    #: By AVL id; values of any length of their own (8 Extended) are hexadecimal.
    io: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Codec:
    """How a codec writes its inputs and outputs: formats of ids and of counts."""

    id_format: str
    count_format: str
    has_generation: bool = False
    has_lengths: bool = False


_CODECS: Final = {
    0x08: _Codec(id_format="B", count_format="B"),
    0x8E: _Codec(id_format="H", count_format="H", has_lengths=True),
    0x10: _Codec(id_format="H", count_format="B", has_generation=True),
}


def records_of(frame: bytes) -> list[AvlRecord]:
    """All records of one frame. Raises Unreadable: WRONG_LENGTH, BAD_CHECKSUM, UNSUPPORTED or INVALID_FRAME."""
    body = _body_of(frame)
    codec = _CODECS.get(body[0])
    if codec is None:
        raise Unreadable(Reason.UNSUPPORTED, f"codec 0x{body[0]:02X} carries no positions that are read here")
    if body[1] != body[-1]:
        raise Unreadable(Reason.INVALID_FRAME, f"says {body[1]} records before and {body[-1]} after them")
    reader = _Reader(body[2:-1])
    records = [_record(reader, codec) for _ in range(body[1])]
    if reader.left:
        raise Unreadable(Reason.INVALID_FRAME, f"{reader.left} bytes left after {body[1]} records")
    if not records:
        raise Unreadable(Reason.NOT_A_FIX, "a frame without records")
    return records


def _body_of(frame: bytes) -> bytes:
    """Codec to second count, its length and checksum verified."""
    if len(frame) < _PREAMBLE_AND_LENGTH + _SHORTEST_BODY + _CRC_BYTES:
        raise Unreadable(Reason.WRONG_LENGTH, f"{len(frame)} bytes are no frame")
    preamble, length, _, _ = _HEAD.unpack_from(frame)
    if preamble:
        raise Unreadable(Reason.INVALID_FRAME, "does not begin with four zero bytes")
    there = len(frame) - _PREAMBLE_AND_LENGTH - _CRC_BYTES
    if length != there:
        raise Unreadable(Reason.WRONG_LENGTH, f"the frame says {length} bytes and has {there}")
    body = frame[_PREAMBLE_AND_LENGTH : _PREAMBLE_AND_LENGTH + length]
    said = int.from_bytes(frame[-_CRC_BYTES:], "big")
    computed = crc16_ibm(body)
    if said != computed:
        raise Unreadable(Reason.BAD_CHECKSUM, f"CRC {said:04x}, computed {computed:04x}")
    return body


def _record(reader: _Reader, codec: _Codec) -> AvlRecord:
    time_ms, priority, lon, lat, altitude, angle, satellites, speed = reader.take(_RECORD)
    event = reader.number(codec.id_format)
    if codec.has_generation:
        reader.number("B")
    total = reader.number(codec.count_format)
    io = dict(_values(reader, codec))
    if len(io) > total:
        raise Unreadable(Reason.INVALID_FRAME, f"says {total} inputs and outputs and has {len(io)}")
    return AvlRecord(
        time_ms=time_ms, priority=priority, lon_e7=lon, lat_e7=lat, altitude_m=altitude, angle_deg=angle,
        satellites=satellites, speed_kmh=speed, event=event, io=io,
    )  # fmt: skip


def _values(reader: _Reader, codec: _Codec) -> Iterator[tuple[str, Any]]:
    for size in _VALUE_BYTES:
        for _ in range(reader.number(codec.count_format)):
            key = reader.number(codec.id_format)
            yield str(key), int.from_bytes(reader.raw(size), "big")
    if codec.has_lengths:
        for _ in range(reader.number(codec.count_format)):
            key = reader.number(codec.id_format)
            yield str(key), reader.raw(reader.number("H")).hex()


class _Reader:
    """Takes bytes off the front; beyond the end it raises Unreadable (INVALID_FRAME)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def raw(self, size: int) -> bytes:
        if size > self.left:
            raise Unreadable(Reason.INVALID_FRAME, f"ends within a record, {size - self.left} bytes short")
        self._at += size
        return self._data[self._at - size : self._at]

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.raw(layout.size))

    def number(self, code: str) -> int:
        """An unsigned number, `B` of one byte or `H` of two."""
        return int.from_bytes(self.raw(1 if code == "B" else 2), "big")


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_TABLE: Final = _crc_table()


def crc16_ibm(data: bytes) -> int:
    """CRC-16/IBM (ARC): polynomial 0x8005 reflected (0xA001), initial value 0."""
    value = 0
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value
