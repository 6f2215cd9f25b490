"""What the model needs of a route's plan: its legs by their places, and how long each should take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eta.legs import LegKey
from eta.settings import EtaSettings
from fleet.clock import MICROS_PER_S, to_micros
from fleet.fix import Float64s
from fleet.geodesy import distance_m
from fleet.route import Route, Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePlan:
    """`planned_s` of each stop (seconds since 1970, NaN where nothing is planned); of each leg its key and its duration."""

    route: Route
    planned_s: Float64s
    legs: tuple[LegKey, ...]
    legs_s: Float64s


def plan_route(route: Route, settings: EtaSettings) -> RoutePlan:
    pairs = list(pairwise(route.stops))
    return RoutePlan(
        route=route,
        planned_s=np.array([_planned_s(stop) for stop in route.stops]),
        legs=tuple((_place(origin), _place(destination)) for origin, destination in pairs),
        legs_s=np.array([_leg_s(origin, destination, settings) for origin, destination in pairs]),
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
