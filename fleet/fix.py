"""One fix, and many fixes as columns.

The way of a fix through the server is columns all the way (`FixBatch`); `Fix` is the readable record for edges: tests, the
API, the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int16s = npt.NDArray[np.int16]
Uint16s = npt.NDArray[np.uint16]

#: `satellites` where the tracker said nothing; the float columns say NaN.
NO_SATELLITES: Final = -1
#: `vehicle` where no vehicle is known yet.
NO_VEHICLE: Final = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """One position report. Degrees WGS 84, SI units, aware UTC; None where the tracker said nothing."""

    time: datetime
    lat: float
    lon: float
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    altitude_m: float | None = None
    satellites: int | None = None
    seq: int | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class FixBatch:
    """N fixes as columns of one length N.

    ============== ======== =====================================================================================
    column         dtype    meaning
    ============== ======== =====================================================================================
    vehicle        int64    the store's key of the vehicle (`vehicles.id`), 0 = not known yet
    time           int64    microseconds since 1970 UTC, when the tracker measured
    lat, lon       float64  degrees WGS 84
    speed_mps      float32  NaN = not said
    heading_deg    float32  clockwise from north, [0, 360); NaN = not said
    accuracy_m     float32  radius of the 68 % circle as the tracker claims it; NaN = not said
    altitude_m     float32  NaN = not said
    satellites     int16    -1 = not said
    flags          uint16   bits of `fleet.screening.Flag`: kept, but suspicious
    received       int64    microseconds since 1970 UTC, when the broker's message came in
    message        int32    index of the message in its `MessageBatch` (several fixes may share one)
    extras         list     JSON object as bytes, or None; length N
    ============== ======== =====================================================================================
    """

    vehicle: Int64s
    time: Int64s
    lat: Float64s
    lon: Float64s
    speed_mps: Float32s
    heading_deg: Float32s
    accuracy_m: Float32s
    altitude_m: Float32s
    satellites: Int16s
    flags: Uint16s
    received: Int64s
    message: Int32s
    extras: list[bytes | None]

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def empty(cls) -> Self:
        return cls.allocate(0)

    @classmethod
    def allocate(cls, size: int) -> Self:
        """A batch of `size` fixes in which nothing is said yet (zeros, NaN, -1)."""

        def unsaid() -> Float32s:
            return np.full(size, np.nan, np.float32)

        return cls(
            vehicle=np.full(size, NO_VEHICLE, np.int64),
            time=np.zeros(size, np.int64),
            lat=np.full(size, np.nan),
            lon=np.full(size, np.nan),
            speed_mps=unsaid(),
            heading_deg=unsaid(),
            accuracy_m=unsaid(),
            altitude_m=unsaid(),
            satellites=np.full(size, NO_SATELLITES, np.int16),
            flags=np.zeros(size, np.uint16),
            received=np.zeros(size, np.int64),
            message=np.zeros(size, np.int32),
            extras=[None] * size,
        )

    def take(self, rows: npt.NDArray[Any]) -> FixBatch:
        """The fixes at `rows`: a boolean mask of length N, or indices in the order wanted."""
        indices = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        columns = {name: getattr(self, name)[indices] for name in ARRAY_COLUMNS}
        extras = self.extras
        if extras.count(None) == len(extras):
            return FixBatch(**columns, extras=[None] * len(indices))
        return FixBatch(**columns, extras=[extras[row] for row in indices.tolist()])

    @classmethod
    def concatenate(cls, batches: Sequence[FixBatch]) -> FixBatch:
        """One batch with the fixes of all, in order. `message` keeps its meaning only within one `MessageBatch`."""
        if not batches:
            return cls.empty()
        if len(batches) == 1:
            return batches[0]
        columns = {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in ARRAY_COLUMNS}
        return FixBatch(**columns, extras=[extra for batch in batches for extra in batch.extras])


#: The names of the NumPy columns of `FixBatch`, in order of declaration.
ARRAY_COLUMNS: Final = tuple(column.name for column in fields(FixBatch) if column.name != "extras")
