"""What is wrong with each fix of a batch: the first reason found for it, and a sentence for the person who looks."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S, rfc3339_micros
from fleet.fix import FixBatch
from fleet.screening import Reason
from ingest.protocol import Refusal

Bools = npt.NDArray[np.bool_]

_REASONS: Final = tuple(Reason)
_CODE: Final = {reason: code for code, reason in enumerate(_REASONS, start=1)}
_OF_TIME: Final = frozenset({Reason.INVALID_TIME, Reason.FUTURE, Reason.TOO_OLD})


class Faults:
    """Reasons by row; a row keeps the first."""

    def __init__(self, fixes: FixBatch) -> None:
        self._fixes = fixes
        self._code = np.zeros(len(fixes), np.uint8)

    @property
    def mask(self) -> Bools:
        """Rows that are refused."""
        return self._code > 0

    @property
    def any(self) -> bool:
        return bool(self._code.any())

    def mark(self, rows: npt.NDArray[np.generic], reason: Reason) -> None:
        """`rows`: a mask, or indices."""
        indices = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        self._code[indices[self._code[indices] == 0]] = _CODE[reason]

    def refusals(self) -> list[Refusal]:
        rows = np.flatnonzero(self._code).tolist()
        return [self._refusal(row, _REASONS[self._code[row] - 1]) for row in rows]

    def _refusal(self, row: int, reason: Reason) -> Refusal:
        detail = self._time_detail(row) if reason in _OF_TIME else self._place_detail(row, reason)
        return Refusal(message=int(self._fixes.message[row]), reason=reason, detail=detail)

    def _time_detail(self, row: int) -> str:
        time, received = int(self._fixes.time[row]), int(self._fixes.received[row])
        try:
            instant = rfc3339_micros(time)
        except OverflowError:
            return "time is no instant"
        return f"time {instant}, received {(received - time) / MICROS_PER_S:.0f} s after it"

    def _place_detail(self, row: int, reason: Reason) -> str:
        fixes = self._fixes
        if reason is Reason.INACCURATE:
            return f"accuracy {fixes.accuracy_m[row]:g} m"
        return f"lat {fixes.lat[row]:g}, lon {fixes.lon[row]:g}"
