"""The bands of time to arrival, and the tolerance that the public ETA Accuracy Benchmark grants.

Errors grow with the horizon, so what is learned about errors is learned a band. The benchmark (a bucket of time to arrival,
and how many seconds a vehicle may come earlier or later than told) ends at a quarter of an hour; wider buckets carry it on.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np

from fleet.fix import Float64s

#: Ends of the bands, seconds of horizon; the last is open.
EDGES_S: Final = np.array([60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 480.0, 600.0, 750.0, 900.0, 1350.0, 1800.0, 3600.0])
BANDS: Final = len(EDGES_S) + 1
#: Middle of each band: what was learned for it holds there, and is interpolated between.
CENTRES_S: Final = np.append((np.append(0.0, EDGES_S[:-1]) + EDGES_S) / 2, 5400.0)

#: Ends of the buckets, seconds that it really took; how many the vehicle may come earlier, or later, than told.
_BUCKETS_S: Final = np.array([180.0, 360.0, 600.0, 900.0, 1800.0, 3600.0])
_EARLY_S: Final = np.array([30.0, 60.0, 60.0, 90.0, 120.0, 180.0, 300.0])
_LATE_S: Final = np.array([90.0, 150.0, 210.0, 270.0, 360.0, 480.0, 600.0])


_EDGES_S: Final = tuple(EDGES_S.tolist())


def band_of(horizon_s: float) -> int:
    return bisect_right(_EDGES_S, horizon_s)


def tolerance_s(took_s: Float64s) -> tuple[Float64s, Float64s]:
    """Seconds earlier, and later, than told that the benchmark grants a vehicle which came after so long."""
    buckets = np.searchsorted(_BUCKETS_S, took_s, side="right")
    return _EARLY_S[buckets], _LATE_S[buckets]
