"""How long legs take: what was seen of each pair of places, weighed by time of day and freshness, beside what the plan says.

A leg is the time from the arrival at one place to the arrival at the next, with the stay at the first. Its passages are compared
with what was planned for each of them; the estimate is the plan times the weighted ratio of the two, with the plan itself as one
more passage. So a plan that knows the rush hour helps, and one that is off by a third everywhere does not harm for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from eta.settings import EtaSettings
from fleet.fix import Float64s

#: The places at both ends.
LegKey: TypeAlias = tuple[str, str]
Rows: TypeAlias = npt.NDArray[np.intp]

#: The row of a leg that was never driven.
UNSEEN: Final = -1

_DAY_S: Final = 86_400.0
_FIRST_ROWS: Final = 64
#: The newest passages of a leg: when (seconds since 1970, 0 = empty), how long it took, what was planned (seconds).
_PASSAGE: Final = np.dtype([("when", "<u4"), ("took", "<f4"), ("planned", "<f4")])


class LegTable:
    """A ring of passages for each leg that was ever driven."""

    def __init__(self, settings: EtaSettings) -> None:
        self._settings = settings
        self._row: dict[LegKey, int] = {}
        self._next = np.zeros(0, np.int64)
        self._passages = np.zeros((0, settings.kept), _PASSAGE)

    def __len__(self) -> int:
        return len(self._row)

    def rows(self, legs: Sequence[LegKey]) -> Rows:
        """The row of each leg, `UNSEEN` where there is none."""
        find = self._row.get
        return np.array([find(leg, UNSEEN) for leg in legs], np.intp)

    def learn(self, leg: LegKey, when_s: float, took_s: float, planned_s: float) -> None:
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

    def _add(self, leg: LegKey) -> int:
        row = len(self._row)
        if row == len(self._next):
            more = max(_FIRST_ROWS, row)
            self._next = np.concatenate([self._next, np.zeros(more, np.int64)])
            self._passages = np.concatenate([self._passages, np.zeros((more, self._settings.kept), _PASSAGE)])
        self._row[leg] = row
        return row

    def expect(self, rows: Rows, planned_s: Float64s, at_s: float) -> Float64s:
        """Expected durations of legs driven one after the other from `at_s` on, by what is known then."""
        known = (rows >= 0).nonzero()[0]
        expected = planned_s.copy()
        if not known.size:
            return expected
        begins_s = at_s + (np.cumsum(planned_s) - planned_s)[known]
        passages = self._passages[rows[known]]
        weight = self._weights(passages["when"].astype(np.float64), begins_s[:, None], at_s)
        planned = self._settings.prior_weight * planned_s[known]
        took = planned + (weight * passages["took"]).sum(axis=1)
        expected[known] *= took / (planned + (weight * passages["planned"]).sum(axis=1))
        return expected

    def _weights(self, when_s: Float64s, begins_s: Float64s, at_s: float) -> Float64s:
        """What each passage says about a leg that begins at `begins_s`."""
        settings = self._settings
        apart_s = (begins_s - when_s + _DAY_S / 2) % _DAY_S - _DAY_S / 2
        weight = settings.day_floor + np.exp(-0.5 * (apart_s / settings.day_width_s) ** 2)
        weight += settings.fresh_weight * np.exp(-np.maximum(begins_s - when_s, 0.0) / settings.fresh_s)
        weight *= np.exp(-np.maximum(at_s - when_s, 0.0) / settings.fade_s)
        return np.asarray(np.where(when_s > 0.0, weight, 0.0))

    def snapshot(self) -> bytes:
        size = len(self._row)
        state = (list(self._row), self._next[:size].tolist(), self._settings.kept, self._passages[:size].tobytes())
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError. Passages kept with another size of ring are dropped."""
        legs, following, kept, passages = msgspec.msgpack.decode(state, type=tuple[list[LegKey], list[int], int, bytes])
        if kept != self._settings.kept:
            return
        self._row = {leg: row for row, leg in enumerate(legs)}
        self._next = np.array(following, np.int64)
        self._passages = np.frombuffer(passages, _PASSAGE).reshape(len(legs), kept).copy()
