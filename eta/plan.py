"""What the model needs of a route's plan: its legs by their places, and how long each should take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from eta.legs import UNSEEN, LegKey, LegTable, Rows
from eta.settings import EtaSettings
from fleet.clock import MICROS_PER_S, to_micros
from fleet.fix import Float64s
from fleet.geodesy import distance_m
from fleet.route import Route, Stop

#: A leg that was driven for the first time is found by other routes after so long at the latest.
_LOOK_AGAIN_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class RoutePlan:
    """`planned_s` of each stop (seconds since 1970, NaN where nothing is planned); of each leg its key and its duration."""

    route: Route
    planned_s: Float64s
    legs: tuple[LegKey, ...]
    legs_s: Float64s
    #: Where the legs are in the table, how large that was, and when they were looked up.
    _rows: Rows
    _known: int = -1
    _looked_s: float = float("-inf")

    def rows_in(self, table: LegTable, at_s: float) -> Rows:
        """The rows of the legs in the table, looked up again where it has grown, but not with each forecast."""
        if self._known != len(table) and at_s - self._looked_s >= _LOOK_AGAIN_S:
            self._rows, self._known, self._looked_s = table.rows(self.legs), len(table), at_s
        return self._rows


def plan_route(route: Route, settings: EtaSettings) -> RoutePlan:
    pairs = list(pairwise(route.stops))
    return RoutePlan(
        route=route,
        planned_s=np.array([_planned_s(stop) for stop in route.stops]),
        legs=tuple((_place(origin), _place(destination)) for origin, destination in pairs),
        legs_s=np.array([_leg_s(origin, destination, settings) for origin, destination in pairs]),
        _rows=np.full(len(pairs), UNSEEN, np.intp),
    )


def _planned_s(stop: Stop) -> float:
    return float("nan") if stop.planned_arrival is None else to_micros(stop.planned_arrival) / MICROS_PER_S


def _place(stop: Stop) -> str:
    """Its name, else where it is, to about ten metres."""
    return stop.place or f"{stop.lat:.4f} {stop.lon:.4f}"


def _leg_s(origin: Stop, destination: Stop, settings: EtaSettings) -> float:
    """As planned; else the straight distance at a usual speed, and the stay at the origin."""
    if origin.planned_arrival is not None and destination.planned_arrival is not None:
        return max(settings.least_leg_s, (destination.planned_arrival - origin.planned_arrival).total_seconds())
    way_s = distance_m(origin.lat, origin.lon, destination.lat, destination.lon) / settings.speed_mps
    stay_s = origin.service_s
    if stay_s is None:
        stay_s = 0.0 if origin.min_dwell_s == 0 else settings.service_s
    return max(settings.least_leg_s, way_s + stay_s)
