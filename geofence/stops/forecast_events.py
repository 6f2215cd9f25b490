"""What forecasts give rise to, in the words of the contract: a stop is near, its median has moved, it is at risk, delayed, or well
again. Decides nothing but the words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fleet.clock import MICROS_PER_S, rfc3339_micros
from fleet.route import Delay, StopStatus
from geofence.stops.compiled import CompiledRoute
from geofence.stops.course import Course
from geofence.stops.findings import Findings
from geofence.stops.risk import late_probability

_KINDS: Final = {Delay.ON_TIME: "stop.recovered", Delay.AT_RISK: "stop.at_risk", Delay.DELAYED: "stop.delayed"}


@dataclass(frozen=True, slots=True)
class Told:
    """A forecast of one stop of a route, made at instant `at`."""

    course: Course
    index: int
    at: int
    p10: int
    p50: int
    p90: int

    def quantiles(self) -> dict[str, Any]:
        return {"p10": rfc3339_micros(self.p10), "p50": rfc3339_micros(self.p50), "p90": rfc3339_micros(self.p90)}


def say_approaching(course: Course, index: int, by: str, at: int, measured: dict[str, float | str], findings: Findings) -> None:
    record = course.record.stops[index]
    record.status, record.approached = StopStatus.APPROACHING, at
    findings.approaching(course.compiled.route, course.compiled.route.stops[index], record, by, at, dict(measured))


def say_near(told: Told, findings: Findings) -> None:
    """The stop is approached by time."""
    ahead_s = (told.p50 - told.at) / MICROS_PER_S
    measured: dict[str, float | str] = {"eta_s": round(ahead_s, 1), "p50": rfc3339_micros(told.p50)}
    say_approaching(told.course, told.index, "time", told.at, measured, findings)


def say_changed(told: Told, was: int, findings: Findings) -> None:
    """`was`: the median that was told before."""
    compiled = told.course.compiled
    data = {
        **told.quantiles(),
        "was": rfc3339_micros(was),
        "moved_s": round((told.p50 - was) / MICROS_PER_S, 1),
        "late_s": _late_s(compiled, told.index, told.p50),
    }
    findings.event("stop.eta_changed", compiled.route, compiled.route.stops[told.index], told.at, data)


def say_delay(told: Told, was: Delay, delay: Delay, findings: Findings) -> None:
    course, index = told.course, told.index
    route, record, deadline = course.compiled.route, course.record.stops[index], int(course.deadlines[index])
    record.delay = delay
    data = {
        **told.quantiles(),
        "late_probability": round(late_probability(told.p10, told.p50, told.p90, deadline), 4),
        "late_s": _late_s(course.compiled, index, told.p50),
        "deadline": rfc3339_micros(deadline),
        "was": was.value,
    }
    findings.event(_KINDS[delay], route, route.stops[index], told.at, data)
    findings.state(route, route.stops[index], record, told.at)


def _late_s(compiled: CompiledRoute, index: int, p50: int) -> float | None:
    planned = compiled.planned_us[index]
    return None if planned is None else round((p50 - planned) / MICROS_PER_S, 1)
