"""The engines of the pipeline as one: fences, movement and routes, fed alike, their states side by side in one record a vehicle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from eta.model import EtaModel
from eta.settings import EtaSettings
from fleet.fence import Fence
from fleet.fix import FixBatch, Int64s
from fleet.movement_rules import MovementScope
from fleet.outcome import Outcome
from fleet.route import Route
from fleet.visit import Visit
from geofence.fences import FenceEngine
from geofence.movement.engine import MovementEngine
from geofence.movement.settings import MovementSettings
from geofence.movement.wild import WILD
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.rows import by_vehicle
from geofence.settings import GeofenceSettings
from geofence.stops.engine import LEARNED_KEY, RouteEngine
from geofence.stops.settings import RouteSettings

#: Of the record below. A record of another version is not read: its vehicle starts anew.
_VERSION: Final = 4


class EngineStates(msgspec.Struct, array_like=True):
    """What the engines know of one vehicle; `last` is the instant of its last fix."""

    version: int
    last: int
    fences: bytes
    movement: bytes
    routes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    geofence: GeofenceSettings = GeofenceSettings()
    movement: MovementSettings = MovementSettings()
    routes: RouteSettings = RouteSettings()
    eta: EtaSettings = EtaSettings()


class Engines:
    def __init__(self, settings: EngineSettings, roster: Roster) -> None:
        self._settings = settings
        self._roster = roster
        self._fences = FenceEngine(settings.geofence, roster)
        self._movement = MovementEngine(settings.movement, roster)
        self._routes = RouteEngine(settings.routes, EtaModel(settings.eta))

    @property
    def plan(self) -> FencePlan:
        return self._fences.plan

    def set_fences(self, fences: Sequence[Fence], now: datetime) -> Outcome:
        """These are all fences now."""
        tenants = {fence.tenant: self._roster.tenant_number(fence.tenant) for fence in fences}
        plan = FencePlan.of(fences, tenants, self._settings.geofence, self._fences.plan)
        outcome = self._fences.replan(plan, now)
        self._movement.set_fences(plan)
        return outcome

    def set_rules(self, scopes: Iterable[MovementScope]) -> None:
        """These are all rules of movement that tenants and vehicles have of their own now."""
        self._movement.set_rules(scopes)

    @property
    def refused_rules(self) -> Sequence[tuple[MovementScope, str]]:
        """Whose allowed hours cannot be read, and why."""
        return self._movement.refused_rules

    def set_routes(self, routes: Sequence[Route], keys: Mapping[tuple[str, str], int]) -> None:
        """These are all routes now."""
        self._routes.set_routes(routes, keys)

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        """Jumps are judged once for all engines (`geofence.jumps`). That of fences goes by the way from the fix before, so what is
        not believed is kept from it; the others pass it over, and movement counts it for a sign of life."""
        outcome = Outcome()
        if not len(batch):
            return outcome
        rows = self._movement.judge(by_vehicle(batch, self._roster.assign(batch.vehicle)))
        is_wild = (rows.batch.flags & WILD) != 0
        if not is_wild.any():
            outcome.extend(self._fences.take(rows, now))
        elif not is_wild.all():
            outcome.extend(self._fences.step(rows.batch.take(~is_wild), now))
        outcome.extend(self._movement.take(rows, now))
        outcome.extend(self._routes.step(rows.batch, now))
        return outcome

    def tick(self, now: datetime) -> Outcome:
        outcome = Outcome()
        for engine in (self._fences, self._movement, self._routes):
            outcome.extend(engine.tick(now))
        return outcome

    def silent_by(self, now: datetime) -> dict[int, int]:
        """What `take_presumed` would give after a tick at this instant, without it."""
        return _later(self._fences.silent_by(now), self._movement.silent_by(now))

    def take_presumed(self) -> dict[int, int]:
        """Vehicles that were called silent since the last call, because time had passed: by key, until when a fix would prove that
        wrong."""
        return _later(self._fences.take_presumed(), self._movement.take_presumed())

    def tick_one(self, key: int, now: datetime) -> Outcome:
        """What the passing of time means for one vehicle that was folded again; forecasts are renewed by the next tick."""
        outcome = self._fences.tick_one(key, now)
        outcome.extend(self._movement.tick_one(key, now))
        return outcome

    def disconnected(self, key: int, at: int, now: datetime) -> Outcome:
        """The vehicle's tracker lost its connection then, long enough ago."""
        return self._movement.disconnected(key, at, now)

    def know_lost(self, key: int, lost: Sequence[int]) -> None:
        """While a vehicle is folded again: when its connection was lost."""
        self._movement.know_lost(key, lost)

    def last_instants(self, keys: Sequence[int]) -> list[int]:
        """The instants of the vehicles' last fixes."""
        return self._movement.last_instants(keys)

    @property
    def vehicles_near_fences(self) -> int:
        return self._fences.vehicles_near

    def open_visits(self, key: int) -> list[Visit]:
        return self._fences.open_visits(key)

    def take_touched(self) -> Int64s:
        """Vehicles whose state has changed since the last call, otherwise than by a step or the passing of time."""
        touched = self._fences.take_touched()
        return np.fromiter(touched, np.int64, len(touched))

    def snapshot(self, keys: Sequence[int]) -> dict[int, bytes]:
        """The records of these vehicles."""
        fences, movement, routes = (engine.snapshot(keys) for engine in (self._fences, self._movement, self._routes))
        encode, lasts = msgspec.msgpack.Encoder().encode, self._movement.last_instants(keys)
        return {
            key: encode(EngineStates(_VERSION, last, fences[key], movement[key], routes.get(key, b"")))
            for key, last in zip(keys, lasts, strict=True)
        }

    def is_settled(self, key: int) -> bool:
        """Whether nothing that later fixes bring about can be dated before the vehicle's last fix."""
        return self._fences.is_settled(key) and self._movement.is_settled(key)

    @property
    def teachers(self) -> AbstractSet[int]:
        """Vehicles from which something was learned since `learned` was called."""
        return self._routes.teachers

    def learned(self) -> bytes | None:
        """What was learned from all vehicles; None where that is what it was at the last call."""
        return self._routes.snapshot([LEARNED_KEY])[LEARNED_KEY] if self.teachers else None

    def restore_learned(self, state: bytes) -> None:
        self._routes.restore({LEARNED_KEY: state})

    def restore(self, records: Mapping[int, bytes]) -> None:
        """Take over records; one of another version is passed over."""
        decoder = msgspec.msgpack.Decoder(EngineStates)
        states = {key: state for key, record in records.items() if (state := decoder.decode(record)).version == _VERSION}
        self._fences.restore({key: state.fences for key, state in states.items()})
        self._movement.restore({key: state.movement for key, state in states.items()})
        self._routes.restore({key: state.routes for key, state in states.items() if state.routes})

    def forget(self, keys: Iterable[int]) -> None:
        for key in keys:
            for engine in (self._fences, self._movement, self._routes):
                engine.forget(key)

    def return_to(self, key: int, record: bytes | None) -> None:
        """The vehicle's state is that of the record, less what the passing of time alone has said; None: of the beginning."""
        self.forget([key])
        if record is not None:
            self.restore({key: record})
            self._fences.forget_presumptions(key)
            self._movement.forget_presumptions(key)


def _later(one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
    """Both; of what is in both the later instant."""
    return one | {key: max(until, one.get(key, until)) for key, until in other.items()}


def last_of(record: bytes) -> int:
    """The instant of the last fix that a record includes, microseconds since 1970 UTC."""
    return msgspec.msgpack.decode(record, type=EngineStates).last
