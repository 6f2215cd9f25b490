"""Forecasts that wait to come true: what a model of arrivals wants to be told again when a stop is reached, packed in rows.

A vehicle on its way keeps a hundred of them, so they are bytes in its record, and columns when somebody reads them. What the
columns mean is the model's affair; who keeps them knows only for which stop each is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

#: `stop`: its position in the route; `at`: when the forecast was made (microseconds since 1970 UTC); `ahead_s`: how long until the
#: arrival. Of those that are `of_rest` there is a row of `REST` as well.
SAMPLE: Final = np.dtype([("stop", "<u4"), ("at", "<i8"), ("ahead_s", "<f8"), ("waits", "?"), ("of_rest", "?")])
#: How long the leg under way was expected to take, and the state from which its rest was forecast.
REST: Final = np.dtype([("leg_s", "<f8"), ("state", "<f8", (5,))])
#: Samples that a route keeps at most; the oldest go first.
MOST: Final = 128

Rows = npt.NDArray[Any]

_ROW: Final = SAMPLE.itemsize
_REST_ROW: Final = REST.itemsize


class Samples(msgspec.Struct, array_like=True, gc=False):
    """Rows of `SAMPLE` in order of making, and the rows of `REST` of those that have one, in the same order."""

    rows: bytes = b""
    rests: bytes = b""

    def __len__(self) -> int:
        return len(self.rows) // _ROW

    def add(self, rows: bytes, rests: bytes) -> None:
        self.rows += rows
        self.rests += rests
        if len(self.rows) > MOST * _ROW:
            self.rows = self.rows[-MOST * _ROW :]
            self.rests = self._newest_rests(int(self._read()["of_rest"].sum()))

    def _newest_rests(self, count: int) -> bytes:
        return self.rests[len(self.rests) - count * _REST_ROW :]

    def take(self, stop: int) -> tuple[Rows, Rows]:
        """The rows for one stop, which are kept no longer, and the rests of those that have one."""
        rows, rests = self._read(), np.frombuffer(self.rests, REST)
        wanted = rows["stop"] == stop
        of_rest = rows["of_rest"]
        wanted_rests = wanted[of_rest]
        self.rows, self.rests = rows[~wanted].tobytes(), rests[~wanted_rests].tobytes()
        return rows[wanted], rests[wanted_rests]

    def moved(self, positions: Mapping[int, int]) -> Samples:
        """The same for a route whose stops are elsewhere now; those of stops without a new position are left out."""
        rows, rests = self._read().copy(), np.frombuffer(self.rests, REST)
        kept = np.array([stop in positions for stop in rows["stop"].tolist()], bool)
        kept_rests = kept[rows["of_rest"]]
        rows = rows[kept]
        rows["stop"] = [positions[stop] for stop in rows["stop"].tolist()]
        return Samples(rows.tobytes(), rests[kept_rests].tobytes())

    def _read(self) -> Rows:
        return np.frombuffer(self.rows, SAMPLE)
