"""Values that are no measurement become "not said", so that nothing later has to wonder.

A bad secondary value does not make the place wrong: the fix is kept without it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from fleet.fix import FixBatch, Float32s

#: Beyond these a value is an error of the tracker, whatever it is mounted on (aircraft included).
FASTEST_MPS: Final = 350.0
LOWEST_M: Final = -500.0
HIGHEST_M: Final = 20_000.0
LEAST_ACCURATE_M: Final = 100_000.0


def normalise(fixes: FixBatch) -> None:
    """In place: speed outside [0, 350] m/s, accuracy outside [0, 100 km] and altitude outside [-500 m, 20 km] are not said;
    headings are wrapped into [0, 360), and beyond one round in either direction not said."""
    _unsay(fixes.speed_mps, 0.0, FASTEST_MPS)
    _unsay(fixes.accuracy_m, 0.0, LEAST_ACCURATE_M)
    _unsay(fixes.altitude_m, LOWEST_M, HIGHEST_M)
    heading = fixes.heading_deg
    if not ((heading >= 0) & (heading < 360)).all():
        _unsay(heading, -360.0, 720.0)
        np.mod(heading, np.float32(360.0), out=heading)
        heading[heading >= 360] = 0.0  # the remainder of a tiny negative number rounds up to 360


def _unsay(column: Float32s, smallest: float, largest: float) -> None:
    wrong = (column < smallest) | (column > largest)
    if wrong.any():
        column[wrong] = np.nan
