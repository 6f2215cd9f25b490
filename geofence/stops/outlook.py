"""What lies ahead of a vehicle on a route: which stops it approaches, when it will be there, whether that is too late.

Forecasts come from the predictor; this module says when they are due, keeps what the predictor wants to learn from, and turns
them into ETAs and events: a median that moved enough to matter, a stop at risk, delayed, recovered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fleet.clock import MICROS_PER_S, rfc3339_micros
from fleet.etas import EtaBlock
from fleet.fix import Float64s
from fleet.progress import Forecast, Leg, Progress
from fleet.route import Delay, StopStatus
from geofence.stops.compiled import CompiledRoute
from geofence.stops.course import Course
from geofence.stops.field import Place
from geofence.stops.findings import Findings
from geofence.stops.gate import NEVER_DUE
from geofence.stops.predictor import Predictor
from geofence.stops.records import NEVER
from geofence.stops.risk import DELAYS, RiskLimits, late_probability, slack_z
from geofence.stops.settings import RouteSettings

#: Samples of forecasts that a route keeps at most, for the model to learn from; the oldest go first.
_MOST_SAMPLES: Final = 128
#: Stops served that the predictor is told of.
_TRAIL: Final = 8
#: A vehicle has come further only when it did by so much of its leg.
_LEAST_FRACTION: Final = 0.02


@dataclass(slots=True)
class Outlook:
    predictor: Predictor
    settings: RouteSettings
    limits: RiskLimits

    @classmethod
    def of(cls, predictor: Predictor, settings: RouteSettings) -> Outlook:
        return cls(predictor, settings, RiskLimits.of(settings))

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
        count = len(forecast.p50) if horizon is None else int(forecast.p50.searchsorted(horizon, side="right"))
        if not count:
            return
        block = EtaBlock(
            route=course.compiled.route,
            at=at,
            stops=np.arange(forecast.first, forecast.first + count),
            p10=forecast.p10[:count],
            p50=forecast.p50[:count],
            p90=forecast.p90[:count],
            shown=forecast.shown[:count],
        )
        findings.outcome.etas.add(block)
        self._judge_near(course, block, findings)
        self._judge_changes(course, block, findings)
        self._judge_delays(course, block, findings)

    def _judge_near(self, course: Course, block: EtaBlock, findings: Findings) -> None:
        """Stops that are approached by time."""
        soon = block.at + round(self.settings.approach_s * MICROS_PER_S)
        for row in range(int(block.p50.searchsorted(soon, side="right"))):
            index = int(block.stops[row])
            if course.record.stops[index].status is StopStatus.PLANNED:
                ahead_s = (int(block.p50[row]) - block.at) / MICROS_PER_S
                measured: dict[str, float | str] = {"eta_s": round(ahead_s, 1), "p50": rfc3339_micros(int(block.p50[row]))}
                self._say_approaching(course, index, "time", block.at, measured, findings)

    def _judge_changes(self, course: Course, block: EtaBlock, findings: Findings) -> None:
        """Medians that moved against what was told by enough to matter."""
        told = course.told[block.stops]
        told = np.where(told == NEVER, block.p50, told)
        enough = np.maximum(self.settings.changed_s * MICROS_PER_S, self.settings.changed_share * (block.p50 - block.at))
        changed = np.abs(block.p50 - told) >= enough
        for row in np.flatnonzero(changed).tolist():
            self._say_changed(course, block, row, int(told[row]), findings)
        course.told[block.stops] = np.where(changed, block.p50, told)

    def _say_changed(self, course: Course, block: EtaBlock, row: int, told: int, findings: Findings) -> None:
        index, p50 = int(block.stops[row]), int(block.p50[row])
        data = {
            **_quantiles(block, row),
            "was": rfc3339_micros(told),
            "moved_s": round((p50 - told) / MICROS_PER_S, 1),
            "late_s": _late_s(course.compiled, index, p50),
        }
        findings.event("stop.eta_changed", course.compiled.route, course.compiled.route.stops[index], block.at, data)

    def _judge_delays(self, course: Course, block: EtaBlock, findings: Findings) -> None:
        """Stops that became at risk, late, or recovered."""
        was = course.delays[block.stops]
        delays = self.limits.next_delays(was, slack_z(block.p10, block.p50, block.p90, course.deadlines[block.stops]))
        changed = np.flatnonzero(delays != was)
        if not changed.size:
            return
        course.delays[block.stops] = delays
        for row in changed.tolist():
            self._say_delay(course, block, row, DELAYS[was[row]], DELAYS[delays[row]], findings)

    def _say_delay(self, course: Course, block: EtaBlock, row: int, was: Delay, delay: Delay, findings: Findings) -> None:
        index = int(block.stops[row])
        route, record, deadline = course.compiled.route, course.record.stops[index], int(course.deadlines[index])
        record.delay = delay
        p10, p50, p90 = int(block.p10[row]), int(block.p50[row]), int(block.p90[row])
        data = {
            **_quantiles(block, row),
            "late_probability": round(late_probability(p10, p50, p90, deadline), 4),
            "late_s": _late_s(course.compiled, index, p50),
            "deadline": rfc3339_micros(deadline),
            "was": was.value,
        }
        findings.event(_KINDS[delay], route, route.stops[index], block.at, data)
        findings.state(route, route.stops[index], record, block.at)


_KINDS: Final = {Delay.ON_TIME: "stop.recovered", Delay.AT_RISK: "stop.at_risk", Delay.DELAYED: "stop.delayed"}


def _quantiles(block: EtaBlock, row: int) -> dict[str, Any]:
    columns = {"p10": block.p10, "p50": block.p50, "p90": block.p90}
    return {name: rfc3339_micros(int(column[row])) for name, column in columns.items()}


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
    known = _trail(course) + passing
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


def _trail(course: Course) -> list[tuple[int, int]]:
    """The stops served last, oldest first."""
    newest = [index for index in range(course.record.reached, -1, -1) if course.record.stops[index].is_served][: _TRAIL + 1]
    return [(index, course.record.stops[index].arrived) for index in reversed(newest)]


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
