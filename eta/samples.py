"""Which forecasts are remembered until they come true.

Every forecast of a near stop could be; of the far ones a few are enough, since each waits long.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from eta.horizon import BANDS, EDGES_S
from eta.layout import Layout
from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int64s
from fleet.progress import Positions

#: Every how manieth turn a forecast of each band is kept, and how long a turn is.
_EVERY: Final = np.array((1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 6, 8, 12, 16))
_TURN_S: Final = 15


def worth_keeping(at: Int64s, horizon_s: Float64s, layout: Layout) -> tuple[Positions, Positions]:
    """Of each forecast (`at`: microseconds since 1970 UTC; its horizons, never falling, a row of `layout`) at most one a band,
    another one each turn: the number of the forecast, and the position within it."""
    bands = EDGES_S.searchsorted(horizon_s, side="right")
    counts = np.bincount(layout.numbers() * BANDS + bands, minlength=len(at) * BANDS).reshape(len(at), BANDS)
    turn = (at // (_TURN_S * MICROS_PER_S))[:, None]
    kept, band = np.nonzero((counts > 0) & (turn % _EVERY == 0))
    begins = (np.cumsum(counts, axis=1) - counts)[kept, band]
    return kept, begins + (turn // _EVERY)[kept, band] * 7 % counts[kept, band]
