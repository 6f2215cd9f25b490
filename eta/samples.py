"""Which forecasts are remembered until they come true, and in what form: a flat tuple of numbers, kept with the vehicle.

Every forecast of a near stop could be; of the far ones a few are enough, since each waits long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from eta.horizon import EDGES_S
from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s
from fleet.progress import Sample

#: Every how manieth turn a forecast of each band is kept, and how long a turn is.
_EVERY: Final = (1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 6, 8, 12, 16)
_TURN_S: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasted:
    """What was forecast, when, and from what. `leg_s` is 0 unless it was for the next stop; `rest` is its state then."""

    made_s: float
    horizon_s: float
    waits: bool
    leg_s: float
    rest: Float64s

    def as_sample(self) -> Sample:
        return (self.made_s, self.horizon_s, float(self.waits), self.leg_s, *self.rest.tolist())

    @classmethod
    def of_sample(cls, sample: Sample) -> Forecasted:
        made_s, horizon_s, waits, leg_s, *rest = sample
        return cls(made_s=made_s, horizon_s=horizon_s, waits=bool(waits), leg_s=leg_s, rest=np.array(rest))


def worth_keeping(at: int, horizon_s: Float64s) -> list[int]:
    """Indices into `horizon_s` (never falling): at most one a band, another one each turn. `at` in microseconds since 1970 UTC."""
    turn = at // (_TURN_S * MICROS_PER_S)
    ends = [*horizon_s.searchsorted(EDGES_S).tolist(), len(horizon_s)]
    kept, start = [], 0
    for every, end in zip(_EVERY, ends, strict=True):
        if end > start and turn % every == 0:
            kept.append(start + turn // every * 7 % (end - start))
        start = end
    return kept
