"""A straight street to drive along: stops and fixes at metres east (`x`) and north (`y`) of a corner, seconds after eight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from fleet.clock import MICROS_PER_S, to_micros
from fleet.event import Event
from fleet.fix import FixBatch, Int64s
from fleet.geodesy import METRES_PER_DEGREE
from fleet.outcome import Outcome
from fleet.progress import Forecasts, Leg, Progress
from fleet.route import Route, Stop
from fleet.samples import REST, SAMPLE, Rows
from geofence.stops.engine import RouteEngine
from geofence.stops.settings import RouteSettings

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
LAT, LON = 52.0, 13.0
KEY = 7


def lat(y_m: float) -> float:
    return LAT + y_m / METRES_PER_DEGREE


def lon(x_m: float) -> float:
    return LON + x_m / (METRES_PER_DEGREE * math.cos(math.radians(LAT)))


def at(seconds: float) -> datetime:
    return EIGHT + timedelta(seconds=seconds)


def seconds(instant: datetime) -> float:
    return (instant - EIGHT).total_seconds()


def stop(
    name: str,
    x_m: float,
    y_m: float = 0.0,
    *,
    planned_s: float | None = None,
    dwell_s: float | None = 0.0,
    radius_m: float = 40.0,
    service_s: float | None = None,
) -> Stop:
    """Passing counts, unless `dwell_s` says otherwise (None: the product's rule of a stand)."""
    return Stop(
        id=name,
        seq=0,
        lat=lat(y_m),
        lon=lon(x_m),
        place=name.partition(":")[2] or name,
        arrival_radius_m=radius_m,
        min_dwell_s=dwell_s,
        planned_arrival=None if planned_s is None else at(planned_s),
        service_s=service_s,
    )


def route(name: str, *stops: Stop, starts_s: float = 0.0, vehicle: str = "van") -> Route:
    return Route(id=name, tenant="acme", vehicle=vehicle, starts_at=at(starts_s), stops=stops)


@dataclass(frozen=True)
class At:
    """One fix."""

    time_s: float
    x_m: float
    y_m: float = 0.0
    speed_mps: float | None = None
    accuracy_m: float | None = None
    flags: int = 0


def drive(
    start_s: float, start_m: float, end_m: float, *, speed_mps: float = 10.0, every_s: float = 10.0, y_m: float = 0.0
) -> list[At]:
    """Fixes along the street, both ends included."""
    way_m = abs(end_m - start_m)
    times = [*np.arange(0.0, way_m / speed_mps, every_s).tolist(), way_m / speed_mps]
    sign = 1.0 if end_m >= start_m else -1.0
    return [At(start_s + time, start_m + sign * speed_mps * time, y_m, speed_mps) for time in times]


def stand(start_s: float, x_m: float, for_s: float, *, every_s: float = 10.0, y_m: float = 0.0) -> list[At]:
    return [At(start_s + time, x_m, y_m, 0.0) for time in np.arange(0.0, for_s, every_s).tolist()]


def batch(fixes: Sequence[At], key: int = KEY) -> FixBatch:
    rows = FixBatch.allocate(len(fixes))
    rows.vehicle[:] = key
    rows.time[:] = [to_micros(EIGHT) + round(fix.time_s * MICROS_PER_S) for fix in fixes]
    rows.lat[:] = [lat(fix.y_m) for fix in fixes]
    rows.lon[:] = [lon(fix.x_m) for fix in fixes]
    rows.speed_mps[:] = [math.nan if fix.speed_mps is None else fix.speed_mps for fix in fixes]
    rows.accuracy_m[:] = [math.nan if fix.accuracy_m is None else fix.accuracy_m for fix in fixes]
    rows.flags[:] = [fix.flags for fix in fixes]
    return rows


@dataclass
class PlanPredictor:
    """Forecasts that the plan is kept from here on; remembers what it was taught."""

    legs: list[Leg] = field(default_factory=list)
    spread_s: float = 60.0
    asked: list[Progress] = field(default_factory=list)

    def ask(self, progress: Progress) -> None:
        self.asked.append(progress)

    def answer(self) -> Forecasts:
        asked, self.asked = self.asked, []
        ahead = [self._ahead(progress) for progress in asked]
        p50, spread = np.concatenate(ahead), round(self.spread_s * MICROS_PER_S)
        return Forecasts(
            at=np.array([progress.at for progress in asked]),
            first=np.array([progress.served + 1 for progress in asked]),
            starts=np.cumsum([0, *map(len, ahead)]),
            p10=p50 - spread,
            p50=p50,
            p90=p50 + spread,
            shown=p50,
            samples=np.empty(0, SAMPLE),
            sample_starts=np.zeros(len(asked) + 1, np.intp),
            rests=np.empty(0, REST),
            rest_starts=np.zeros(len(asked) + 1, np.intp),
        )

    def _ahead(self, progress: Progress) -> Int64s:
        stops = progress.route.stops
        planned = [to_micros(stop.planned_arrival) if stop.planned_arrival else progress.at for stop in stops]
        behind = progress.arrived - planned[progress.served]
        return np.array([max(instant + behind, progress.at) for instant in planned[progress.served + 1 :]], np.int64)

    def learn_leg(self, leg: Leg) -> None:
        self.legs.append(leg)

    def learn_arrival(self, arrived: int, samples: Rows, rests: Rows) -> None:
        raise AssertionError("this predictor asks for no samples")

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None:
        assert state == b""


def engine(*routes: Route, settings: RouteSettings | None = None, predictor: PlanPredictor | None = None) -> RouteEngine:
    made = RouteEngine(settings or RouteSettings(), predictor or PlanPredictor())
    made.set_routes(routes, {("acme", "van"): KEY})
    return made


def fold(made: RouteEngine, fixes: Iterable[At]) -> Outcome:
    """All fixes in one batch."""
    fixes = list(fixes)
    return made.step(batch(fixes), at(fixes[-1].time_s))


def found(fixes: Iterable[At], *routes: Route, settings: RouteSettings | None = None) -> list[tuple[str, str, float]]:
    """(what, which stop, when) of arrivals, departures and skips, in order of finding."""
    return told(fold(engine(*routes, settings=settings), fixes).events)


def told(events: Iterable[Event]) -> list[tuple[str, str, float]]:
    kept = ("stop.arrived", "stop.departed", "stop.skipped")
    return [
        (event.type.removeprefix("stop."), event.data["stop"], round(seconds(event.occurred_at), 1))
        for event in events
        if event.type.startswith(kept)
    ]


def arrivals(fixes: Iterable[At], *routes: Route, settings: RouteSettings | None = None) -> dict[str, float]:
    """When each stop was reached, by what stands in the end."""
    reached: dict[str, float] = {}
    for what, name, when in found(fixes, *routes, settings=settings):
        if what in ("arrived", "arrived.revised"):
            reached[name] = when
        elif what == "arrived.retracted":
            del reached[name]
    return reached
