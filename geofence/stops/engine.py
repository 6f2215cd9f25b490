"""The engine of stops: folds fixes into arrivals, departures, skips, forecasts and risks of every vehicle that has routes.

Owns the vehicles and the order in which their fixes are taken in (by time across all vehicles, so that what the predictor has
learned at each forecast is the same however a stream is cut). Arrivals, departures and skips depend on the vehicle's own
fixes and plan alone; what depends on forecasts (`PREDICTED`) also depends on what was learned from others before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from fleet.clock import MICROS_PER_S, to_micros
from fleet.fix import NO_VEHICLE, FixBatch
from fleet.geodesy import distance_m
from fleet.outcome import Outcome
from fleet.route import Route
from geofence.stops.compiled import CompiledRoute, compile_route
from geofence.stops.field import Place
from geofence.stops.findings import Findings
from geofence.stops.forecasts import MOST as MOST_AT_ONCE
from geofence.stops.gate import NEVER_DUE, Gate, Look
from geofence.stops.keeping import packed, unpacked
from geofence.stops.outlook import Outlook
from geofence.stops.predictor import Predictor
from geofence.stops.records import NEVER, VehicleRecord
from geofence.stops.settings import RouteSettings
from geofence.stops.vehicle import Vehicle

#: Types of events that rest on forecasts: a vehicle that is folded again may find others, since more was learned meanwhile.
PREDICTED: Final = frozenset({"stop.approaching", "stop.eta_changed", "stop.at_risk", "stop.delayed", "stop.recovered"})
#: In a snapshot, the key under which what was learned from all vehicles is kept.
LEARNED_KEY: Final = NO_VEHICLE


class RouteEngine:
    """`geofence.protocol.Engine` for stops."""

    def __init__(self, settings: RouteSettings, predictor: Predictor) -> None:
        self._settings = settings
        self._outlook = Outlook.of(predictor, settings)
        self._predictor = predictor
        self._gate = Gate()
        self._vehicles: dict[int, Vehicle] = {}
        self._compiled: dict[tuple[str, str], CompiledRoute] = {}
        #: Records restored for vehicles whose routes are not known yet.
        self._unplanned: dict[int, VehicleRecord] = {}
        #: Until when each vehicle has taught the predictor: what is folded again is not learned twice.
        self._taught: dict[int, int] = {}
        #: Vehicles that have taught the predictor since its snapshot was taken last.
        self._teachers: set[int] = set()
        #: Vehicles with forecasts that are still to be made, within a step.
        self._asked: set[int] = set()

    # the plan

    def set_routes(self, routes: Sequence[Route], keys: Mapping[tuple[str, str], int]) -> None:
        """These are all routes now. `keys` maps (tenant, vehicle id) to the store's key; a vehicle without one has no fixes yet.

        May be called at any time: routes that stay the same, and their vehicles, go on without a gap.
        """
        by_key: dict[int, list[CompiledRoute]] = {}
        compiled: dict[tuple[str, str], CompiledRoute] = {}
        for route in routes:
            known = self._compiled.get((route.tenant, route.id))
            ready = known if known is not None and known.route == route else compile_route(route)
            compiled[route.tenant, route.id] = ready
            key = keys.get((route.tenant, route.vehicle))
            if key is not None and route.stops:
                by_key.setdefault(key, []).append(ready)
        self._compiled = compiled
        self._gate.watch(by_key)
        self._vehicles = {key: self._planned(key, ready) for key, ready in by_key.items()}

    def _planned(self, key: int, routes: list[CompiledRoute]) -> Vehicle:
        vehicle = self._vehicles.get(key)
        if vehicle is None:
            vehicle = Vehicle(routes=(), settings=self._settings)
            vehicle.plan(routes)
            if (record := self._unplanned.pop(key, None)) is not None:
                self._load(key, vehicle, record)
        elif {id(route) for route in vehicle.routes} != {id(route) for route in routes}:
            vehicle.plan(routes)
            self._gate.disturb(key)
        return vehicle

    # fixes

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        outcome = Outcome()
        if not self._vehicles:
            return outcome
        findings = Findings(outcome, now)
        asked = self._asked
        for key, place in self._admitted(batch):
            if key in asked or len(asked) >= MOST_AT_ONCE:
                self._settle(findings)
            if place.accuracy_m > self._settings.max_accuracy_m:
                self._see_speed(key, place)
                continue
            last = self._gate.last(key)
            look = self._gate.look(key, place)
            if look is Look.PLACE or (look is Look.TIME and self._needs_attention(key, place)):
                self._take(key, place, last, findings)
            elif look is Look.TIME:
                self._renew(key, place, findings)
        self._settle(findings)
        return outcome

    def _admitted(self, batch: FixBatch) -> Iterator[tuple[int, Place]]:
        """The fixes that may matter, in order of time."""
        rows = self._gate.admit(batch, self._settings.max_accuracy_m)
        columns = (batch.time, batch.lat, batch.lon, batch.speed_mps, batch.accuracy_m)
        places = map(Place, *(column[rows].tolist() for column in columns))
        return zip(batch.vehicle[rows].tolist(), places, strict=True)

    def _settle(self, findings: Findings) -> None:
        """Make the forecasts that were asked for: in the end, and before anything else is done with one of their vehicles."""
        self._outlook.settle(findings)
        self._asked.clear()

    def _see_speed(self, key: int, place: Place) -> None:
        last = self._gate.last(key)
        if last is not None and place.time > last.time:
            self._vehicles[key].record.standstill.see_speed(place.time, place.speed_mps, last.time, self._settings)

    def _needs_attention(self, key: int, place: Place) -> bool:
        """Whether more is due than forecasts: a route begins or ends, or the plan has changed."""
        return place.time >= self._vehicles[key].attention_due or self._gate.is_disturbed(key)

    def _renew(self, key: int, place: Place, findings: Findings) -> None:
        vehicle = self._vehicles[key]
        vehicle.pass_by()
        for course in vehicle.courses:
            if self._outlook.renew(course, place.time, place, findings):
                self._asked.add(key)
        self._set_due(key, vehicle)

    def _take(self, key: int, place: Place, last: Place | None, findings: Findings) -> None:
        vehicle = self._vehicles[key]
        if (free_m := vehicle.free_m(place)) > 0.0:
            self._pass_on(key, vehicle, place, last, free_m, findings)
            return
        if vehicle.sets_aside(place, last):
            return
        vehicle.attend(place.time, findings)
        last_seen = place.time if last is None else last.time
        pins_m = vehicle.watch_pins(place, last_seen)
        vehicle.take(self._segment_start(last, place), place, last_seen, findings)
        self._teach(key, vehicle, place.time)
        reach_m = vehicle.keep_free(place, self._look_ahead(key, vehicle, place, findings))
        if any(course.finished for course in vehicle.courses):
            self._settle(findings)
            vehicle.drop_finished()
            reach_m = 0.0
        self._gate.settle(key, place, min(reach_m, pins_m))
        self._set_due(key, vehicle)

    def _pass_on(self, key: int, vehicle: Vehicle, place: Place, last: Place | None, free_m: float, findings: Findings) -> None:
        """The vehicle drives where nothing can happen at a circle; only for the pins beside its way is it looked at."""
        pins_m = vehicle.watch_pins(place, place.time if last is None else last.time)
        vehicle.record.standstill.ended, vehicle.record.standstill.mattered = None, False
        self._gate.settle(key, place, min(free_m, pins_m))
        self._renew(key, place, findings)

    def _segment_start(self, previous: Place | None, place: Place) -> Place | None:
        """The fix before, unless too much can have happened since, or nobody drives that fast."""
        if previous is None:
            return None
        span_s = (place.time - previous.time) / MICROS_PER_S
        if span_s > self._settings.max_segment_s:
            return None
        way_m = distance_m(previous.lat, previous.lon, place.lat, place.lon)
        return previous if way_m <= self._settings.max_speed_mps * span_s + self._settings.max_accuracy_m else None

    def _teach(self, key: int, vehicle: Vehicle, at: int) -> None:
        if not vehicle.has_served or at <= self._taught.get(key, NEVER):
            return
        self._taught[key] = at
        self._teachers.add(key)
        for course in vehicle.courses:
            if course.served and not course.is_aside:
                self._outlook.learn(course)

    def _look_ahead(self, key: int, vehicle: Vehicle, place: Place, findings: Findings) -> float:
        """Approaching stops and forecasts; returns how far the vehicle may go before it approaches one."""
        reach_m = float("inf")
        for base, course in zip(vehicle.bases, vehicle.courses, strict=True):
            if course.finished or course.is_aside:
                continue
            upcoming = course.record.reached + 1
            if upcoming < course.compiled.size:
                upcoming_m, free = vehicle.circles.distance_m(base + upcoming, place), vehicle.is_free(course)
                reach_m = min(reach_m, self._outlook.approach(course, upcoming_m, place.time, free=free, findings=findings))
            if self._outlook.renew(course, place.time, place, findings):
                self._asked.add(key)
        return reach_m

    def _set_due(self, key: int, vehicle: Vehicle) -> None:
        with_fix, without_fix = vehicle.attention_due, NEVER_DUE
        for course in vehicle.courses:
            due = self._outlook.due(course)
            if due != NEVER_DUE:
                without_fix = min(without_fix, due)
                with_fix = min(with_fix, due, self._outlook.due_with_fix(course))
        self._gate.set_due(key, with_fix, without_fix)

    # time

    def tick(self, now: datetime) -> Outcome:
        """Renew the forecasts of vehicles that have sent no fix for a while. Finds nothing else: what happened on the road
        is found from fixes alone."""
        outcome = Outcome()
        findings = Findings(outcome, now)
        at = to_micros(now)
        for key in self._gate.due_without_fix(at):
            vehicle = self._vehicles[key]
            for course in vehicle.courses:
                course.served = []
                if at > vehicle.expires(course):
                    course.record.renewed = at
                elif self._outlook.renew(course, at, None, findings):
                    self._asked.add(key)
            self._set_due(key, vehicle)
            if len(self._asked) >= MOST_AT_ONCE:
                self._settle(findings)
        self._settle(findings)
        return outcome

    # state

    @property
    def teachers(self) -> AbstractSet[int]:
        """Vehicles from which something was learned since the last snapshot under `LEARNED_KEY`."""
        return self._teachers

    def snapshot(self, keys: Iterable[int]) -> dict[int, bytes]:
        """One record a vehicle; under `LEARNED_KEY`, where it is asked for, what was learned from all."""
        states: dict[int, bytes] = {}
        for key in keys:
            if key == LEARNED_KEY:
                states[key] = self._predictor.snapshot()
                self._teachers = set()
            elif (vehicle := self._vehicles.get(key)) is not None:
                states[key] = self._encoded(key, vehicle)
            elif key in self._unplanned:
                states[key] = packed(self._unplanned[key])
        return states

    def _encoded(self, key: int, vehicle: Vehicle) -> bytes:
        last = self._gate.last(key)
        if last is not None:
            vehicle.record.time, vehicle.record.lat, vehicle.record.lon = last.time, last.lat, last.lon
            vehicle.record.speed_mps = last.speed_mps
        vehicle.note_forecasts()
        return packed(vehicle.record)

    def restore(self, states: Mapping[int, bytes]) -> None:
        """Raises msgspec.DecodeError for bytes that are no snapshot of this version."""
        for key, state in states.items():
            if key == LEARNED_KEY:
                self._predictor.restore(state)
                continue
            record = unpacked(state)
            self._taught[key] = max(self._taught.get(key, NEVER), record.time)
            if (vehicle := self._vehicles.get(key)) is not None:
                self._load(key, vehicle, record)
            else:
                self._unplanned[key] = record

    def _load(self, key: int, vehicle: Vehicle, record: VehicleRecord) -> None:
        vehicle.load(record)
        if record.time != NEVER:
            place = Place(time=record.time, lat=record.lat, lon=record.lon, speed_mps=record.speed_mps)
            self._gate.settle(key, place, 0.0)
        else:
            self._gate.clear(key)
        self._set_due(key, vehicle)

    def forget(self, key: int) -> None:
        self._unplanned.pop(key, None)
        if (vehicle := self._vehicles.get(key)) is not None:
            self._load(key, vehicle, VehicleRecord(courses=[], closed=[]))
