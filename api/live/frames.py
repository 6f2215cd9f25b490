"""How a delta is written to a reader: JSON messages, or binary columns.

Both are cut into messages of less than a mebibyte (the default limit of many WebSocket clients), so that a large fleet neither
breaks a client nor holds one connection's buffer full: the first is the `snapshot`, the rest are `positions`.

Binary layout, little-endian; a frame is one WebSocket binary message. Offsets in bytes, N rows:

======== ======== ================================================================================
offset   type     meaning
======== ======== ================================================================================
0        u8[4]    `O R D 1`
4        u8       kind: 1 snapshot, 2 positions, 3 gone
5        u8[3]    zero
8        u32      N
12       u32      T: length of the text at the end
16       f64      seq
24       f64      reserved, zero
32       f64[N]   time, milliseconds since 1970 (kinds 1, 2)
...      i32[N]   lon, 1e-7 degrees (kinds 1, 2)
...      i32[N]   lat, 1e-7 degrees (kinds 1, 2)
...      u32[N]   slot: the vehicle's number within this connection (all kinds)
...      u16[N]   speed, cm/s; 65535 = not known (kinds 1, 2)
...      u16[N]   heading, 1/100 degree; 65535 = not known (kinds 1, 2)
...      u16[N]   accuracy, dm; 65535 = not known, 65534 = that or more (kinds 1, 2)
...      u8[T]    UTF-8 JSON: `[{"slot", "tenant", "vehicle", "name", "route"}]`, the rows' vehicles that are
                  new to the reader or were renamed or given another route (kinds 1, 2)
======== ======== ================================================================================

The columns follow one another without gaps, so every one is aligned to its own width.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from api.live.board import Board, Slots
from api.live.columns import Float32s, Mask
from api.live.delta import Delta

#: A text message or a binary one.
Frame: TypeAlias = str | bytes

MAGIC: Final = b"ORD1"
SNAPSHOT: Final = 1
POSITIONS: Final = 2
GONE: Final = 3
UNKNOWN_U16: Final = 65_535

#: 26 bytes a row and about 100 of text: below 1 MiB also when every row is introduced.
BINARY_ROWS: Final = 6_144
#: About 200 bytes a row; names may be long, so the bound is on bytes as well.
JSON_ROWS: Final = 4_096
JSON_BYTES: Final = 900_000

_HEADER: Final = struct.Struct("<4sB3xIId8x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """A delta as messages, in numbered portions that can each be written by itself at any time, with the values of that
    moment: a reader in the middle of a large bulletin holds slots, not text."""

    board: Board
    delta: Delta
    seq: int
    is_snapshot: bool
    is_binary: bool

    def __len__(self) -> int:
        return self._position_portions + bool(len(self.delta.gone))

    @property
    def _rows(self) -> int:
        return BINARY_ROWS if self.is_binary else JSON_ROWS

    @property
    def _position_portions(self) -> int:
        """A snapshot is sent also where it is empty."""
        return max(-(-len(self.delta.moved) // self._rows), int(self.is_snapshot))

    def write(self, portion: int) -> list[Frame]:
        """The messages of a portion: one, or several where the names are very long."""
        if portion >= self._position_portions:
            return [self._gone()]
        rows = slice(portion * self._rows, (portion + 1) * self._rows)
        opens = self.is_snapshot and portion == 0
        if self.is_binary:
            slots, introduced = self.delta.moved[rows], self.delta.introduced[rows]
            return [_binary_positions(self.board, SNAPSHOT if opens else POSITIONS, self.seq, slots, introduced)]
        return _json_positions(self.board.texts(self.delta.moved[rows]), self.seq, opens=opens)

    def _gone(self) -> Frame:
        gone = self.delta.gone
        if self.is_binary:
            return _HEADER.pack(MAGIC, GONE, len(gone), 0, self.seq) + gone.astype("<u4").tobytes()
        vehicles = [self.board.vehicle_of[slot] for slot in gone.tolist()]
        return orjson.dumps({"type": "gone", "seq": self.seq, "vehicles": vehicles}).decode()


def _json_positions(texts: list[bytes], seq: int, *, opens: bool) -> list[Frame]:
    frames: list[Frame] = []
    for portion in portions(texts):
        kind = b"snapshot" if opens and not frames else b"positions"
        frames.append((b'{"type":"%b","seq":%d,"positions":[%b]}' % (kind, seq, b",".join(portion))).decode())
    return frames


def portions(texts: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The texts in runs of at most JSON_BYTES (a longer text is a run by itself); one empty run where there are none."""
    portion: list[bytes] = []
    size = 0
    for text in texts:
        if portion and size + len(text) > JSON_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += len(text) + 1
    yield portion


def _binary_positions(board: Board, kind: int, seq: int, slots: Slots, introduced: Mask) -> bytes:
    text = _introductions(board, slots[introduced]) if introduced.any() else b""
    columns = (
        board.time[slots].astype("<f8"),
        np.rint(board.lon[slots] * 1e7).astype("<i4"),
        np.rint(board.lat[slots] * 1e7).astype("<i4"),
        slots.astype("<u4"),
        _scaled(board.speed_mps[slots], 100.0),
        _scaled(board.heading_deg[slots], 100.0),
        _scaled(board.accuracy_m[slots], 10.0),
    )
    header = _HEADER.pack(MAGIC, kind, len(slots), len(text), seq)
    return b"".join([header, *(column.tobytes() for column in columns), text])


def _introductions(board: Board, slots: Slots) -> bytes:
    return orjson.dumps(
        [
            {
                "slot": slot,
                "tenant": board.tenant_of[slot],
                "vehicle": board.vehicle_of[slot],
                "name": board.name_of[slot],
                "route": board.route_of[slot],
            }
            for slot in slots.tolist()
        ]
    )


def _scaled(column: Float32s, factor: float) -> npt.NDArray[np.uint16]:
    units = np.clip(np.rint(column.astype(np.float64) * factor), 0, UNKNOWN_U16 - 1)
    return np.where(np.isnan(units), UNKNOWN_U16, units).astype("<u2")
