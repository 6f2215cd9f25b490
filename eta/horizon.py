"""The bands of time to arrival, and the tolerance that the public ETA Accuracy Benchmark grants in each.

Errors grow with the horizon, so what is learned about errors is learned a band. The benchmark (a bucket of time to arrival,
and how many seconds a vehicle may come earlier or later than told) ends at a quarter of an hour; wider bands carry it on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s

#: Upper ends of the bands, seconds to arrival.
EDGES_S: Final = np.array([60.0, 180.0, 360.0, 600.0, 900.0, 1800.0, 3600.0])
BANDS: Final = len(EDGES_S) + 1
#: Middle of each band: what was learned for it holds there, and is interpolated between.
CENTRES_S: Final = np.array([30.0, 120.0, 270.0, 480.0, 750.0, 1350.0, 2700.0, 5400.0])
#: Seconds that the vehicle may come earlier, or later, than told.
EARLY_S: Final = np.array([30.0, 30.0, 60.0, 60.0, 90.0, 120.0, 180.0, 300.0])
LATE_S: Final = np.array([90.0, 90.0, 150.0, 210.0, 270.0, 360.0, 480.0, 600.0])


def band_of(horizon_s: float) -> int:
    return int(np.searchsorted(EDGES_S, horizon_s, side="right"))


def bands_of(horizon_s: Float64s) -> npt.NDArray[np.intp]:
    return np.searchsorted(EDGES_S, horizon_s, side="right")


def between_bands(horizon_s: Float64s, values: Float64s) -> Float64s:
    """Values known at the centres of the bands, interpolated at each horizon."""
    return np.asarray(np.interp(horizon_s, CENTRES_S, values))
