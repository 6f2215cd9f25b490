"""Stands beside a pin: the vehicle serves a place somewhere else than the plan thinks, and the stop is not reached.

A stand for a while, outside the circle of the stop that is next but near it, is remembered; nothing is said, for it may be a jam, a
break, or a stop that is reached after all. When the stop is given up, because a later one is served or the route is over, the
longest such stand is the likeliest service, and a suggestion is made: never an arrival.

A vehicle stands while it stays within `stand_radius_m` of where it was: so fixes of a stand need not be looked at one by one, only
the one that ends it.
"""

from __future__ import annotations

from fleet.clock import MICROS_PER_S
from fleet.geodesy import distance_m
from geofence.stops.course import Course
from geofence.stops.field import Place
from geofence.stops.records import Halt
from geofence.stops.settings import RouteSettings


def watch_pin(course: Course, place: Place, last_seen: int, settings: RouteSettings) -> float:
    """Take in a fix that is looked at; returns how far the vehicle may go before the next one has to be. `last_seen` is the instant
    of the good fix before it."""
    record, compiled = course.record, course.compiled
    upcoming = record.reached + 1
    if not course.is_under_way or course.is_aside or upcoming >= compiled.size or course.is_pass(upcoming):
        record.halt = None  # where passing is enough nobody has to stand
        return float("inf")
    pin_m = distance_m(place.lat, place.lon, compiled.lat.item(upcoming), compiled.lon.item(upcoming))
    halt = record.halt
    moved_m = float("inf") if halt is None else distance_m(place.lat, place.lon, halt.lat, halt.lon)
    if halt is not None and (moved_m > settings.stand_radius_m or halt.index != upcoming):
        _remember(course, halt, last_seen, settings)
        halt = None
    if pin_m > settings.suggest_m:
        record.halt = None
        return pin_m - settings.suggest_m
    if halt is None:
        halt, moved_m = Halt(index=upcoming, since=place.time, until=place.time, lat=place.lat, lon=place.lon), 0.0
    record.halt = halt
    return max(0.0, settings.stand_radius_m - moved_m)


def _remember(course: Course, halt: Halt, until: int, settings: RouteSettings) -> None:
    """Keep a stand that was long enough, if it was beside the pin, and the longest so far."""
    stood_s = (until - halt.since) / MICROS_PER_S
    compiled, index = course.compiled, halt.index
    if stood_s < settings.suggest_s or not course.record.stops[index].is_open:
        return
    off_m = distance_m(halt.lat, halt.lon, float(compiled.lat[index]), float(compiled.lon[index]))
    best = next((other for other in course.record.beside if other.index == index), None)
    if off_m <= float(compiled.radius_m[index]) or (best is not None and best.until - best.since >= until - halt.since):
        return
    others = [other for other in course.record.beside if other.index != index]
    course.record.beside = [*others, Halt(index=index, since=halt.since, until=until, lat=halt.lat, lon=halt.lon)]
