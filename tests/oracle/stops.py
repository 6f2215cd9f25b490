"""When stops were reached, told the plain way: for a vehicle that passes well-separated stops once each, in their order.

* `min_dwell_s` 0: at the nearest place of the way from fix to fix, if that is within the radius.
* `min_dwell_s` > 0: if between the first slow fix inside and the last fix inside so much time lies; where the way cut the circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from fleet.fix import Fix
from fleet.geodesy import distance_m
from fleet.route import Stop

SLOW_MPS = 2.0
#: Ways are looked at in so many places.
PARTS = 200


def arrivals(fixes: Sequence[Fix], stops: Sequence[Stop]) -> dict[str, datetime]:
    """The instant of arrival at each stop that was reached."""
    found = {stop.id: passed(fixes, stop) if stop.min_dwell_s == 0 else stood(fixes, stop) for stop in stops}
    return {name: at for name, at in found.items() if at is not None}


def passed(fixes: Sequence[Fix], stop: Stop) -> datetime | None:
    near = [(away_m, at) for away_m, at in _along(fixes, stop) if away_m <= stop.arrival_radius_m]
    return min(near)[1] if near else None


def stood(fixes: Sequence[Fix], stop: Stop) -> datetime | None:
    assert stop.min_dwell_s is not None
    inside = [fix for fix in fixes if distance_m(fix.lat, fix.lon, stop.lat, stop.lon) <= stop.arrival_radius_m]
    slow = [fix for fix in inside if fix.speed_mps is not None and fix.speed_mps < SLOW_MPS]
    if len(inside) < 2 or not slow or (inside[-1].time - slow[0].time).total_seconds() < stop.min_dwell_s:
        return None
    return next(at for away_m, at in _along(fixes, stop) if away_m <= stop.arrival_radius_m)


def _along(fixes: Sequence[Fix], stop: Stop) -> Iterator[tuple[float, datetime]]:
    """(distance from the stop, instant) of many places along the way, in order; where it comes near the circle at all."""
    for start, end in pairwise(fixes):
        way_m = distance_m(start.lat, start.lon, end.lat, end.lon)
        if distance_m(start.lat, start.lon, stop.lat, stop.lon) > stop.arrival_radius_m + way_m:
            continue
        for part in range(PARTS + 1):
            share = part / PARTS
            lat, lon = start.lat + share * (end.lat - start.lat), start.lon + share * (end.lon - start.lon)
            yield distance_m(lat, lon, stop.lat, stop.lon), start.time + share * (end.time - start.time)
