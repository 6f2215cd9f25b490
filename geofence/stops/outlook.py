"""What lies ahead of a vehicle on a route: which stops it approaches, when it will be there, whether that is too late.

Forecasts come from the predictor; this module says when they are due, and from what the predictor learns. What they say is the
affair of `forecasts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fleet.clock import MICROS_PER_S
from fleet.progress import Leg, Progress
from fleet.route import StopStatus
from geofence.stops.course import Course
from geofence.stops.field import Place
from geofence.stops.findings import Findings
from geofence.stops.forecast_events import say_approaching
from geofence.stops.forecasts import ForecastRound
from geofence.stops.gate import NEVER_DUE
from geofence.stops.predictor import Predictor
from geofence.stops.records import NEVER
from geofence.stops.risk import RiskLimits
from geofence.stops.settings import RouteSettings

#: A vehicle has come further only when it did by so much of its leg.
_LEAST_FRACTION: Final = 0.02


@dataclass(slots=True)
class Outlook:
    predictor: Predictor
    settings: RouteSettings
    round: ForecastRound
    #: How long forecasts hold, of all stops and of the near ones.
    renew_us: int
    renew_near_us: int

    @classmethod
    def of(cls, predictor: Predictor, settings: RouteSettings) -> Outlook:
        forecasts = ForecastRound(predictor, settings, RiskLimits.of(settings))
        renew_us, renew_near_us = (round(seconds * MICROS_PER_S) for seconds in (settings.renew_s, settings.renew_near_s))
        return cls(predictor, settings, forecasts, renew_us, renew_near_us)

    # approaching

    def approach(self, course: Course, upcoming_m: float, at: int, *, free: bool, findings: Findings) -> float:
        """Say which stops are near, by distance along the route, from the distance of the next one; returns how far the vehicle may
        go before another one is."""
        compiled, record = course.compiled, course.record
        upcoming = record.reached + 1
        if not self._may_approach(course, at, free=free):
            return float("inf")
        for index in range(upcoming, compiled.size):
            ahead_m = upcoming_m + compiled.along_m[index] - compiled.along_m[upcoming]
            if ahead_m > self.settings.approach_m:
                return ahead_m - self.settings.approach_m
            if record.stops[index].status is StopStatus.PLANNED:
                say_approaching(course, index, "distance", at, {"distance_m": round(ahead_m, 1)}, findings)
        return float("inf")

    def _may_approach(self, course: Course, at: int, *, free: bool) -> bool:
        if course.is_under_way:
            return True
        return free and not course.finished and at >= course.compiled.starts_us - round(self.settings.lead_s * MICROS_PER_S)

    # learning

    def learn(self, course: Course) -> None:
        """Tell the predictor what was just served."""
        for index, arrived in course.served:
            samples, rests = course.record.samples.take(index)
            if len(samples):
                self.predictor.learn_arrival(arrived, samples, rests)
            self._learn_leg(course, index, arrived)

    def _learn_leg(self, course: Course, index: int, arrived: int) -> None:
        stops = course.record.stops
        origin = next((earlier for earlier in range(index - 1, -1, -1) if stops[earlier].is_served), None)
        if origin is None or stops[origin].arrived >= arrived:
            return
        left = stops[origin].departed
        self.predictor.learn_leg(
            Leg(
                route=course.compiled.route,
                origin=origin,
                destination=index,
                left_origin=None if left == NEVER else left,
                started=stops[origin].arrived,
                ended=arrived,
            )
        )

    # forecasts

    def due(self, course: Course) -> int:
        """When the course's forecasts are to be renewed at the latest."""
        record = course.record
        if not course.is_under_way or course.is_aside or record.reached >= course.compiled.size - 1:
            return NEVER_DUE
        return record.renewed + self.renew_us

    def due_with_fix(self, course: Course) -> int:
        """When a new fix is reason enough to renew those of the near stops."""
        return course.record.renewed_near + self.renew_near_us

    def renew(self, course: Course, at: int, place: Place | None, findings: Findings) -> bool:
        """Ask for a forecast of the stops ahead: all of them when that is due or a stop was served, else the near ones. Returns
        whether it did."""
        due = self.due(course)
        if due == NEVER_DUE:
            return False
        everything = bool(course.served) or at >= due
        if not everything and at < self.due_with_fix(course):
            return False
        if place is not None:
            _come_further(course, place, at)
        self.round.ask(course, _progress(course, at), None if everything else self.settings.near_s, findings)
        course.record.renewed_near = at
        if everything:
            course.record.renewed = at
        return True

    def settle(self, findings: Findings) -> None:
        """Make the forecasts that were asked for."""
        self.round.settle(findings)


def _come_further(course: Course, place: Place, at: int) -> None:
    """How much of the present leg is done: the vehicle's place, projected on the straight way between the two stops."""
    record = course.record
    if course.served or record.moved == NEVER:
        record.moved, record.fraction = at, 0.0
    origin = record.stops[record.reached]
    if origin.departed == NEVER:
        return
    fraction = course.compiled.fraction(record.reached, place.lat, place.lon)
    if fraction >= record.fraction + _LEAST_FRACTION:
        record.moved, record.fraction = at, fraction


def _progress(course: Course, at: int) -> Progress:
    """How far the vehicle has come, as far as anybody can know now: a pass at the next stop that is not certain yet, because
    the vehicle is still in the circle, is taken for one once the nearest point is behind it."""
    record = course.record
    passing = _being_passed(course, at) if record.calls else None
    if passing is not None:
        return Progress(course.compiled.route, at, *passing, None, 0.0, record.moved)
    origin = record.stops[record.reached]
    departed = None if origin.departed == NEVER else origin.departed
    return Progress(course.compiled.route, at, record.reached, origin.arrived, departed, record.fraction, record.moved)


def _being_passed(course: Course, at: int) -> tuple[int, int] | None:
    """The last of the next stops whose nearest point the vehicle has behind it, while it has not left their circles, and when it
    was there; None where there is no such stop."""
    calls = {call.index: call for call in course.record.calls}
    passed = None
    for index in range(course.record.reached + 1, course.compiled.size - 1):
        call = calls.get(index)
        if call is None or not course.is_pass(index) or call.closest >= at:
            break
        passed = index, call.closest
    return passed
