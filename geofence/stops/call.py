"""One stay of a vehicle in one stop's circle: when it came, how near, how long it stood, when it left.

A call is evidence, nothing more: whether it is an arrival is judged by the rule of its stop (`is_confirmed`), whether it fits
the route by `geofence.stops.course`.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from fleet.clock import MICROS_PER_S
from fleet.geodesy import METRES_PER_DEGREE
from fleet.route import Stop
from geofence.stops.field import Contact, Place, Step
from geofence.stops.settings import RouteSettings

_NEVER: Final = -1


class Call(msgspec.Struct, array_like=True):
    """Instants in microseconds since 1970 UTC; `_NEVER` where it has not happened."""

    index: int
    entered: int
    closest_m: float
    closest: int
    #: Fixes inside (those that mattered), the first and the last of them; a pass between two fixes has none.
    fixes: int = 0
    first_inside: int = _NEVER
    last_inside: int = _NEVER
    #: Where the present stand began, how near to the centre, and how long the longest one was.
    stand_since: int = _NEVER
    stand_lat: float = 0.0
    stand_lon: float = 0.0
    stand_m: float = 0.0
    stood_s: float = 0.0
    stood_m: float = 0.0
    #: Where the longest one began.
    stood_lat: float = 0.0
    stood_lon: float = 0.0
    #: When the first stand inside began: from there on a planned dwell counts.
    dwells_since: int = _NEVER
    #: When the edge was last crossed outwards.
    outside_since: int = _NEVER
    worst_accuracy_m: float = 0.0
    confirmed: bool = False
    left: bool = False
    #: The closest approach when the arrival was said.
    said_m: float = math.inf
    #: When the vehicle came for the stand that made the arrival.
    came: int = _NEVER
    #: When it last came in.
    reentered: int = _NEVER

    @property
    def inside_s(self) -> float:
        """From the first fix inside to the last one, seconds."""
        return (self.last_inside - self.first_inside) / MICROS_PER_S if self.fixes else 0.0

    @property
    def dwelled_s(self) -> float:
        """From the first stand inside to the last fix inside, seconds; 0 where it never stood."""
        return (self.last_inside - self.dwells_since) / MICROS_PER_S if self.dwells_since != _NEVER else 0.0

    @property
    def departed(self) -> int:
        """The instant at which it left the circle for good; the last one known to be inside while it has not."""
        return self.outside_since if self.outside_since != _NEVER else max(self.last_inside, self.closest)

    @property
    def is_outside(self) -> bool:
        return self.outside_since != _NEVER


def open_call(index: int, contact: Contact, step: Step) -> Call:
    entered = step.starts if contact.entered_at is None else step.instant(contact.entered_at)
    return Call(index=index, entered=entered, closest_m=math.inf, closest=entered)


def extend_call(call: Call, contact: Contact, step: Step, radius_m: float, settings: RouteSettings) -> None:
    """Take in one more segment."""
    if contact.closest_m < call.closest_m and contact.closest_m <= radius_m:
        call.closest_m, call.closest = contact.closest_m, step.instant(contact.closest_at)
    if contact.distance_m <= radius_m:
        _extend_inside(call, contact, step, settings)
    else:
        _extend_outside(call, contact, step, radius_m, settings)


def _extend_inside(call: Call, contact: Contact, step: Step, settings: RouteSettings) -> None:
    current = step.current
    if not call.fixes:
        call.first_inside = current.time
    call.fixes += 1
    if contact.entered_at is not None or call.reentered == _NEVER:
        call.reentered = call.entered if call.reentered == _NEVER else step.instant(contact.entered_at or 0.0)
    call.last_inside = current.time
    call.outside_since = _NEVER
    if not math.isnan(current.accuracy_m):
        call.worst_accuracy_m = max(call.worst_accuracy_m, current.accuracy_m)
    _extend_stand(call, contact, step, settings)


def _extend_outside(call: Call, contact: Contact, step: Step, radius_m: float, settings: RouteSettings) -> None:
    call.stand_since = _NEVER
    if call.fixes and not call.is_outside:  # fixes inside that did not matter were not looked at
        call.last_inside = max(call.last_inside, step.last_seen)
    if contact.left_at is not None:
        call.outside_since = step.instant(contact.left_at)
    elif not call.is_outside:  # the way out was not seen: a gap lies before this fix
        call.outside_since = max(call.last_inside, call.closest)
    waited_s = (step.current.time - call.outside_since) / MICROS_PER_S
    call.left = contact.distance_m > radius_m * settings.outer_ratio or waited_s >= settings.leave_s


def _extend_stand(call: Call, contact: Contact, step: Step, settings: RouteSettings) -> None:
    """A stand begins with a slow fix, and goes on while the vehicle stays about there."""
    current = step.current
    speed_mps = current.speed_mps if not math.isnan(current.speed_mps) else _implied_mps(step)
    moved_m = _moved_m(call.stand_lat, call.stand_lon, current) if call.stand_since != _NEVER else math.inf
    if moved_m > settings.stand_radius_m or speed_mps > 2 * settings.stand_speed_mps:
        call.stand_since = _NEVER
    if call.stand_since == _NEVER and speed_mps < settings.stand_speed_mps:
        call.stand_lat, call.stand_lon, call.stand_m = current.lat, current.lon, contact.distance_m
        stood_before = math.isnan(current.speed_mps) and contact.entered_at is None
        call.stand_since = max(step.starts, call.entered) if stood_before else current.time
        if call.dwells_since == _NEVER:
            call.dwells_since = call.stand_since
    if call.stand_since != _NEVER:
        call.stand_m = min(call.stand_m, contact.distance_m)
        stood_s = (current.time - call.stand_since) / MICROS_PER_S
        if stood_s >= call.stood_s:
            call.stood_s, call.stood_m = stood_s, call.stand_m
            call.stood_lat, call.stood_lon = call.stand_lat, call.stand_lon


def is_confirmed(call: Call, stop: Stop, settings: RouteSettings) -> bool:
    """Whether the call is an arrival by the rule of its stop.

    1. `min_dwell_s` 0: passing through counts, once the vehicle is out again, or has stood inside for a while.
    2. `min_dwell_s` given: inside for so long since it first stood there, by two fixes or more. Driving in and on counts for
       nothing, or a queue in front of a crossing would be a delivery; small moves after the first stand do not end a dwell.
    3. Not given: a stand; the nearer to the pin, the shorter may it be. Or inside for long at any speed.
    """
    if stop.min_dwell_s == 0:
        return call.is_outside or call.stood_s >= settings.pass_stand_s
    if call.fixes < settings.confirm_fixes:
        return False
    if stop.min_dwell_s is not None:
        return call.dwelled_s >= stop.min_dwell_s
    return call.confirmed


def arrival_of(call: Call, stop: Stop) -> int:
    """The instant of arrival: the closest approach where passing counts, else back-dated to the way in."""
    if stop.min_dwell_s == 0:
        return call.closest
    return call.entered if call.came == _NEVER else call.came


def _moved_m(lat: float, lon: float, current: Place) -> float:
    east_m = (current.lon - lon) * METRES_PER_DEGREE * math.cos(math.radians(lat))
    return math.hypot(east_m, (current.lat - lat) * METRES_PER_DEGREE)


#: Over shorter times the noise of two fixes looks like speed.
_SHORTEST_SPAN_S: Final = 5.0


def _implied_mps(step: Step) -> float:
    """Speed between the last two fixes, where the tracker says none; 0 where they are too close to tell, so that the
    stand's radius alone decides."""
    span_s = (step.current.time - step.starts) / MICROS_PER_S
    if step.previous is None or span_s < _SHORTEST_SPAN_S:
        return 0.0
    return _moved_m(step.previous.lat, step.previous.lon, step.current) / span_s
