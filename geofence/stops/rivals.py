"""Which of several routes is under way, where a vehicle serves the stops of more than one at once.

A vehicle's routes follow one another, yet a plan may give it two that lead the same way around the same time: trips that were put
on it in place of each other, or one that was copied. What it passes then fits both, and only their times tell them apart:

1. Two routes are rivals when they have half of the shorter one's ways from stop to stop in common (`are_rivals`). Routes that
   merely share a terminal, or a depot, or go there and back, are not.
2. How well a route fits is how far off its plan the vehicle was at its stops, in the mean. Where one pass serves two rivals, the
   one that fits worse by `rival_s` is set aside: what was said of it is taken back, and it is followed in silence.
3. A route that was set aside stands again where the difference has halved, or where the vehicle serves `takeover_stops` of its
   stops that its rivals do not have. After that it is not set aside any more.
4. Rivals that fit about equally well are both believed: nothing says which is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from geofence.stops.compiled import CompiledRoute
from geofence.stops.course import Course
from geofence.stops.records import Standing
from geofence.stops.settings import RouteSettings


def find_rivals(routes: Sequence[CompiledRoute]) -> tuple[frozenset[int], ...]:
    """Of each route, the positions of those that are its rivals."""
    rivals: list[set[int]] = [set() for _ in routes]
    for one, other in combinations(range(len(routes)), 2):
        if are_rivals(routes[one], routes[other]):
            rivals[one].add(other)
            rivals[other].add(one)
    return tuple(frozenset(positions) for positions in rivals)


def are_rivals(one: CompiledRoute, other: CompiledRoute) -> bool:
    ways, other_ways = _ways(one), _ways(other)
    fewer = min(len(ways), len(other_ways))
    return fewer > 0 and 2 * len(ways & other_ways) >= fewer


def _ways(route: CompiledRoute) -> frozenset[tuple[str, str]]:
    """The pairs of places that it visits one after the other."""
    places = [stop.place or f"{stop.lat:.4f} {stop.lon:.4f}" for stop in route.route.stops]
    return frozenset(pairwise(places))


def is_to_be_set_aside(course: Course, rivals: Sequence[Course], settings: RouteSettings) -> bool:
    """Whether a route that is believed fits too badly beside `rivals`, which served something in the same segment as it."""
    return course.record.standing is Standing.BELIEVED and _worse_s(course, rivals) >= settings.rival_s


def is_to_stand_again(course: Course, rivals: Sequence[Course], settings: RouteSettings) -> bool:
    """Whether a route that is aside is the better explanation after all; counts what it serves alone."""
    record = course.record
    if not course.is_aside:
        return False
    if rivals:
        record.alone = 0
        return _worse_s(course, rivals) < settings.rival_s / 2
    record.alone += len(course.served)
    return record.alone >= settings.takeover_stops


def _worse_s(course: Course, rivals: Sequence[Course]) -> float:
    return max((course.record.off_s - rival.record.off_s for rival in rivals), default=0.0)
