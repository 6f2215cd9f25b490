"""Delivery rounds: which stops a van serves in which order, when each is planned, and for which customers.

The plan comes out in the words of the plan file, so the simulator can write it, or hand it to the API as any planner would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from firmware_sim.road_graph import NoRoad, RoadGraph, Way
from firmware_sim.van import Leg
from fleet.clock import parse_rfc3339, rfc3339
from fleet.geodesy import distance_m

#: A plan that drives at the limits is never kept; planners allow for lights and traffic.
_PLANNED_SHARE_OF_LIMIT: Final = 0.62
_MIN_LEG_M: Final = 250.0
_MAX_LEG_M: Final = 1_800.0
_CUSTOMERS: Final = (
    "Aalto Bakery", "Blue Door Pharmacy", "Cartwright & Sons", "Dockside Books", "Elm Street Clinic", "Garnet Optics",
    "Harbour Deli", "Ivy House", "Juno Flowers", "Kaya", "Lighthouse Café", "Meyer", "Nordlund", "Old Mill Wines", "Pascal",
    "Quay Cycles", "Rossi", "Salt & Stone", "Tanaka", "Union Hall", "Varga", "Willow Nursery", "Xylo Music", "Zephyr Labs",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of one van: how it drives (`legs`), and what was planned (`route` as in the plan file, `orders`)."""

    legs: tuple[Leg, ...]
    route: Mapping[str, Any]
    orders: tuple[Mapping[str, Any], ...]
    end: int

    @property
    def first_planned(self) -> datetime:
        """When the first stop is planned."""
        return parse_rfc3339(self.route["stops"][0]["planned_arrival"])

    def postponed(self, by: timedelta) -> Round:
        """The same round, planned later by so much (earlier where negative)."""
        stops = [
            {**stop, "planned_arrival": _moved(stop["planned_arrival"], by), "window": [_moved(end, by) for end in stop["window"]]}
            for stop in self.route["stops"]
        ]
        route = {**self.route, "starts_at": _moved(self.route["starts_at"], by), "stops": stops}
        orders = tuple({**order, "promise": [_moved(end, by) for end in order["promise"]]} for order in self.orders)
        return replace(self, route=route, orders=orders)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundOptions:
    stops: int = 12
    service_s: tuple[float, float] = (40.0, 110.0)
    arrival_radius_m: float = 60.0
    #: Width of the window around the planned arrival.
    window_s: float = 900.0


def plan_round(
    graph: RoadGraph, *, vehicle: str, route: str, start: int, starts_at: datetime, rng: np.random.Generator, options: RoundOptions
) -> Round:
    """A round from junction `start` at `starts_at` through `options.stops` stops, each a drive of 250-1,800 m."""
    legs, stops, orders = [], [], []
    here, planned = start, starts_at
    for seq in range(1, options.stops + 1):
        here, way = _next_stop(graph, here, rng)
        service_s = round(float(rng.uniform(*options.service_s)))
        planned += timedelta(seconds=way.free_flow_s / _PLANNED_SHARE_OF_LIMIT)
        customer = str(rng.choice(_CUSTOMERS))
        stop = _stop(f"{route}:{seq}", seq, graph, here, planned, service_s, customer, options)
        legs.append(Leg(way=way, service_s=service_s))
        stops.append(stop)
        order = f"O-{route}-{seq}"
        stops[-1]["orders"] = [order]
        orders.append({"id": order, "customer": customer, "stop": stop["id"], "promise": stop["window"]})
        planned += timedelta(seconds=service_s)
    planned_route = {"id": route, "vehicle": vehicle, "starts_at": rfc3339(starts_at), "stops": stops}
    return Round(legs=tuple(legs), route=planned_route, orders=tuple(orders), end=here)


def _moved(instant: str, by: timedelta) -> str:
    return rfc3339(parse_rfc3339(instant) + by)


def _next_stop(graph: RoadGraph, here: int, rng: np.random.Generator) -> tuple[int, Way]:
    """A junction within a delivery van's usual hop, and the way there."""
    farthest: tuple[int, Way] | None = None
    for _ in range(200):
        there = int(rng.integers(graph.junctions))
        crow_m = distance_m(*(float(v) for v in (graph.lat[here], graph.lon[here], graph.lat[there], graph.lon[there])))
        if there == here or crow_m > _MAX_LEG_M:
            continue
        way = graph.way(here, there)
        if _MIN_LEG_M <= way.length_m <= _MAX_LEG_M * 2:
            return there, way
        if farthest is None or way.length_m > farthest[1].length_m:
            farthest = there, way
    if farthest is None:
        raise NoRoad(f"{graph.name} is too small for a round")
    return farthest


def _stop(
    identifier: str,
    seq: int,
    graph: RoadGraph,
    junction: int,
    planned: datetime,
    service_s: float,
    customer: str,
    options: RoundOptions,
) -> dict[str, Any]:
    half = timedelta(seconds=options.window_s / 2)
    return {
        "id": identifier,
        "seq": seq,
        "place": f"J{junction}",
        "name": customer,
        "lat": round(float(graph.lat[junction]), 7),
        "lon": round(float(graph.lon[junction]), 7),
        "arrival_radius_m": options.arrival_radius_m,
        "planned_arrival": rfc3339(planned),
        "window": [rfc3339(planned - half), rfc3339(planned + half)],
        "service_s": service_s,
    }
