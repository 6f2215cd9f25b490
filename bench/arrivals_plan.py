"""The round as a planning system would hand it over: the plan file's words, and no more than a planner knows.

No stop names a dwell. Three plans in five name a service time, the same for each stop; half name windows of two hours. Planned
arrivals follow from distances and a usual pace, not from the day that comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from bench.arrivals_round import Door, Round
from bench.arrivals_streets import to_degrees
from fleet.clock import MICROS_PER_S, rfc3339_micros

_PACE_MPS: Final = 3.5
_SERVICE_S: Final = (120.0, 150.0, 180.0)
_HALF_WINDOW_S: Final = 3600.0


def plan(van: str, round_: Round, began: int, rng: np.random.Generator) -> dict[str, Any]:
    """The route as in a plan file. `began`: microseconds since 1970 UTC at the day's second 0."""
    service_s = float(rng.choice(_SERVICE_S))
    names_service, names_window = rng.random() < 0.6, rng.random() < 0.5
    starts_s = starts_at_s(round_)
    stops = []
    for seq, (door, planned_s) in enumerate(_planned(round_, starts_s, service_s), 1):
        (lat,), (lon,) = to_degrees(np.array([door.east_m]), np.array([door.north_m]))
        stop = {"id": door.id, "seq": seq, "place": door.place, "lat": round(float(lat), 7), "lon": round(float(lon), 7)}
        stop |= {"arrival_radius_m": door.radius_m, "planned_arrival": _instant(began, planned_s)}
        if names_service:
            stop["service_s"] = service_s
        if names_window:
            stop["window"] = [_instant(began, planned_s - _HALF_WINDOW_S), _instant(began, planned_s + _HALF_WINDOW_S)]
        stops.append(stop)
    return {"id": f"{van}-round", "vehicle": van, "starts_at": _instant(began, starts_s), "stops": stops}


def starts_at_s(round_: Round) -> float:
    """The second of the day at which the route starts: the van is loaded then."""
    return round_.halts[0].stands_s


def _planned(round_: Round, starts_s: float, service_s: float) -> Iterator[tuple[Door, float]]:
    now_s, before = starts_s, round_.planned[0]
    for door in round_.planned:
        now_s += float(np.hypot(door.east_m - before.east_m, door.north_m - before.north_m)) / _PACE_MPS
        yield door, now_s
        now_s += 0.0 if door is before else service_s
        before = door


def _instant(began: int, second: float) -> str:
    return rfc3339_micros(began + round(second) * MICROS_PER_S)
