"""What lies ahead of a vehicle on a route: which stops it approaches, when it will be there, whether that is too late.

Forecasts come from the predictor; this module says when they are due, keeps what the predictor wants to learn from, and turns
them into ETAs and events: a median that moved enough to matter, a stop at risk, delayed, recovered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from fleet.clock import MICROS_PER_S, from_micros, rfc3339_micros
from fleet.fix import Float64s
from fleet.progress import Forecast, Leg, Progress
from fleet.route import Delay, Eta, StopStatus
from geofence.stops.compiled import CompiledRoute
from geofence.stops.course import Course
from geofence.stops.field import Place
from geofence.stops.findings import Findings
from geofence.stops.gate import NEVER_DUE
from geofence.stops.predictor import Predictor
from geofence.stops.records import NEVER, StopRecord
from geofence.stops.risk import late_probability, next_delay
from geofence.stops.settings import RouteSettings

#: Samples of forecasts that a route keeps at most, for the model to learn from; the oldest go first.
_MOST_SAMPLES: Final = 128
#: Stops served that the predictor is told of.
_TRAIL: Final = 8
#: A vehicle has come further only when it did by so much of its leg.
_LEAST_FRACTION: Final = 0.02


class _Expected(NamedTuple):
    """One stop's forecast, as instants in microseconds since 1970 UTC."""

    at: int
    p10: int
    p50: int
    p90: int

    @property
    def ahead_s(self) -> float:
        return (self.p50 - self.at) / MICROS_PER_S

    def quantiles(self) -> dict[str, Any]:
        return {"p10": rfc3339_micros(self.p10), "p50": rfc3339_micros(self.p50), "p90": rfc3339_micros(self.p90)}


