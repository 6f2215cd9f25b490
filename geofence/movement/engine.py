"""The engine of movement: moving and standing, trips, idling, speeding, movement without leave and silence of every vehicle.

Each watch looks over a whole batch in columns and takes up one by one only what it has to tell of. They do not depend on each
other, but that idling goes by the gait. What is found depends on each vehicle's sorted fixes alone, however batches are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from fleet.clock import to_micros
from fleet.fix import FixBatch
from fleet.movement_rules import MovementScope
from fleet.outcome import Outcome
from geofence.findings import Findings
from geofence.movement.course import Course
from geofence.movement.gait import WATCHED, Gait
from geofence.movement.idling import watch_idling
from geofence.movement.ignition import ON, Ignition
from geofence.movement.rulebook import Rulebook
from geofence.movement.said import Said
from geofence.movement.settings import Durations, MovementSettings
from geofence.movement.silence import level_of, lost_in, silence_words, watch_silence
from geofence.movement.speeding import SpeedWatch
from geofence.movement.traces import STANDING, Traces
from geofence.movement.unauthorised import HOURS, IGNITION, RuleWatch, Walk, closed_hours, ignition_off
from geofence.movement.wild import judged
from geofence.movement.words import tell_changes
from geofence.plan import FencePlan
from geofence.roster import NO_TENANT, Roster
from geofence.rows import Rows, by_vehicle
from geofence.slots import NO_SLOT, Int32s, Int64s, as_keys
from geofence.stays import NEVER


class MovementEngine:
    """State by slot of the roster."""

    def __init__(self, settings: MovementSettings, roster: Roster) -> None:
        self._settings = settings
        self._durations = Durations.of(settings)
        self._roster = roster
        self._traces = Traces()
        self._fences = FencePlan.empty()
        self._rulebook = Rulebook(settings.rules, roster)
        self._presumed: dict[int, int] = {}
        #: By slot, when connections were lost; only while that is looked at.
        self._lost: dict[int, Sequence[int]] = {}

    def set_fences(self, plan: FencePlan) -> None:
        """Of these fences those count that limit the speed."""
        limited = {number: fence for number, fence in plan.fences.items() if fence.fence.max_speed_mps is not None}
        if limited.keys() != self._fences.fences.keys() or any(
            limited[number] is not self._fences.fences[number] for number in limited
        ):
            self._fences = FencePlan(limited, plan.numbers, [])

    def set_rules(self, scopes: Iterable[MovementScope]) -> None:
        """These are all rules that tenants and vehicles have of their own now."""
        self._rulebook.set(scopes)

    @property
    def refused_rules(self) -> Sequence[tuple[MovementScope, str]]:
        """Whose allowed hours cannot be read, and why: they are held to the rest of their rules."""
        return self._rulebook.refused

    # what comes in

    def judge(self, rows: Rows) -> Rows:
        """The rows, flagged as jumps are told in order of time, whatever screening has flagged. They are to be taken in next."""
        self._traces.reserve(len(self._roster))
        flags = judged(rows, self._traces, self._settings)
        return rows if flags is rows.batch.flags else replace(rows, batch=replace(rows.batch, flags=flags))

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        return self.take(by_vehicle(batch, self._roster.assign(batch.vehicle)), now) if len(batch) else Outcome()

    def take(self, rows: Rows, now: datetime) -> Outcome:
        """`step` for fixes by vehicle, with slots of the roster."""
        self._traces.reserve(len(self._roster))
        rows = self._named(rows)
        if not len(rows.batch):
            return Outcome()
        said = Said()
        before = rows.before(self._traces["time"][rows.slots], rows.batch.time)
        watch_silence(rows, before, self._traces, self._durations, self._lost, said)
        self._move(rows, said)
        self._watch_speed(rows, before, said)
        self._traces.put(rows.vehicles, {"time": rows.batch.time[rows.ends], "told": np.int8(0)})
        findings = Findings(now)
        said.tell(findings, lambda number: self._roster.whose(int(rows.vehicles[number])))
        return Outcome(events=findings.events)

    def _named(self, rows: Rows) -> Rows:
        """The fixes of vehicles that were named."""
        is_named = self._roster.tenants(rows.slots) != NO_TENANT
        return rows if is_named.all() else by_vehicle(rows.batch.take(is_named), rows.slots[is_named])

    def _move(self, rows: Rows, said: Said) -> None:
        """Moving and standing, and what goes by it."""
        traces, slots = self._traces, rows.vehicles
        ignition = Ignition.of(rows, traces)
        is_watched = self._is_watched(slots)
        wanted = WATCHED if is_watched or ignition is not None else ()
        before = {name: traces[name][slots] for name in wanted}
        placed = traces["placed"][slots] if is_watched else None
        course = Course.of(rows, traces, self._settings)
        gait = Gait(self._settings, self._durations, course, traces, slots)
        for change in gait.go():
            tell_changes(change, course, self._settings, said)
        states = gait.by_row(rows, before)
        if placed is not None:
            walk = Walk.of(rows, course, states, placed, self._settings)
            self._watch_rules(rows, course, walk, ignition, said)
        if ignition is not None:
            told = watch_idling(rows, ignition, states, traces, self._settings, self._durations, said)
            ends = rows.ends
            traces.put(slots, {"ignition": ignition.state[ends], "ignition_since": ignition.since[ends], "idle_since": told})

    def _is_watched(self, slots: Int32s) -> bool:
        """Whether there are rules of movement, or episodes from when there were."""
        if self._rulebook.watches_movement:
            return True
        return bool((self._traces["hours_from"][slots] != NEVER).any() or (self._traces["towed_from"][slots] != NEVER).any())

    def _watch_rules(self, rows: Rows, course: Course, walk: Walk, ignition: Ignition | None, said: Said) -> None:
        """Moving against allowed hours, or with the ignition off."""
        rules, numbers = self._rulebook.rules, self._rulebook.numbers(rows.vehicles)
        watch = RuleWatch(course, walk, self._settings, self._durations, said)
        watch.watch(HOURS, closed_hours(rules, numbers, course, walk), self._traces, rows.vehicles)
        if ignition is not None:
            watch.watch(IGNITION, ignition_off(rules, numbers, course, walk, ignition), self._traces, rows.vehicles)

    def _watch_speed(self, rows: Rows, before: Int64s, said: Said) -> None:
        rulebook = self._rulebook
        if not rulebook.limits_speed and not len(self._fences) and not (self._traces["over_since"][rows.vehicles] != NEVER).any():
            return
        limits_mps = rulebook.limits_mps(rows.vehicles)
        SpeedWatch(rows, before, self._durations, self._fences, said).watch(limits_mps, self._traces, self._roster)

    # the passing of time

    def tick(self, now: datetime) -> Outcome:
        """Vehicles that have been silent for too long are stale, then offline."""
        return self._tick(now, np.arange(len(self._traces)))

    def tick_one(self, key: int, now: datetime) -> Outcome:
        """`tick` for one vehicle."""
        slot = self._slot(key)
        return self._tick(now, np.array([] if slot is None else [slot], np.int64))

    def disconnected(self, key: int, at: int, now: datetime) -> Outcome:
        """The vehicle's tracker lost its connection then, not before its last fix, and the grace is over."""
        self.know_lost(key, [at])
        try:
            return self.tick_one(key, now)
        finally:
            self.know_lost(key, ())

    def know_lost(self, key: int, lost: Sequence[int]) -> None:
        """Connections of this vehicle's tracker were lost then, as far as silence is to be judged from now on."""
        slot = int(self._roster.assign(as_keys([key]))[0])
        self._traces.reserve(len(self._roster))
        if lost:
            self._lost[slot] = lost
        else:
            self._lost.pop(slot, None)

    def silent_by(self, now: datetime) -> dict[int, int]:
        """The vehicles that `tick` would call silent, as `take_presumed` would give them."""
        slots = self._silent(now, np.arange(len(self._traces)))
        at = to_micros(now)
        return {int(self._roster.slots.keys[slot]): self._told_until(slot, at) for slot in slots}

    def take_presumed(self) -> dict[int, int]:
        """Vehicles that ticks have called silent since the last call: by key, until when a fix would prove that wrong."""
        presumed, self._presumed = self._presumed, {}
        return {int(self._roster.slots.keys[slot]): until for slot, until in presumed.items()}

    def _tick(self, now: datetime, slots: Int64s) -> Outcome:
        findings = Findings(now)
        for slot in self._silent(now, slots):
            at, last = to_micros(now), int(self._traces["time"][slot])
            findings.about(*self._roster.whose(slot))
            for word in silence_words(0, 0, last, int(self._traces["told"][slot]), at, self._durations, self._lost.get(slot, ())):
                findings.event(word.kind, word.occurred, word.data)
            self._traces["told"][slot] = self._level(slot, at)
            self._presumed[slot] = self._told_until(slot, at)
        return Outcome(events=findings.events)

    def _silent(self, now: datetime, slots: Int64s) -> list[int]:
        """Those of the slots of which more has to be said than was."""
        at, time = to_micros(now), self._traces["time"][slots]
        level = (time <= at - self._durations.stale).astype(np.int8) + (time <= at - self._durations.offline)
        if self._lost:
            disconnected = np.flatnonzero(np.isin(slots, np.fromiter(self._lost, np.int64)))
            level[disconnected] = [self._level(int(slots[row]), at) for row in disconnected]
        due = slots[(level > self._traces["told"][slots]) & (time != NEVER)]
        return [slot for slot in due.tolist() if self._roster.whose(slot)[1]]

    def _level(self, slot: int, at: int) -> int:
        return level_of(int(self._traces["time"][slot]), at, self._durations, self._lost.get(slot, ()))

    def _told_until(self, slot: int, at: int) -> int:
        """A fix before this instant would prove wrong what has been said by `at`."""
        last, lost = int(self._traces["time"][slot]), self._lost.get(slot, ())
        disconnected = lost_in(last, at, self._durations, lost)
        if disconnected != NEVER:
            return disconnected + self._durations.disconnected
        return last + (self._durations.offline if self._level(slot, at) > 1 else self._durations.stale)

    # state in and out

    def snapshot(self, keys: Iterable[int]) -> dict[int, bytes]:
        wanted = as_keys(keys)
        slots = self._roster.assign(wanted)
        self._traces.reserve(len(self._roster))
        return dict(zip(wanted.tolist(), self._traces.packed(slots), strict=True))

    def restore(self, states: Mapping[int, bytes]) -> None:
        slots = self._roster.assign(as_keys(states))
        self._traces.reserve(len(self._roster))
        self._traces.unpack(slots, states.values())

    def forget(self, key: int) -> None:
        slot = self._slot(key)
        if slot is not None:
            self._traces.clear(slot)

    def forget_presumptions(self, key: int) -> None:
        """What the passing of time alone has said of a vehicle is unsaid: its state is that of its fixes."""
        slot = self._slot(key)
        if slot is not None:
            self._traces["told"][slot] = 0

    def is_settled(self, key: int) -> bool:
        """Whether nothing that later fixes bring about can be dated before the vehicle's last fix."""
        slot = self._slot(key)
        if slot is None:
            return True
        trace = self._traces.one(slot)
        idles = trace.state == STANDING and trace.ignition == ON
        may_idle = idles and trace.idle_since != max(trace.since, trace.ignition_since)
        may_speed = trace.over_since != NEVER and not trace.over_told
        may_be_unauthorised = (trace.hours_from != NEVER and not trace.hours_told) or (
            trace.towed_from != NEVER and not trace.towed_told
        )
        return trace.pending == NEVER and not (may_idle or may_speed or may_be_unauthorised)

    def last_instants(self, keys: Iterable[int]) -> list[int]:
        """The instants of the vehicles' last fixes; NEVER where there is none."""
        slots = self._roster.assign(as_keys(keys))
        self._traces.reserve(len(self._roster))
        instants: list[int] = self._traces["time"][slots].tolist()
        return instants

    def _slot(self, key: int) -> int | None:
        """The slot of a vehicle of which something may be known."""
        slot = self._roster.slots.find_one(key)
        return slot if slot != NO_SLOT and slot < len(self._traces) else None
