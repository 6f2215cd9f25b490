"""A reader of the binary live form, written from docs/api.md alone and not with the server's code."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

_KINDS = {1: "snapshot", 2: "positions", 3: "gone"}


@dataclass(frozen=True, kw_only=True)
class Frame:
    kind: str
    seq: int
    #: (slot, time in ms, lat, lon, speed_mps, heading_deg, accuracy_m)
    rows: list[tuple[int, int, float, float, float | None, float | None, float | None]]
    introduced: list[dict[str, Any]]
    gone: list[int]


def read_frame(data: bytes) -> Frame:
    magic, kind, count, text_bytes, seq = struct.unpack_from("<4sB3xIId", data)
    assert magic == b"ORD1"
    at = 32

    def column(letter: str) -> list[Any]:
        nonlocal at
        form = struct.Struct(f"<{count}{letter}")
        values = list(form.unpack_from(data, at))
        at += form.size
        return values

    if kind == 3:
        return Frame(kind="gone", seq=int(seq), rows=[], introduced=[], gone=column("I"))
    times, lons, lats, slots = column("d"), column("i"), column("i"), column("I")
    speeds, headings, accuracies = column("H"), column("H"), column("H")
    text = data[at : at + text_bytes]
    assert at + text_bytes == len(data)
    rows = [
        (slot, int(time), lat / 1e7, lon / 1e7, _known(speed, 100), _known(heading, 100), _known(accuracy, 10))
        for slot, time, lat, lon, speed, heading, accuracy in zip(
            slots, times, lats, lons, speeds, headings, accuracies, strict=True
        )
    ]
    return Frame(kind=_KINDS[kind], seq=int(seq), rows=rows, introduced=json.loads(text) if text else [], gone=[])


def _known(value: int, scale: int) -> float | None:
    return None if value == 65_535 else value / scale
