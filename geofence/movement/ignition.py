"""Ignition: what the fixes' extras say of it, and how it was at each fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from geofence.movement.traces import NOT_SAID, Traces
from geofence.rows import Rows
from geofence.slots import Int64s

Int8s = npt.NDArray[np.int8]
Column = TypeVar("Column", Int8s, Int64s)

OFF: Final = 0
ON: Final = 1

_KEY: Final = b'"ignition"'
_WORDS: Final = {"on": ON, "true": ON, "1": ON, "off": OFF, "false": OFF, "0": OFF}
#: What formats say that keep to the vocabulary.
_MEANING: Final[dict[bool | int | float | str | None, int]] = {True: ON, False: OFF, None: NOT_SAID}


class _Extras(msgspec.Struct, gc=False):
    ignition: bool | int | float | str | None = None


_ONE: Final = msgspec.json.Decoder(_Extras)
_MANY: Final = msgspec.json.Decoder(list[_Extras])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignition:
    """Behind each row: ON, OFF or NOT_SAID, and since when it has been so."""

    state: Int8s
    since: Int64s

    @classmethod
    def of(cls, rows: Rows, traces: Traces) -> Self | None:
        """None where nothing is known of any vehicle."""
        known, since = traces["ignition"][rows.vehicles], traces["ignition_since"][rows.vehicles]
        said = _said(rows.batch.extras)
        if said is None:
            if not (known != NOT_SAID).any():
                return None
            return cls(state=known[rows.vehicle_numbers], since=since[rows.vehicle_numbers])
        state = _carried(said != NOT_SAID, said, known, rows)
        changed = state != rows.before(known[rows.vehicle_numbers], state)
        return cls(state=state, since=_carried(changed, rows.batch.time, since, rows))


def _carried(is_new: npt.NDArray[np.bool_], values: Column, known: Column, rows: Rows) -> Column:
    """Each row's value: of the last row of its vehicle that has a new one, else what was known of the vehicle."""
    if not rows.is_repeating:
        return np.where(is_new, values, known)
    last = np.maximum.accumulate(np.where(is_new, np.arange(len(is_new)), -1))
    return np.where(last >= rows.starts[rows.vehicle_numbers], values[last], known[rows.vehicle_numbers])


def _said(extras: list[bytes | None]) -> Int8s | None:
    """ON, OFF or NOT_SAID by row; None where none says anything."""
    if not any(extras):
        return None
    texts = [extra for extra in extras if extra is not None]
    joined = b",".join(texts)
    if _KEY not in joined:
        return None
    said = np.full(len(extras), NOT_SAID, np.int8)
    speaking = slice(None) if len(texts) == len(extras) else [row for row, extra in enumerate(extras) if extra is not None]
    said[speaking] = _meanings(texts, joined)
    return said


def _meanings(texts: list[bytes], joined: bytes) -> list[int]:
    """All at once; where one of them is not what it should be, one by one."""
    try:
        return [_MEANING[extra.ignition] for extra in _MANY.decode(b"[" + joined + b"]")]
    except (msgspec.DecodeError, KeyError):
        return [_meaning(text) for text in texts]


def _meaning(text: bytes) -> int:
    try:
        value = _ONE.decode(text).ignition
    except msgspec.DecodeError:
        return NOT_SAID
    if isinstance(value, str):
        return _WORDS.get(value.lower(), NOT_SAID)
    return NOT_SAID if value is None else int(bool(value))
