"""How long legs take: what was seen of each pair of places, weighed by time of day and freshness, beside what the plan says.

A leg is the time from the arrival at one place to the arrival at the next, with the stay at the first. Its passages are compared
with what was planned for each of them; the estimate is the plan times the weighted ratio of the two, with the plan itself as one
more passage. So a plan that knows the rush hour helps, and one that is off by a third everywhere does not harm for long.
"""

from __future__ import annotations

from itertools import repeat
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from eta.settings import EtaSettings
from fleet.fix import Float64s, Int64s

Rows = npt.NDArray[np.intp]

#: The row of a leg that was never driven.
UNSEEN: Final = -1

_DAY_S: Final = 86_400.0
_FIRST_ROWS: Final = 64
#: The newest passages of a leg: when (seconds since 1970, 0 = empty), how long it took, what was planned (seconds).
_PASSAGE: Final = np.dtype([("when", "<u4"), ("took", "<f4"), ("planned", "<f4")])
#: Legs whose passages are weighed in one go: so many stay in a processor's cache.
_AT_ONCE: Final = 1024


class LegTable:
    """A ring of passages for each leg that was ever driven. A leg is known by its number (`eta.plan.leg_numbers`)."""

    def __init__(self, settings: EtaSettings) -> None:
        self._settings = settings
        self._row: dict[int, int] = {}
        self._next = np.zeros(0, np.int64)
        self._passages = np.zeros((0, settings.kept), _PASSAGE)

    def __len__(self) -> int:
        return len(self._row)

    def rows(self, legs: Int64s) -> Rows:
        """The row of each leg, `UNSEEN` where there is none."""
        return np.fromiter(map(self._row.get, legs.tolist(), repeat(UNSEEN)), np.intp, len(legs))

    def row_of(self, leg: int) -> int:
        return self._row.get(leg, UNSEEN)

    def learn(self, leg: int, when_s: float, took_s: float, planned_s: float) -> None:
        """The leg was driven, beginning at `when_s`. The same passage, told again for a route beside it, counts once."""
        row = self._row.get(leg)
        if row is None:
            row = self._add(leg)
        passage = np.array((round(when_s), took_s, planned_s), _PASSAGE)
        ring = self._passages[row]
        if bool(((ring["when"] == passage["when"]) & (ring["took"] == passage["took"])).any()):
            return
        ring[self._next[row] % self._settings.kept] = passage
        self._next[row] += 1

    def _add(self, leg: int) -> int:
        row = len(self._row)
        if row == len(self._next):
            more = max(_FIRST_ROWS, row // 2)
            self._next = np.concatenate([self._next, np.zeros(more, np.int64)])
            self._passages = np.concatenate([self._passages, np.zeros((more, self._settings.kept), _PASSAGE)])
        self._row[leg] = row
        return row

    def expect(self, rows: Rows, planned_s: Float64s, begins_s: Float64s, at_s: Float64s) -> Float64s:
        """Expected durations of legs, by what is known at `at_s`, where they begin at `begins_s`: four columns of one length."""
        expected = planned_s.copy()
        known = np.flatnonzero(rows >= 0)
        for start in range(0, known.size, _AT_ONCE):
            some = known[start : start + _AT_ONCE]
            expected[some] *= self._ratios(rows[some], planned_s[some], begins_s[some], at_s[some])
        return expected

    def _ratios(self, rows: Rows, planned_s: Float64s, begins_s: Float64s, at_s: Float64s) -> Float64s:
        """How much longer than planned they take."""
        passages = self._passages[rows]
        weight = self._weights(passages["when"].astype(np.float64), begins_s[:, None], at_s[:, None])
        planned = self._settings.prior_weight * planned_s
        took = planned + (weight * passages["took"]).sum(axis=1)
        return np.asarray(took / (planned + (weight * passages["planned"]).sum(axis=1)))

    def _weights(self, when_s: Float64s, begins_s: Float64s, at_s: Float64s) -> Float64s:
        """What each passage says about a leg that begins at `begins_s`."""
        settings = self._settings
        apart_s = (begins_s - when_s + _DAY_S / 2) % _DAY_S - _DAY_S / 2
        weight = settings.day_floor + np.exp(-0.5 * (apart_s / settings.day_width_s) ** 2)
        weight += settings.fresh_weight * np.exp(-np.maximum(begins_s - when_s, 0.0) / settings.fresh_s)
        weight *= np.exp(-np.maximum(at_s - when_s, 0.0) / settings.fade_s)
        return np.asarray(np.where(when_s > 0.0, weight, 0.0))

    def snapshot(self) -> bytes:
        size = len(self._row)
        legs = np.fromiter(self._row, np.int64, size).tobytes()
        state = (legs, self._next[:size].tolist(), self._settings.kept, self._passages[:size].tobytes())
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError. Passages kept with another size of ring are dropped."""
        packed, following, kept, passages = msgspec.msgpack.decode(state, type=tuple[bytes, list[int], int, bytes])
        if kept != self._settings.kept:
            return
        legs = np.frombuffer(packed, np.int64).tolist()
        self._row = {leg: row for row, leg in enumerate(legs)}
        self._next = np.array(following, np.int64)
        self._passages = np.frombuffer(passages, _PASSAGE).reshape(len(legs), kept).copy()
