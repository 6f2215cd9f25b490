"""The model of arrivals: expected legs added up from where the vehicle is, with intervals from past errors.

Everything is learned from what was seen before the forecast, never from later: legs from legs driven, errors from forecasts
whose arrival has come. Before anything was seen the plan speaks.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec
import numpy as np

from eta.errors import ErrorBands
from eta.legs import LegTable
from eta.plan import RoutePlan, plan_route
from eta.rest import RestOfLeg, rest_state
from eta.samples import Forecasted, worth_keeping
from eta.settings import EtaSettings
from eta.start import RouteStart
from fleet.clock import MICROS_PER_S
from fleet.fix import Float64s, Int64s
from fleet.progress import Forecast, Leg, Progress, Sample
from fleet.route import Route

#: Nothing that is still ahead is nearer.
_SOONEST_S: Final = 1.0
#: Forecasts are said to the millisecond.
_MICROS_PER_MS: Final = 1000
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

    # forecasts

    def forecast(self, progress: Progress) -> Forecast:
        plan = self._plan(progress.route)
        legs_s = self._legs_ahead(plan, progress)
        leg_s = float(legs_s[0])
        state = rest_state(progress, leg_s)
        waiting_s = self._start.expect_s(plan, progress, leg_s)
        legs_s[0] = self._rest.expect(state) * leg_s if waiting_s is None else waiting_s
        horizon_s = np.maximum(np.cumsum(legs_s), _SOONEST_S)
        first = progress.served + 1
        samples = [
            (first + index, self._sample(progress, index, horizon_s, waiting_s is not None, leg_s, state))
            for index in worth_keeping(progress.at, horizon_s)
        ]
        errors = self._errors if waiting_s is None else self._errors_waiting
        return _forecast(progress.at, first, horizon_s, errors, tuple(samples))

    def _legs_ahead(self, plan: RoutePlan, progress: Progress) -> Float64s:
        ahead, at_s = slice(progress.served, None), progress.at / MICROS_PER_S
        return self._legs.expect(plan.rows_in(self._legs, at_s)[ahead], plan.legs_s[ahead], at_s)

    def _sample(self, progress: Progress, index: int, horizon_s: Float64s, waits: bool, leg_s: float, state: Float64s) -> Sample:
        return Forecasted(
            made_s=progress.at / MICROS_PER_S,
            horizon_s=float(horizon_s[index]),
            waits=waits,
            leg_s=leg_s if index == 0 else 0.0,
            rest=state,
        ).as_sample()

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
        for key, part_s in zip(plan.legs[leg.origin : leg.destination], planned_s, strict=True):
            share_s = took_s * part_s / sum(planned_s)
            self._legs.learn(key, when_s, share_s, part_s)
            when_s += share_s

    def learn_arrival(self, route: Route, index: int, sample: Sample, arrived: int) -> None:  # noqa: ARG002 - the seam's names
        forecasted = Forecasted.of_sample(sample)
        actual_s = arrived / MICROS_PER_S - forecasted.made_s
        error_s = actual_s - forecasted.horizon_s
        if forecasted.waits:
            self._errors_waiting.learn(forecasted.horizon_s, error_s)
            return
        self._errors.learn(forecasted.horizon_s, error_s)
        if forecasted.leg_s:
            self._rest.learn(forecasted.rest, actual_s / forecasted.leg_s)

    # state

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode([part.snapshot() for part in self._parts()])

    def restore(self, state: bytes) -> None:
        """Raises msgspec.DecodeError."""
        for part, saved in zip(self._parts(), msgspec.msgpack.decode(state, type=list[bytes]), strict=True):
            part.restore(saved)
        self._plans.clear()

    def _parts(self) -> tuple[_Learned, ...]:
        return self._legs, self._rest, self._start, self._errors, self._errors_waiting


def _forecast(at: int, first: int, horizon_s: Float64s, errors: ErrorBands, samples: tuple[tuple[int, Sample], ...]) -> Forecast:
    """Quantiles: the horizon and what forecasts of that horizon were off by."""
    p10, p50, p90, shown = _instants(at, horizon_s + errors.between(horizon_s))
    return Forecast(first=first, p10=p10, p50=p50, p90=p90, shown=shown, samples=samples)


def _instants(at: int, ahead_s: Float64s) -> Int64s:
    """Microseconds since 1970 UTC, row by row; none in the past, none before the one of an earlier stop."""
    ahead_ms = np.rint(np.maximum.accumulate(np.maximum(ahead_s, 0.0), axis=1) * 1000.0).astype(np.int64)
    return at // _MICROS_PER_MS * _MICROS_PER_MS + ahead_ms * _MICROS_PER_MS
