"""Rows to columns: the builder for formats that look at their messages one by one.

`native` and `hfp` fill columns in bulk; formats whose payloads differ from message to message collect `Rows` instead.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fleet.command import Answer
from fleet.fix import NO_SATELLITES, FixBatch, Float32s, Float64s, Int16s, Int64s
from fleet.screening import Flag, Reason
from ingest.formats.extras import encode_extras
from ingest.protocol import Decoded, Refusal

NOT_SAID = float("nan")


def is_unsaid(values: Sequence[object]) -> bool:
    """Whether all are None, as trackers of one kind leave the same things out. Where the first is said, no other is looked at."""
    return not values or (values[0] is None and values.count(None) == len(values))


def float64s(values: Sequence[float | None]) -> Float64s:
    """A column; None becomes NaN."""
    try:
        # 7 ns a value, np.array takes 17; what is not a number (None) is refused.
        return np.frombuffer(bytearray(struct.pack(f"{len(values)}d", *values)), np.float64)
    except struct.error:
        return np.array(values, np.float64)


def float32s(values: Sequence[float | None]) -> Float32s:
    """A column; None becomes NaN, what float32 cannot hold becomes infinite (screening makes it NaN)."""
    if is_unsaid(values):
        return np.full(len(values), np.nan, np.float32)
    with np.errstate(over="ignore"):
        return float64s(values).astype(np.float32)


def satellite_counts(values: Sequence[int | None]) -> Int16s:
    """A column of counts; what is no count of satellites is not said."""
    if is_unsaid(values):
        return np.full(len(values), NO_SATELLITES, np.int16)
    return np.array([value if value is not None and 0 <= value <= 255 else NO_SATELLITES for value in values], np.int16)


@dataclass(slots=True, kw_only=True)
class Row:
    """One fix on its way into the columns, in the units of `Fix`. `time` is microseconds since 1970 UTC."""

    time: int
    lat: float
    lon: float
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    altitude_m: float | None = None
    satellites: int | None = None
    flags: Flag = Flag(0)
    extras: Mapping[str, Any] = field(default_factory=dict)


class Rows:
    """Collects what a format makes of a batch, message by message."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._messages: list[int] = []
        self._tracker: list[int] = []
        self._index: dict[tuple[str, str], int] = {}
        self._refused: list[Refusal] = []
        self._ignored: list[int] = []
        self._answers: list[Answer] = []

    def add(self, message: int, tenant: str, ident: str, row: Row) -> None:
        self._rows.append(row)
        self._messages.append(message)
        self._tracker.append(self._index.setdefault((tenant, ident), len(self._index)))

    def refuse(self, message: int, reason: Reason, detail: str = "", tracker: tuple[str, str] | None = None) -> None:
        self._refused.append(Refusal(message=message, reason=reason, detail=detail, tracker=tracker))

    def ignore(self, message: int) -> None:
        self._ignored.append(message)

    def answer(self, message: int, answer: Answer) -> None:
        self._ignored.append(message)
        self._answers.append(answer)

    def decoded(self, received: Sequence[int]) -> Decoded:
        """The columns; `received` holds the instant of receipt of each message of the batch."""
        rows = self._rows
        message = np.array(self._messages, np.int32)
        fixes = FixBatch(
            vehicle=np.zeros(len(rows), np.int64),
            time=np.array([row.time for row in rows], np.int64),
            lat=float64s([row.lat for row in rows]),
            lon=float64s([row.lon for row in rows]),
            speed_mps=float32s([row.speed_mps for row in rows]),
            heading_deg=float32s([row.heading_deg for row in rows]),
            accuracy_m=float32s([row.accuracy_m for row in rows]),
            altitude_m=float32s([row.altitude_m for row in rows]),
            satellites=satellite_counts([row.satellites for row in rows]),
            flags=np.array([row.flags for row in rows], np.uint16),
            received=received_of(received, message),
            message=message,
            extras=[encode_extras(row.extras) for row in rows],
        )
        return Decoded(
            fixes=fixes,
            tracker=np.array(self._tracker, np.int32),
            trackers=list(self._index),
            refused=self._refused,
            ignored=self._ignored,
            answers=self._answers,
        )


def received_of(received: Sequence[int], message: Any) -> Int64s:
    """The instant of receipt of each fix: that of its message."""
    column = np.asarray(received, np.int64)
    return column[message] if len(message) else np.zeros(0, np.int64)