@dataclass(slots=True)
class Outlook:
    predictor: Predictor
    settings: RouteSettings

    # approaching

    def approach(self, course: Course, distances: Float64s, at: int, *, free: bool, findings: Findings) -> float:
        """Say which stops are near, by distance along the route; returns how far the vehicle may go before the next one is."""
        compiled, record = course.compiled, course.record
        upcoming = record.reached + 1
        if upcoming >= compiled.size or not self._may_approach(course, at, free=free):
            return float("inf")
        for index in range(upcoming, compiled.size):
            ahead_m = float(distances[upcoming]) + compiled.along_m[index] - compiled.along_m[upcoming]
            if ahead_m > self.settings.approach_m:
                return ahead_m - self.settings.approach_m
            if record.stops[index].status is StopStatus.PLANNED:
                self._say_approaching(course, index, "distance", at, {"distance_m": round(ahead_m, 1)}, findings)
        return float("inf")

    def _may_approach(self, course: Course, at: int, *, free: bool) -> bool:
        if course.is_under_way:
            return True
        return free and not course.finished and at >= course.compiled.starts_us - round(self.settings.lead_s * MICROS_PER_S)

    def _say_approaching(
        self, course: Course, index: int, by: str, at: int, measured: dict[str, float | str], findings: Findings
    ) -> None:
        record = course.record.stops[index]
        record.status, record.approached = StopStatus.APPROACHING, at
        findings.approaching(course.compiled.route, course.compiled.route.stops[index], record, by, at, dict(measured))

    # learning

    def learn(self, course: Course) -> None:
        """Tell the predictor what was just served."""
        for index, arrived in course.served:
            for sample_index, sample in course.record.samples:
                if sample_index == index:
                    self.predictor.learn_arrival(course.compiled.route, index, sample, arrived)
            course.record.samples = [pair for pair in course.record.samples if pair[0] != index]
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
        if not course.is_under_way or course.is_aside or course.record.reached >= course.compiled.size - 1:
            return NEVER_DUE
        return course.record.renewed + round(self.settings.renew_s * MICROS_PER_S)

    def due_with_fix(self, course: Course) -> int:
        """When a new fix is reason enough to renew those of the near stops."""
        return course.record.renewed_near + round(self.settings.renew_near_s * MICROS_PER_S)

    def renew(self, course: Course, at: int, place: Place | None, findings: Findings) -> None:
        """Forecast the stops ahead: all of them when that is due or a stop was served, else the near ones."""
        due = self.due(course)
        if due == NEVER_DUE:
            return
        everything = bool(course.served) or at >= due
        if not everything and at < self.due_with_fix(course):
            return
        if place is not None:
            _come_further(course, place, at)
        forecast = self.predictor.forecast(_progress(course, at))
        course.record.renewed_near = at
        if everything:
            course.record.renewed = at
        horizon = None if everything else at + round(self.settings.near_s * MICROS_PER_S)
        course.record.samples = [*course.record.samples, *forecast.samples][-_MOST_SAMPLES:]
        self._publish(course, forecast, at, horizon, findings)

    def _publish(self, course: Course, forecast: Forecast, at: int, horizon: int | None, findings: Findings) -> None:
        route, made_at = course.compiled.route, from_micros(at)
        columns = zip(forecast.p10.tolist(), forecast.p50.tolist(), forecast.p90.tolist(), forecast.shown.tolist(), strict=True)
        for index, (p10, p50, p90, shown) in enumerate(columns, start=forecast.first):
            if horizon is not None and p50 > horizon:
                break
            if course.record.stops[index].is_served:
                continue
            findings.outcome.etas.append(
                Eta(
                    at=made_at,
                    tenant=route.tenant,
                    vehicle=route.vehicle,
                    route=route.id,
                    stop=route.stops[index].id,
                    p10=from_micros(p10),
                    p50=from_micros(p50),
                    p90=from_micros(p90),
                    shown=from_micros(shown),
                )
            )
            self._judge(course, index, _Expected(at, p10, p50, p90), findings)

    def _judge(self, course: Course, index: int, expected: _Expected, findings: Findings) -> None:
        """Events that a forecast is reason for."""
        record = course.record.stops[index]
        if expected.ahead_s <= self.settings.approach_s and record.status is StopStatus.PLANNED:
            measured: dict[str, float | str] = {"eta_s": round(expected.ahead_s, 1), "p50": rfc3339_micros(expected.p50)}
            self._say_approaching(course, index, "time", expected.at, measured, findings)
        self._judge_change(course, index, record, expected, findings)
        self._judge_delay(course, index, record, expected, findings)

    def _judge_change(self, course: Course, index: int, record: StopRecord, expected: _Expected, findings: Findings) -> None:
        if record.told == NEVER:
            record.told = expected.p50
        moved_s = (expected.p50 - record.told) / MICROS_PER_S
        if abs(moved_s) < max(self.settings.changed_s, self.settings.changed_share * expected.ahead_s):
            return
        data = {
            **expected.quantiles(),
            "was": rfc3339_micros(record.told),
            "moved_s": round(moved_s, 1),
            "late_s": _late_s(course.compiled, index, expected.p50),
        }
        findings.event("stop.eta_changed", course.compiled.route, course.compiled.route.stops[index], expected.at, data)
        record.told = expected.p50

    def _judge_delay(self, course: Course, index: int, record: StopRecord, expected: _Expected, findings: Findings) -> None:
        deadline = self._deadline(course.compiled, index)
        if deadline is None:
            return
        probability = late_probability(expected.p10, expected.p50, expected.p90, deadline)
        delay = next_delay(record.delay, probability, self.settings)
        if delay is record.delay:
            return
        was, record.delay = record.delay, delay
        stop = course.compiled.route.stops[index]
        data = {
            **expected.quantiles(),
            "late_probability": round(probability, 4),
            "late_s": _late_s(course.compiled, index, expected.p50),
            "deadline": rfc3339_micros(deadline),
            "was": was.value,
        }
        findings.event(_KINDS[delay], course.compiled.route, stop, expected.at, data)
        findings.state(course.compiled.route, stop, record, expected.at)

    def _deadline(self, compiled: CompiledRoute, index: int) -> int | None:
        """The last instant that is not late: the window's end, else the planned arrival plus grace."""
        window, planned = compiled.window_us[index], compiled.planned_us[index]
        if window is not None or planned is None:
            return window
        return planned + round(self.settings.grace_s * MICROS_PER_S)


_KINDS: Final = {Delay.ON_TIME: "stop.recovered", Delay.AT_RISK: "stop.at_risk", Delay.DELAYED: "stop.delayed"}


def _late_s(compiled: CompiledRoute, index: int, p50: int) -> float | None:
    planned = compiled.planned_us[index]
    return None if planned is None else round((p50 - planned) / MICROS_PER_S, 1)


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
    passing = _being_passed(course, at)
    served = record.reached + len(passing)
    origin = record.stops[record.reached]
    known = [(index, stop.arrived) for index, stop in enumerate(record.stops[: served + 1]) if stop.is_served] + passing
    return Progress(
        route=course.compiled.route,
        at=at,
        served=served,
        arrived=passing[-1][1] if passing else origin.arrived,
        departed=None if passing or origin.departed == NEVER else origin.departed,
        fraction=0.0 if passing else record.fraction,
        moved_at=record.moved,
        trail=tuple(known[-_TRAIL - 1 : -1]),
    )


def _being_passed(course: Course, at: int) -> list[tuple[int, int]]:
    """The next stops whose nearest point the vehicle has behind it, while it has not left their circles."""
    calls = {call.index: call for call in course.record.calls}
    passing = []
    for index in range(course.record.reached + 1, course.compiled.size - 1):
        call = calls.get(index)
        if call is None or not course.is_pass(index) or call.closest >= at:
            break
        passing.append((index, call.closest))
    return passing
