"""Progress along a route, and what is forecast from it: the words in which the engine of stops and the model of ETAs talk.

Neither house knows the other; both know these records. Instants are microseconds since 1970 UTC, as in `FixBatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fleet.fix import Int64s
from fleet.route import Route
from fleet.samples import Rows

Positions = npt.NDArray[np.intp]


class Progress(NamedTuple):
    """How far a vehicle has come on a route that is under way.

    `served` is the index of the furthest stop served; the vehicle is on its leg to the next one, `fraction` of it done
    (0 while it is still at the stop). `departed` is None while it has not left that stop.
    """

    route: Route
    at: int
    served: int
    arrived: int
    departed: int | None
    fraction: float
    #: Time at which the present leg last showed a movement; a vehicle that stands does not come nearer.
    moved_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """Arrivals at all stops ahead, of several vehicles.

    Forecast number k was made at the instant `at[k]`, is about the stops `first[k]`, `first[k] + 1`, ... of its route, and is in
    the rows `starts[k]:starts[k + 1]` of the four columns of instants; none of them falls within a forecast. What is to be learned
    from it, few rows, is in `sample_starts[k]:...` of `samples` and `rest_starts[k]:...` of `rests`. Each `..starts` has one entry
    more than there are forecasts.
    """

    at: Int64s
    first: Positions
    starts: Positions
    p10: Int64s
    p50: Int64s
    p90: Int64s
    shown: Int64s
    samples: Rows
    sample_starts: Positions
    rests: Rows
    rest_starts: Positions

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A way that was driven: from the arrival at one stop of a route to the arrival at a later one."""

    route: Route
    origin: int
    destination: int
    left_origin: int | None
    started: int
    ended: int
