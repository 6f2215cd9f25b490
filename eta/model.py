"""The model of arrivals: expected legs added up from where the vehicle is, with intervals from past errors.

Everything is learned from what was seen before the forecast, never from later: legs from legs driven, errors from forecasts
whose arrival has come. Before anything was seen the plan speaks.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec
import numpy as np

from eta.errors import ErrorBands
from eta.legs import UNSEEN, LegTable
from eta.plan import RoutePlan, plan_route
from eta.questions import Question, answer, expect_legs
from eta.rest import RestOfLeg
from eta.settings import EtaSettings
from eta.start import RouteStart
from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s
from fleet.progress import Forecasts, Leg, Progress
from fleet.route import Route
from fleet.samples import Rows

#: Of the snapshot.
_VERSION: Final = 2
#: Plans made ready and kept; the oldest is made again when it is needed.
_MOST_PLANS: Final = 50_000


class _Learned(Protocol):
    """A part that learns."""

    def snapshot(self) -> bytes: ...

    def restore(self, state: bytes) -> None: ...


class EtaModel:
    """What the engine of stops asks for as `geofence.stops.predictor.Predictor`."""

    def __init__(self, settings: EtaSettings | None = None) -> None:
        self._settings = settings or EtaSettings()
        self._legs = LegTable(self._settings)
        self._rest = RestOfLeg()
        self._start = RouteStart()
        #: Of vehicles on their way, and of those that wait for their route's start.
        self._errors = ErrorBands(self._settings)
        self._errors_waiting = ErrorBands(self._settings)
        self._plans: dict[tuple[str, str], RoutePlan] = {}
        self._questions: list[Question] = []
        #: Expected legs of the first questions, in parts; of so many questions.
        self._legs_s: list[Float64s] = []
        self._looked_up = 0
        #: The rows of legs on which questions rest whose legs are still to be looked up.
        self._awaited: set[int] = set()

    # forecasts

    def ask(self, progress: Progress) -> None:
        plan = self._plan(progress.route)
        rows = plan.rows_in(self._legs, progress.at / MICROS_PER_S)
        known = self._rest.weights, self._start.late_s, self._errors.readings, self._errors_waiting.readings
        self._questions.append(Question(plan, progress, rows, *known))
        if plan.is_driven:
            self._awaited.update(rows[progress.served :].tolist())

    def answer(self) -> Forecasts:
        self._expect_legs()
        questions, self._questions = self._questions, []
        legs_s, self._legs_s, self._looked_up = self._legs_s, [], 0
        return answer(questions, legs_s[0] if len(legs_s) == 1 else np.concatenate(legs_s))

    def _expect_legs(self) -> None:
        """Look up the legs of the questions that are open in that."""
        open_ones = self._questions[self._looked_up :]
        if open_ones:
            self._legs_s.append(expect_legs(open_ones, self._legs))
        self._looked_up = len(self._questions)
        self._awaited.clear()

    def _plan(self, route: Route) -> RoutePlan:
        key = (route.tenant, route.id)
        known = self._plans.get(key)
        if known is None or known.route is not route:
            if len(self._plans) >= _MOST_PLANS:
                del self._plans[next(iter(self._plans))]
            known = self._plans[key] = plan_route(route, self._settings)
        return known

    # learning

    def learn_leg(self, leg: Leg) -> None:
        plan = self._plan(leg.route)
        self._start.learn(plan, leg)
        if leg.destination - leg.origin > self._settings.most_legs_at_once:
            return
        # A vehicle may wait at its first stop for long: that is no part of the way.
        started = leg.left_origin if leg.origin == 0 and leg.left_origin is not None else leg.started
        planned_s = plan.legs_s[leg.origin : leg.destination].tolist()
        took_s = (leg.ended - started) / MICROS_PER_S
        if took_s > self._settings.outlier_ratio * sum(planned_s) + self._settings.outlier_s:
            return
        when_s = started / MICROS_PER_S
        for number, part_s in zip(plan.legs[leg.origin : leg.destination].tolist(), planned_s, strict=True):
            share_s = took_s * part_s / sum(planned_s)
            self._learn_passage(number, when_s, share_s, part_s)
            when_s += share_s

    def _learn_passage(self, leg: int, when_s: float, took_s: float, planned_s: float) -> None:
        row = self._legs.row_of(leg)
        if row != UNSEEN and row in self._awaited:
            self._expect_legs()
        self._legs.learn(leg, when_s, took_s, planned_s)

    def learn_arrival(self, arrived: int, samples: Rows, rests: Rows) -> None:
        actual_s = arrived / MICROS_PER_S - samples["at"] / MICROS_PER_S
        errors_s = actual_s - samples["ahead_s"]
        for ahead_s, error_s, waits in zip(samples["ahead_s"].tolist(), errors_s.tolist(), samples["waits"].tolist(), strict=True):
            (self._errors_waiting if waits else self._errors).learn(ahead_s, error_s)
        left = actual_s[samples["of_rest"]] / rests["leg_s"]
        for state, left_of_leg in zip(np.ascontiguousarray(rests["state"]), left.tolist(), strict=True):
            self._rest.learn(state, left_of_leg)

    # state

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((_VERSION, [part.snapshot() for part in self._parts()]))

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError. What another version has learned is passed over: this one learns anew."""
        version, *parts = msgspec.msgpack.decode(state, type=list[Any])
        if version != _VERSION:
            return
        for part, saved in zip(self._parts(), parts[0], strict=True):
            part.restore(saved)
        self._plans.clear()

    def _parts(self) -> tuple[_Learned, ...]:
        return self._legs, self._rest, self._start, self._errors, self._errors_waiting
