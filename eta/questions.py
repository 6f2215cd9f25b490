"""Forecasts that were asked for, with what was known then, and how all of them are answered at once.

What is learned meanwhile does not matter to them: the readings of errors and the weights are those of their moment. Only the
passages of legs are kept in one place for all; so expected legs are computed before a passage that they rest on is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from eta.errors import Readings, between
from eta.layout import Layout
from eta.legs import LegTable, Rows
from eta.plan import RoutePlan
from eta.rest import Bools, expected_rests, rest_states
from eta.samples import worth_keeping
from eta.start import FIRST_STOPS, waiting_s
from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int64s
from fleet.progress import Forecasts, Positions, Progress
from fleet.samples import REST, SAMPLE

#: Nothing that is still ahead is nearer.
_SOONEST_S: Final = 1.0
#: Forecasts are said to the millisecond.
_MICROS_PER_MS: Final = 1000

_Known = TypeVar("_Known")


@dataclass(slots=True, eq=False)
class Question:
    """`rows` are those of all legs of the plan; `late_s`: how much after the plan vehicles set off."""

    plan: RoutePlan
    progress: Progress
    rows: Rows
    weights: Float64s
    late_s: float
    readings: Readings
    readings_waiting: Readings

    def __len__(self) -> int:
        return len(self.rows) - self.progress.served


def expect_legs(questions: Sequence[Question], table: LegTable) -> Float64s:
    """The expected durations of the legs ahead of all these questions, end to end, by what the table says now."""
    layout = Layout([len(question) for question in questions])
    planned_s = np.concatenate([question.plan.legs_s[question.progress.served :] for question in questions])
    rows = np.concatenate([question.rows[question.progress.served :] for question in questions])
    if rows.max() < 0:
        return planned_s
    at_s = layout.spread(np.array([question.progress.at for question in questions]) / MICROS_PER_S)
    return table.expect(rows, planned_s, at_s + (layout.summed(planned_s) - planned_s), at_s)


def answer(questions: Sequence[Question], legs_s: Float64s) -> Forecasts:
    """All forecasts (one at least), from expected legs (`expect_legs`), which are used up."""
    layout = Layout([len(question) for question in questions])
    at = np.array([question.progress.at for question in questions], np.int64)
    leg_s = legs_s[layout.starts[:-1]]
    states = _states(questions, at, leg_s)
    waiting = _waiting(questions, leg_s)
    waits = ~np.isnan(waiting)
    rest_s = expected_rests(_per_question([question.weights for question in questions]), states) * leg_s
    legs_s[layout.starts[:-1]] = np.where(waits, waiting, rest_s)
    horizon_s = np.maximum(layout.summed(legs_s), _SOONEST_S)
    p10, p50, p90, shown = _instants(at, layout, horizon_s + _errors(questions, waits, horizon_s, layout))
    first = np.array([question.progress.served + 1 for question in questions])
    kept, positions = worth_keeping(at, horizon_s, layout)
    of_rest = (positions == 0) & ~waits[kept]
    samples = np.empty(len(kept), SAMPLE)
    samples["stop"], samples["at"], samples["waits"] = first[kept] + positions, at[kept], waits[kept]
    samples["ahead_s"], samples["of_rest"] = horizon_s[layout.starts[kept] + positions], of_rest
    rests = np.empty(int(of_rest.sum()), REST)
    rests["leg_s"], rests["state"] = leg_s[kept[of_rest]], states[kept[of_rest]]
    return Forecasts(
        at=at,
        first=first,
        starts=layout.starts,
        p10=p10,
        p50=p50,
        p90=p90,
        shown=shown,
        samples=samples,
        sample_starts=_starts(kept, len(questions)),
        rests=rests,
        rest_starts=_starts(kept[of_rest], len(questions)),
    )


def _states(questions: Sequence[Question], at: Int64s, leg_s: Float64s) -> Float64s:
    asked = [question.progress for question in questions]
    since = (at - np.array([progress.arrived for progress in asked])) / MICROS_PER_S / leg_s
    fraction = np.array([progress.fraction for progress in asked])
    return rest_states(since, fraction, np.array([progress.departed is None for progress in asked]))


def _waiting(questions: Sequence[Question], leg_s: Float64s) -> Float64s:
    """Seconds to the next stop of each vehicle that waits for its route's start, NaN of the others."""
    waiting = np.full(len(questions), np.nan)
    for number, question in enumerate(questions):
        if question.progress.served < FIRST_STOPS:
            found = waiting_s(question.plan, question.progress, float(leg_s[number]), question.late_s)
            waiting[number] = np.nan if found is None else found
    return waiting


def _errors(questions: Sequence[Question], waits: Bools, horizon_s: Float64s, layout: Layout) -> Float64s:
    """What forecasts of such horizons were off by: four rows of readings."""
    pairs = zip(questions, waits.tolist(), strict=True)
    readings, numbers = _distinct([question.readings_waiting if waits_ else question.readings for question, waits_ in pairs])
    return between(np.stack(readings), layout.spread(numbers), horizon_s)


def _instants(at: Int64s, layout: Layout, ahead_s: Float64s) -> Int64s:
    """Microseconds since 1970 UTC, row by row; none in the past, none before the one of an earlier stop."""
    ahead_s = np.maximum(ahead_s, 0.0)
    for number in np.flatnonzero(layout.falls(ahead_s)).tolist():
        ahead_s[number] = layout.raised(ahead_s[number])
    begins = layout.spread(at // _MICROS_PER_MS * _MICROS_PER_MS)
    return np.asarray(begins + np.rint(ahead_s * 1000.0).astype(np.int64) * _MICROS_PER_MS)


def _per_question(known: Sequence[Float64s]) -> Float64s:
    distinct, numbers = _distinct(known)
    return np.stack(distinct)[numbers]


def _distinct(known: Sequence[_Known]) -> tuple[list[_Known], Positions]:
    """The objects that are others, and of each place the number of its own: most questions know the same."""
    numbers: dict[int, int] = {}
    found = np.array([numbers.setdefault(id(one), len(numbers)) for one in known])
    by_id = {id(one): one for one in known}
    return [by_id[known_id] for known_id in numbers], found


def _starts(numbers: Positions, count: int) -> Positions:
    """Where the rows of each forecast begin, of rows in order of their forecasts' numbers."""
    return np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=count))])
