"""The engine of movement: moving and standing, trips, idling, speeding and silence of every vehicle.

As in the engine of fences, most vehicles just go on: for those the columns are moved all at once, and only vehicles
for which something may change are folded one by one (`geofence.motion`). Results are kept at the end of a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from fleet.clock import to_micros
from fleet.fix import FixBatch
from fleet.geodesy import distances_m
from fleet.outcome import Outcome
from geofence.findings import Findings
from geofence.grid import ramps
from geofence.membership import Ways, find_hits
from geofence.motion import (
    MOST_STEPS,
    MOTION,
    MOVING,
    NOT_SAID,
    STANDING,
    UNSEEN,
    UNUSABLE,
    Glimpse,
    Motion,
    MotionFold,
    MotionLimits,
    as_row,
)
from geofence.movement_settings import MovementSettings
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.rows import Rows, by_vehicle
from geofence.slots import NO_SLOT, Int32s, Int64s, as_keys, grown
from geofence.stays import NEVER

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

_IGNITION_KEY: Final = b'"ignition"'
_MICROS: Final = 1e6


class _Extras(msgspec.Struct):
    ignition: bool | int | float | str | None = None


_DECODER: Final = msgspec.json.Decoder(_Extras)


#: Turns that are no more than columns.
_MAY_STAND: Final = 1
_STEPS: Final = 2
_STEPS_BACK: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """By row: the way from the fix before, metres, the turn it brings, whether it is slow. By vehicle: whether nothing is said."""

    ways_m: Floats
    turns: npt.NDArray[np.int8]
    is_slow: Booleans
    is_steady: Booleans


class MovementEngine:
    """State by slot of the roster."""

    def __init__(self, settings: MovementSettings, roster: Roster) -> None:
        self._settings = settings
        self._limits = MotionLimits.of(settings)
        self._roster = roster
        self._table: npt.NDArray[Any] = np.zeros(0, MOTION)
        self._fences = FencePlan.empty()
        self._presumed: dict[int, int] = {}

    def set_fences(self, plan: FencePlan) -> None:
        """Of these fences those count that limit the speed."""
        limited = {number: fence for number, fence in plan.fences.items() if fence.fence.max_speed_mps is not None}
        if limited.keys() != self._fences.fences.keys() or any(
            limited[number] is not self._fences.fences[number] for number in limited
        ):
            self._fences = FencePlan(limited, plan.numbers, [])

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        if not len(batch):
            return Outcome()
        findings = Findings(now)
        slots = self._roster.assign(batch.vehicle)
        self._reserve()
        rows = by_vehicle(batch, slots)
        ignition = _ignition(rows.batch.extras)
        limits_mps, limiting = self._speed_limits(rows)
        look = self._look_over(rows, ignition, limits_mps)
        folded = np.flatnonzero(~look.is_steady)
        motions = self._fold(rows, folded, ignition, limits_mps, limiting, findings)
        self._keep(rows, look)
        for number, motion in zip(folded.tolist(), motions, strict=True):
            self._table[rows.vehicles[number]] = as_row(motion)
        return Outcome(events=findings.events)

    def tick(self, now: datetime) -> Outcome:
        """Vehicles that have been silent for too long are stale, then offline."""
        return self._tick(now, np.arange(len(self._table)))

    def tick_one(self, key: int, now: datetime) -> Outcome:
        """`tick` for one vehicle."""
        slot = self._roster.slots.find_one(key)
        return self._tick(now, np.array([slot] if 0 <= slot < len(self._table) else [], np.int64))

    def silent_by(self, now: datetime) -> dict[int, int]:
        """The vehicles that `tick` would call silent, as `take_presumed` would give them."""
        slots = self._silent(now, np.arange(len(self._table)))
        return {int(self._roster.slots.keys[slot]): self._told_until(slot, self._level(slot, to_micros(now))) for slot in slots}

    def take_presumed(self) -> dict[int, int]:
        """Vehicles that ticks have called silent since the last call: by key, until when a fix would prove that wrong."""
        presumed, self._presumed = self._presumed, {}
        return {int(self._roster.slots.keys[slot]): until for slot, until in presumed.items()}

    def _level(self, slot: int, at: int) -> int:
        silent = at - int(self._table["time"][slot])
        return int(silent >= self._limits.stale) + int(silent >= self._limits.offline)

    def _told_until(self, slot: int, level: int) -> int:
        return int(self._table["time"][slot]) + (self._limits.offline if level > 1 else self._limits.stale)

    def _tick(self, now: datetime, slots: Int64s) -> Outcome:
        at = to_micros(now)
        findings = Findings(now)
        for slot in self._silent(now, slots):
            fold = self._open_fold(slot, findings)
            level = self._level(slot, at)
            fold.presume_silent(level)
            self._table[slot] = as_row(fold.motion)
            self._presumed[slot] = self._told_until(slot, level)
        return Outcome(events=findings.events)

    def _silent(self, now: datetime, slots: Int64s) -> list[int]:
        """Those of the slots of which more has to be said than was."""
        at, time = to_micros(now), self._table["time"][slots]
        level = (time <= at - self._limits.stale).astype(np.int8) + (time <= at - self._limits.offline)
        due = slots[(level > self._table["told"][slots]) & (time != NEVER)]
        return [slot for slot in due.tolist() if self._is_named(slot)]

    # state in and out

    def snapshot(self, keys: Iterable[int]) -> dict[int, bytes]:
        wanted = as_keys(keys)
        slots = self._roster.assign(wanted)
        self._reserve()
        data, size = self._table[slots].tobytes(), MOTION.itemsize
        return {key: data[at * size : (at + 1) * size] for at, key in enumerate(wanted.tolist())}

    def restore(self, states: Mapping[int, bytes]) -> None:
        slots = self._roster.assign(as_keys(states))
        self._reserve()
        self._table[slots] = np.frombuffer(b"".join(states.values()), MOTION)

    def forget(self, key: int) -> None:
        slot = self._roster.slots.find_one(key)
        if slot != NO_SLOT and slot < len(self._table):
            self._table[slot] = UNSEEN

    def forget_presumptions(self, key: int) -> None:
        """What the passing of time alone has said of a vehicle is unsaid: its state is that of its fixes."""
        self._table["told"][self._roster.slots.find_one(key)] = 0

    def is_settled(self, key: int) -> bool:
        """Whether nothing that later fixes bring about can be dated before the vehicle's last fix."""
        slot = self._roster.slots.find_one(key)
        if slot == NO_SLOT or slot >= len(self._table):
            return True
        motion = Motion(*self._table[slot].item())
        may_idle = motion.state == STANDING and motion.ignition == 1 and not motion.idle_told
        may_speed = motion.over_since != NEVER and not motion.over_told
        return motion.pending == NEVER and not may_idle and not may_speed

    def last_instant(self, key: int) -> int:
        """The instant of the vehicle's last fix; NEVER where there is none."""
        slot = self._roster.slots.find_one(key)
        return NEVER if slot == NO_SLOT or slot >= len(self._table) else int(self._table["time"][slot])

    # a step

    def _speed_limits(self, rows: Rows) -> tuple[Floats, Int32s]:
        """The limit at each fix, and the number of the fence that sets it (-1: none does)."""
        size = len(rows.slots)
        limits = np.full(size, np.inf if self._settings.limit_mps is None else self._settings.limit_mps)
        limiting = np.full(size, -1, np.int32)
        if self._settings.tenant_limits_mps or self._settings.vehicle_limits_mps:
            own = np.array([self._own_limit(slot) for slot in rows.vehicles.tolist()])
            limits = own[rows.vehicle_numbers]
        if len(self._fences):
            batch, still = rows.batch, np.zeros(size, np.bool_)
            ways = Ways(
                tenants=self._roster.tenants(rows.slots),
                lat=batch.lat,
                lon=batch.lon,
                altitude_m=batch.altitude_m,
                previous_lat=batch.lat,
                previous_lon=batch.lon,
                is_way=still,
            )
            hits = find_hits(self._fences, ways)
            for row, number in zip(hits.rows.tolist(), hits.fences.tolist(), strict=True):
                limit = self._fence_limit(number, int(batch.time[row]))
                if limit < limits[row]:
                    limits[row], limiting[row] = limit, number
        return limits, limiting

    def _fence_limit(self, number: int, at: int) -> float:
        fence = self._fences.fences[number]
        is_closed = fence.calendar is not None and fence.calendar.closes(at) is None
        return float("inf") if fence.fence.max_speed_mps is None or is_closed else fence.fence.max_speed_mps

    def _own_limit(self, slot: int) -> float:
        general = float("inf") if self._settings.limit_mps is None else self._settings.limit_mps
        if not self._is_named(slot):
            return general
        whose = self._roster.whose(slot)
        return self._settings.vehicle_limits_mps.get(whose, self._settings.tenant_limits_mps.get(whose[0], general))

    def _look_over(self, rows: Rows, ignition: npt.NDArray[np.int8], limits_mps: Floats) -> _Look:
        """Find the vehicles for which columns move and nothing has to be said."""
        batch, settings = rows.batch, self._settings
        known = self._table[rows.slots]
        time = rows.before(known["time"], batch.time)
        state, waits = known["state"], known["pending"] != NEVER
        lat, lon = rows.before(known["lat"], batch.lat), rows.before(known["lon"], batch.lon)
        ways_m = _some_distances_m((state == MOVING) | np.isnan(batch.speed_mps), lat, lon, batch)
        speed_mps = self._speeds(rows, rows.before(known["placed"], batch.time), ways_m)
        has_place = (state == STANDING) | waits
        is_near = _some_distances_m(has_place, known["place_lat"], known["place_lon"], batch) <= settings.stand_radius_m
        is_slow = speed_mps < settings.stand_speed_mps
        drives = (state == MOVING) & (waits & is_near | ~waits & ~is_slow)
        stays = (state == STANDING) & ~waits & is_near & (speed_mps < settings.move_speed_mps)
        # Of a vehicle with one fix also these are no more than columns: a stand that may begin, one that comes to nothing, a
        # step towards moving, and one back.
        turns = np.zeros(len(time), np.int8)
        turns[(state == MOVING) & ((waits & ~is_near) | (~waits & is_slow))] = _MAY_STAND
        turns[(state == STANDING) & (~is_near | (speed_mps >= settings.move_speed_mps))] = _STEPS
        turns[(state == STANDING) & waits & is_near & (speed_mps < settings.move_speed_mps)] = _STEPS_BACK
        is_said = (turns == _STEPS) & ~is_near & (known["steps"] + 1 >= settings.move_fixes)
        is_said |= (state == MOVING) & waits & is_near & (batch.time - known["pending"] >= self._limits.stand)
        is_said |= (state == STANDING) & (known["ignition"] == 1) & (known["idle_told"] == 0)
        is_quiet = (ignition == NOT_SAID) | (ignition == known["ignition"])
        is_legal = (known["over_since"] == NEVER) & ~(batch.speed_mps > limits_mps)
        is_usable = ((batch.flags & UNUSABLE) == 0) & ~(batch.accuracy_m > settings.max_accuracy_m)
        goes_on = (time != NEVER) & (batch.time - time < self._limits.stale) & (known["told"] == 0)
        plain = drives | stays | ((turns != 0) & (rows.counts[rows.vehicle_numbers] == 1))
        plain &= is_quiet & is_legal & is_usable & goes_on & ~is_said
        is_steady = np.bincount(rows.vehicle_numbers[plain], minlength=len(rows.vehicles)) == rows.counts
        return _Look(ways_m=ways_m, is_steady=is_steady, turns=turns, is_slow=is_slow)

    def _speeds(self, rows: Rows, placed: Int64s, ways_m: Floats) -> Floats:
        """What the trackers say, else the speed since the fix before."""
        speed_mps = rows.batch.speed_mps.astype(np.float64)
        unsaid = np.flatnonzero(np.isnan(speed_mps) & (placed != NEVER))
        speed_mps[unsaid] = ways_m[unsaid] / ((rows.batch.time[unsaid] - placed[unsaid]) / _MICROS)
        return speed_mps

    def _fold(
        self, rows: Rows, folded: Int64s, ignition: npt.NDArray[np.int8], limits_mps: Floats, limiting: Int32s, findings: Findings
    ) -> list[Motion]:
        if not len(folded):
            return []
        starts, counts = rows.starts[folded], rows.counts[folded]
        chosen = ramps(starts, counts)
        batch = rows.batch
        columns = (batch.time, batch.lat, batch.lon, batch.speed_mps, batch.accuracy_m, batch.flags)
        names = [None if number < 0 else self._fences.fences[number].fence.id for number in limiting[chosen].tolist()]
        lists = [*(column[chosen].tolist() for column in columns), ignition[chosen].tolist(), limits_mps[chosen].tolist(), names]
        glimpses = [Glimpse(*row) for row in zip(*lists, strict=True)]
        slots = rows.vehicles[folded]
        motions, at = [], 0
        known = self._table[slots].tolist()
        for slot, count, row in zip(slots.tolist(), counts.tolist(), known, strict=True):
            whose = self._roster.whose(slot)
            fold = MotionFold(self._limits, findings, Motion(*row) if whose[1] else Motion())
            if whose[1]:
                findings.about(*whose)
                for glimpse in glimpses[at : at + count]:
                    fold.take(glimpse)
            motions.append(fold.motion)
            at += count
        return motions

    def _open_fold(self, slot: int, findings: Findings) -> MotionFold:
        findings.about(*self._roster.whose(slot))
        return MotionFold(self._limits, findings, Motion(*self._table[slot].item()))

    def _is_named(self, slot: int) -> bool:
        return bool(self._roster.whose(slot)[1])

    def _keep(self, rows: Rows, look: _Look) -> None:
        """Move the columns of vehicles for which nothing has to be said."""
        slots, ends, batch, table = rows.vehicles[look.is_steady], rows.ends[look.is_steady], rows.batch, self._table
        table["time"][slots] = table["placed"][slots] = batch.time[ends]
        table["lat"][slots], table["lon"][slots] = batch.lat[ends], batch.lon[ends]
        driven_cm = np.rint(np.where(look.is_steady[rows.vehicle_numbers], look.ways_m, 0.0) * 100)
        if rows.is_repeating:
            driven_cm = np.bincount(rows.vehicle_numbers, driven_cm, minlength=len(rows.vehicles))
        is_moving = table["state"][slots] == MOVING
        table["trip_cm"][slots] += np.where(is_moving, driven_cm[look.is_steady].astype(np.int64), 0)
        turns = look.turns[ends]
        self._may_stand(slots, ends, batch, turns, look.is_slow)
        steps = turns == _STEPS
        stepping, at = slots[steps], batch.time[ends[steps]]
        table["pending"][stepping] = np.where(table["steps"][stepping] == 0, at, table["pending"][stepping])
        table["steps"][stepping] = np.minimum(table["steps"][stepping] + 1, MOST_STEPS)
        back = slots[turns == _STEPS_BACK]
        table["pending"][back] = NEVER
        table["steps"][back] = 0

    def _may_stand(self, slots: Int32s, ends: Int64s, batch: FixBatch, turns: npt.NDArray[np.int8], is_slow: Booleans) -> None:
        """A stand may begin with a slow fix; one that the vehicle has left comes to nothing."""
        table, turned = self._table, turns == _MAY_STAND
        slow = is_slow[ends]
        table["pending"][slots[turned & ~slow]] = NEVER
        begins = slots[turned & slow]
        rows = ends[turned & slow]
        table["pending"][begins], table["pending_cm"][begins] = batch.time[rows], table["trip_cm"][begins]
        table["place_lat"][begins], table["place_lon"][begins] = batch.lat[rows], batch.lon[rows]

    def _reserve(self) -> None:
        count, size = len(self._roster), len(self._table)
        if count > size:
            self._table = grown(self._table, count)
            self._table[size:] = UNSEEN


def _some_distances_m(chosen: Booleans, lat: Floats, lon: Floats, batch: FixBatch) -> Floats:
    """Distances of the fixes from these places, metres; 0 where not chosen (they cost much of a step)."""
    result = np.zeros(len(lat))
    rows = np.flatnonzero(chosen)
    result[rows] = distances_m(lat[rows], lon[rows], batch.lat[rows], batch.lon[rows])
    return result


def _ignition(extras: list[bytes | None]) -> npt.NDArray[np.int8]:
    """1 on, 0 off, NOT_SAID, as the fixes' extras say."""
    said = np.full(len(extras), NOT_SAID, np.int8)
    for row, extra in enumerate(extras):
        if extra is not None and _IGNITION_KEY in extra:
            said[row] = _one_ignition(extra)
    return said


def _one_ignition(extra: bytes) -> int:
    try:
        value = _DECODER.decode(extra).ignition
    except msgspec.DecodeError:
        return NOT_SAID
    if isinstance(value, str):
        return {"on": 1, "true": 1, "1": 1, "off": 0, "false": 0, "0": 0}.get(value.lower(), NOT_SAID)
    return NOT_SAID if value is None else int(bool(value))
