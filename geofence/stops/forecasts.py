"""Forecasts of many vehicles at once: made together, published as ETAs, and judged in columns.

They are collected as vehicles come along. What they say is put among the other findings where it would be, had each been made at
once; until then nothing else may be done with their vehicles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.etas import EtaColumns
from fleet.fix import Int64s
from fleet.progress import Forecasts, Positions, Progress
from fleet.route import StopStatus
from fleet.samples import REST, SAMPLE
from geofence.stops.course import Course
from geofence.stops.findings import Findings
from geofence.stops.forecast_events import Told, say_changed, say_delay, say_near
from geofence.stops.predictor import Predictor
from geofence.stops.records import NEVER
from geofence.stops.risk import DELAYS, Codes, RiskLimits, slack_z
from geofence.stops.settings import RouteSettings

#: So many are collected at most.
MOST: Final = 256
#: Later than any forecast.
_NO_HORIZON: Final = 2**62


@dataclass(slots=True)
class _Asked:
    """A forecast that was asked for, until when it is published, and how many events and states had been found by then."""

    course: Course
    until: int
    events: int
    states: int


@dataclass(slots=True)
class ForecastRound:
    """Collects what is asked (`ask`), and says all of it (`settle`)."""

    predictor: Predictor
    settings: RouteSettings
    limits: RiskLimits
    _asked: list[_Asked] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, course: Course, progress: Progress, horizon_s: float | None, findings: Findings) -> None:
        """Forecast the stops ahead, and publish those within the horizon (None: all)."""
        until = _NO_HORIZON if horizon_s is None else progress.at + round(horizon_s * MICROS_PER_S)
        self.predictor.ask(progress)
        self._asked.append(_Asked(course, until, len(findings.outcome.events), len(findings.outcome.stops)))

    def settle(self, findings: Findings) -> None:
        """Make all forecasts that were asked for; `findings` are the same as then."""
        if not self._asked:
            return
        asked, self._asked = self._asked, []
        forecasts = self.predictor.answer()
        _keep_samples(asked, forecasts)
        columns = _published(asked, forecasts)
        if len(columns):
            findings.outcome.etas.add(columns)
            self._judge(columns, asked, findings)

    def _judge(self, columns: EtaColumns, asked: Sequence[_Asked], findings: Findings) -> None:
        """Stops that are near by time; medians that moved against what was told by enough to matter; stops that became at risk,
        late, or recovered."""
        courses = [one.course for one in asked]
        numbers = np.repeat(np.arange(len(asked)), np.diff(columns.starts))
        ahead = columns.p50 - columns.at[numbers]
        told, was, deadlines = _known(courses, columns)
        is_new = told == NEVER
        told = np.where(is_new, columns.p50, told)
        enough = np.maximum(self.settings.changed_s * MICROS_PER_S, self.settings.changed_share * ahead)
        changed = np.abs(columns.p50 - told) >= enough
        _tell(courses, columns, np.where(changed, columns.p50, told), numbers[is_new | changed])
        delays = self.limits.next_delays(was, slack_z(columns.p10, columns.p50, columns.p90, deadlines))
        near = np.flatnonzero(ahead <= round(self.settings.approach_s * MICROS_PER_S))
        said = [
            *((number, 0, row) for number, row in _pairs(numbers, near) if _is_planned(courses[number], int(columns.stops[row]))),
            *((number, 1, row) for number, row in _pairs(numbers, np.flatnonzero(changed))),
            *((number, 2, row) for number, row in _pairs(numbers, np.flatnonzero(delays != was))),
        ]
        into = _Inserts(findings, asked)
        for number, kind, row in sorted(said):
            one = Told(
                course=courses[number],
                index=int(columns.stops[row]),
                at=int(columns.at[number]),
                p10=int(columns.p10[row]),
                p50=int(columns.p50[row]),
                p90=int(columns.p90[row]),
            )
            if kind == 0:
                say_near(one, into.of(number))
            elif kind == 1:
                say_changed(one, int(told[row]), into.of(number))
            else:
                one.course.delays[one.index] = delays[row]
                say_delay(one, DELAYS[was[row]], DELAYS[delays[row]], into.of(number))
        into.put_in()


class _Inserts:
    """Findings of each forecast, put among the others in the end."""

    def __init__(self, findings: Findings, asked: Sequence[_Asked]) -> None:
        self._findings, self._asked = findings, asked
        self._parts: dict[int, Findings] = {}

    def of(self, number: int) -> Findings:
        if number not in self._parts:
            self._parts[number] = self._findings.apart()
        return self._parts[number]

    def put_in(self) -> None:
        events, states = self._findings.outcome.events, self._findings.outcome.stops
        for number in sorted(self._parts, reverse=True):  # from the back, so that the places before stay what they are
            asked, part = self._asked[number], self._parts[number].outcome
            events[asked.events : asked.events] = part.events
            states[asked.states : asked.states] = part.stops


def _keep_samples(asked: Sequence[_Asked], forecasts: Forecasts) -> None:
    rows, rests = forecasts.samples.tobytes(), forecasts.rests.tobytes()
    ends = (forecasts.sample_starts * SAMPLE.itemsize).tolist()
    rest_ends = (forecasts.rest_starts * REST.itemsize).tolist()
    for number, one in enumerate(asked):
        if ends[number + 1] > ends[number]:
            kept = rests[rest_ends[number] : rest_ends[number + 1]]
            one.course.record.samples.add(rows[ends[number] : ends[number + 1]], kept)


def _published(asked: Sequence[_Asked], forecasts: Forecasts) -> EtaColumns:
    """The stops of each forecast within its horizon: the first ones, since no instant falls."""
    lengths = np.diff(forecasts.starts)
    wanted = forecasts.p50 <= np.repeat(np.array([one.until for one in asked]), lengths)
    positions = np.arange(len(wanted)) - np.repeat(forecasts.starts[:-1] - forecasts.first, lengths)
    return EtaColumns(
        routes=[one.course.compiled.route for one in asked],
        at=forecasts.at,
        starts=np.concatenate([[0], np.cumsum(np.add.reduceat(wanted, forecasts.starts[:-1], dtype=np.intp))]),
        stops=positions[wanted],
        p10=forecasts.p10[wanted],
        p50=forecasts.p50[wanted],
        p90=forecasts.p90[wanted],
        shown=forecasts.shown[wanted],
    )


# the columns of the courses, for the rows of what is published


def _known(courses: Sequence[Course], columns: EtaColumns) -> tuple[Int64s, Codes, Int64s]:
    """What was told last, how late the stops were, and their deadlines."""
    told, delays, deadlines = [], [], []
    starts = columns.starts.tolist()
    firsts = columns.stops[np.minimum(columns.starts[:-1], len(columns) - 1)].tolist()
    for course, first, start, end in zip(courses, firsts, starts[:-1], starts[1:], strict=True):
        stops = slice(first, first + end - start)
        told.append(course.told[stops])
        delays.append(course.delays[stops])
        deadlines.append(course.deadlines[stops])
    return np.concatenate(told), np.concatenate(delays), np.concatenate(deadlines)


def _tell(courses: Sequence[Course], columns: EtaColumns, told: Int64s, numbers: Positions) -> None:
    """Remember what was told, for the courses with these numbers."""
    for number in sorted(set(numbers.tolist())):
        start, end = int(columns.starts[number]), int(columns.starts[number + 1])
        courses[number].told[columns.stops[start:end]] = told[start:end]


def _pairs(numbers: Positions, rows: npt.NDArray[np.intp]) -> Iterable[tuple[int, int]]:
    return zip(numbers[rows].tolist(), rows.tolist(), strict=True)


def _is_planned(course: Course, index: int) -> bool:
    return course.record.stops[index].status is StopStatus.PLANNED
