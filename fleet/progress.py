"""Progress along a route, and what is forecast from it: the words in which the engine of stops and the model of ETAs talk.

Neither house knows the other; both know these records. Instants are microseconds since 1970 UTC, as in `FixBatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fleet.fix import Int64s
from fleet.route import Route

#: What a model wants to be told again when the stop that it forecast is reached; means something to the model alone.
Sample: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
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
    #: Time and fraction at which the present leg last showed a movement; a vehicle that stands does not come nearer.
    moved_at: int
    #: Instants of the stops served before, as (index, instant), oldest first; the newest few are enough.
    trail: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Arrivals at the stops `first`, `first + 1`, ... of the route; four columns of one length, never falling."""

    first: int
    p10: Int64s
    p50: Int64s
    p90: Int64s
    shown: Int64s
    #: (index of the stop, what the model wants back with its arrival); few.
    samples: tuple[tuple[int, Sample], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A way that was driven: from the arrival at one stop of a route to the arrival at a later one."""

    route: Route
    origin: int
    destination: int
    left_origin: int | None
    started: int
    ended: int
