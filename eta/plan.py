"""What the model needs of a route's plan: its legs by their places, and how long each should take."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from eta.legs import UNSEEN, LegTable, Rows
from eta.settings import EtaSettings
from fleet.clock import MICROS_PER_S, to_micros
from fleet.fix import Float64s, Int64s
from fleet.geodesy import distance_m
from fleet.route import Route, Stop

#: A leg that was driven for the first time is found by other routes after so long at the latest.
_LOOK_AGAIN_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class RoutePlan:
    """`planned_s` of each stop (seconds since 1970, NaN where nothing is planned); of each leg its number and its duration."""

    route: Route
    planned_s: Float64s
    legs: Int64s
    legs_s: Float64s
    #: Where the legs are in the table, how large that was, and when they were looked up.
    _rows: Rows
    _known: int = -1
    #: Whether any of its legs is in the table.
    is_driven: bool = False
    _looked_s: float = float("-inf")

    def rows_in(self, table: LegTable, at_s: float) -> Rows:
        """The rows of the legs in the table, looked up again where it has grown, but not with each forecast."""
        if self._known != len(table) and at_s - self._looked_s >= _LOOK_AGAIN_S:
            # A new array: forecasts that are still to be computed hold the rows of their moment.
            self._rows, self._known, self._looked_s = table.rows(self.legs), len(table), at_s
            self.is_driven = bool((self._rows >= 0).any())
        return self._rows


def plan_route(route: Route, settings: EtaSettings) -> RoutePlan:
    pairs = list(pairwise(route.stops))
    return RoutePlan(
        route=route,
        planned_s=np.array([_planned_s(stop) for stop in route.stops]),
        legs=leg_numbers(route),
        legs_s=np.array([_leg_s(origin, destination, settings) for origin, destination in pairs]),
        _rows=np.full(len(pairs), UNSEEN, np.intp),
    )


def leg_numbers(route: Route) -> Int64s:
    """What each leg of the route is known by: 64 bits of a digest of the places at both ends. Of ten million legs two have the
    same with a chance of one in 400,000, and then merely mix what was seen of them."""
    places = [_place(stop).encode() for stop in route.stops]
    digests = b"".join(hashlib.blake2b(origin + b"\0" + there, digest_size=8).digest() for origin, there in pairwise(places))
    return np.frombuffer(digests, "<i8").astype(np.int64)


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
