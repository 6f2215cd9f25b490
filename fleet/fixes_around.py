"""The fixes on either side of instants: what says where a vehicle was at an instant at which it did not report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from fleet.fix import Float32s, Float64s, Int64s

#: `after_time` where there is no fix after the instant, soon enough.
NO_FIX: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far from an instant fixes are looked for, and which are worth it."""

    before_s: float
    after_s: float
    #: Fixes that claim to be worse are passed over; those that claim nothing are not.
    worst_accuracy_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FixesAround:
    """N pairs of an instant and a vehicle as columns of one length N, by instant and vehicle; only vehicles with a fix before.

    `before` is the last fix at or before the instant, `after` the first one later than it (NO_FIX and NaN where there is none).
    Times are microseconds since 1970 UTC, `speed_mps` is NaN where the tracker said nothing.
    """

    instant: Int64s
    vehicle: Int64s
    before_time: Int64s
    before_lat: Float64s
    before_lon: Float64s
    before_speed_mps: Float32s
    after_time: Int64s
    after_lat: Float64s
    after_lon: Float64s

    def __len__(self) -> int:
        return len(self.instant)

    @classmethod
    def empty(cls) -> Self:
        whole, fraction, single = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.float32)
        return cls(
            instant=whole,
            vehicle=whole,
            before_time=whole,
            before_lat=fraction,
            before_lon=fraction,
            before_speed_mps=single,
            after_time=whole,
            after_lat=fraction,
            after_lon=fraction,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[FixesAround]) -> FixesAround:
        """The rows of all parts, in order."""
        return cls(**{one.name: np.concatenate([getattr(part, one.name) for part in (cls.empty(), *parts)]) for one in fields(cls)})

    def at(self, instant: int) -> FixesAround:
        """The rows of one instant."""
        first, end = np.searchsorted(self.instant, [instant, instant + 1])
        return FixesAround(**{one.name: getattr(self, one.name)[first:end] for one in fields(self)})
