"""Moving and standing, in columns.

1. A standing vehicle moves when several fixes in a row are fast or away from its place, and the last of them is away.
2. A moving vehicle stands when it has stayed within a radius of a slow fix for long enough; that fix is when the stand began.
3. Of a vehicle that was not seen before, standing and moving are news alike.

A vehicle's *turn* is the next fix at which more may change than counts: a moving vehicle's first slow one, or one that is away
from where it may stand, or that has been there for long enough; a standing one's first that is away. Up to its turn a vehicle
goes on; then all turns are taken at once, and so on until every vehicle has come to the end of its fixes. Most never turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.geodesy import distances_m
from geofence.grid import ramps
from geofence.movement.course import CM_PER_M, Booleans, Course, Floats
from geofence.movement.settings import Durations, MovementSettings
from geofence.movement.traces import MOST_STEPS, MOVING, STANDING, UNKNOWN, Traces
from geofence.rows import Rows
from geofence.slots import Int32s, Int64s
from geofence.stays import NEVER

#: Where a turn depends on places it is looked for among so many fixes at a time: a vehicle that turns often is not looked over from
#: end to end each time.
_LOOK_AHEAD: Final = 64

#: What others go by.
WATCHED: Final = ("state", "since", "pending", "place_lat", "place_lon")

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """By vehicle in question: the position to which it was looked, whether that is a turn, and how far that is from the place."""

    until: Int64s
    is_turn: Booleans
    away_m: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """News of moving or standing, K of them. `position` is that of the fix that proved it, `number` its vehicle's.

    `began`: since when, dated back; `before`: the state left and `before_since` since when it was; `way_cm` of a stop: of the trip
    that ended, of a start: from the place that was left.
    """

    position: Int64s
    number: Int64s
    is_start: bool
    began: Int64s
    before: Int64s
    before_since: Int64s
    way_cm: Int64s
    lat: Floats
    lon: Floats
    away_m: Floats


class Gait:
    """Takes a batch's fixes into the traces. A vehicle is known by its number in `Rows`, as in `course`."""

    def __init__(self, settings: MovementSettings, durations: Durations, course: Course, traces: Traces, slots: Int32s) -> None:
        self._settings = settings
        self._stand = durations.stand
        self._course = course
        self._traces = traces
        self._slots = slots
        self._at = course.starts.copy()
        self._changes: list[Changes] = []
        #: Of all turns: the rows, and the columns that others go by, as they are behind them.
        self._turned: list[Int64s] = []
        self._became: list[Columns] = []

    def go(self) -> list[Changes]:
        """Take all fixes in; returns the news."""
        active = np.flatnonzero(self._at < self._course.ends)
        while len(active):
            slots = self._slots[active]
            looked = self._look(active, slots)
            self._go_on(active, slots, looked)
            self._at[active] = looked.until + looked.is_turn
            turning = np.flatnonzero(looked.is_turn)
            if len(turning):
                self._turn(active[turning], looked.until[turning], looked.away_m[turning])
            active = active[self._at[active] < self._course.ends[active]]
        self._place()
        return self._changes

    def by_row(self, rows: Rows, before: Columns) -> Columns:
        """Columns as they are behind each row; `before`: those of WATCHED by vehicle, as they were before the batch."""
        if not rows.is_repeating:
            return {name: self._traces[name][self._slots] for name in before}
        at = np.concatenate([rows.starts, *self._turned])
        order = np.argsort(at, kind="stable")
        spans = np.diff(np.append(at[order], len(rows.slots)))
        result = {}
        for name, column in before.items():
            values = np.concatenate([column, *(became[name] for became in self._became)])
            result[name] = np.repeat(values[order], spans)
        return result

    def _place(self) -> None:
        """The last usable fix of each vehicle is where it was last."""
        course, traces = self._course, self._traces
        seen = np.flatnonzero(course.ends > course.starts)
        slots, ends = self._slots[seen], course.ends[seen] - 1
        traces["placed"][slots], traces["lat"][slots], traces["lon"][slots] = course.time[ends], course.lat[ends], course.lon[ends]

    # looking ahead

    def _look(self, who: Int64s, slots: Int32s) -> _Looked:
        at, ends = self._at[who], self._course.ends[who]
        drives = (self._traces["state"][slots] == MOVING) & (self._traces["pending"][slots] == NEVER)
        until = np.minimum(self._course.next_slow[at], ends)
        is_turn = drives & (until < ends)
        away_m = np.zeros(len(who))
        others = np.flatnonzero(~drives)
        if len(others):
            until[others], is_turn[others], away_m[others] = self._look_around(slots[others], at[others], ends[others])
        return _Looked(until=until, is_turn=is_turn, away_m=away_m)

    def _look_around(self, slots: Int32s, at: Int64s, ends: Int64s) -> tuple[Int64s, Booleans, Floats]:
        """The same for vehicles whose turns depend on how far they are from a place."""
        counts = np.minimum(ends - at, _LOOK_AHEAD)
        positions = ramps(at, counts)
        index = np.repeat(np.arange(len(slots)), counts)
        course, traces = self._course, self._traces
        each = slots[index]
        lat, lon = traces["place_lat"][each], traces["place_lon"][each]
        away_m = distances_m(lat, lon, course.lat[positions], course.lon[positions])
        turns = ~(away_m <= self._settings.stand_radius_m) | self._has_stood(each, positions, at[index])
        ahead = np.cumsum(counts) - counts
        found = np.minimum.reduceat(np.where(turns, positions, len(course.rows)), ahead)
        is_turn = found < at + counts
        until = np.where(is_turn, found, at + counts)
        return until, is_turn, away_m[np.where(is_turn, ahead + until - at, 0)]

    def _has_stood(self, slots: Int32s, positions: Int64s, at: Int64s) -> Booleans:
        """Whether these fixes, if they are near the place, show that the vehicle stands: it is not known to, and has been there for
        long enough."""
        course, state = self._course, self._traces["state"][slots]
        pending = self._traces["pending"][slots]
        is_unknown = state == UNKNOWN
        if is_unknown.any():
            pending = np.where(is_unknown, self._pending_at(slots, positions, at), pending)
        may_stand = (pending != NEVER) & ((state == MOVING) | (is_unknown & ~course.is_fast[positions]))
        return np.asarray(may_stand & (course.time[positions] - pending >= self._stand))

    def _pending_at(self, slots: Int32s, positions: Int64s, at: Int64s) -> Int64s:
        """Since when the vehicle may have been moving, at fixes near its place: since the last run of fast ones began. `at` is
        where its fixes go on."""
        course = self._course
        run_start = course.run_start[positions]
        has_begun = (run_start > at) | (course.is_fast[at] & (self._traces["steps"][slots] == 0))
        return np.where(has_begun, course.time[np.maximum(run_start, at)], self._traces["pending"][slots])

    # going on

    def _go_on(self, who: Int64s, slots: Int32s, looked: _Looked) -> None:
        """Take in what comes before the turn."""
        course, at, until = self._course, self._at[who], looked.until
        moves = self._traces["state"][slots] == MOVING
        # The way to the turn is the moving vehicle's as well.
        ways_cm = course.until_cm[until + looked.is_turn] - course.until_cm[at]
        self._traces["trip_cm"][slots[moves]] += ways_cm[moves]
        stays = np.flatnonzero(~moves & (until > at))
        if len(stays):
            self._stay(slots[stays], at[stays], until[stays] - 1)

    def _stay(self, slots: Int32s, at: Int64s, last: Int64s) -> None:
        """Standing vehicles (or such of which nothing is known) have scattered about their places; fast fixes count as steps."""
        course, traces = self._course, self._traces
        is_unknown = traces["state"][slots] == UNKNOWN
        changed = np.flatnonzero(course.is_fast[last] | is_unknown | (traces["steps"][slots] != 0))
        if not len(changed):
            return
        slots, at, last, is_unknown = slots[changed], at[changed], last[changed], is_unknown[changed]
        is_fast, run_start, steps = course.is_fast[last], course.run_start[last], traces["steps"][slots]
        steps = last - np.maximum(run_start, at) + 1 + np.where(run_start > at, 0, steps)
        pending = self._pending_at(slots, last, at)
        traces["steps"][slots] = np.where(is_fast, np.minimum(steps, MOST_STEPS), 0)
        traces["pending"][slots] = np.where(is_fast | is_unknown, pending, NEVER)

    # turning

    def _turn(self, who: Int64s, position: Int64s, away_m: Floats) -> None:
        """Take in one fix each."""
        traces, slots = self._traces, self._slots[who]
        state, is_new = traces["state"][slots], traces["placed"][slots] == NEVER
        is_away = ~(away_m <= self._settings.stand_radius_m)
        may_stand = (state == UNKNOWN) | ((state == MOVING) & (traces["pending"][slots] != NEVER))
        has_stood = may_stand & ~is_new & ~is_away
        for chosen, act in (
            (is_new, self._begin),
            (has_stood, self._stop),
            ((state == MOVING) & ~has_stood, self._may_stand),
            ((state != MOVING) & ~is_new & is_away, self._step),
        ):
            if chosen.any():
                act(who[chosen], position[chosen], away_m[chosen])
        self._turned.append(self._course.rows[position])
        self._became.append({name: traces[name][slots] for name in WATCHED})

    def _begin(self, who: Int64s, position: Int64s, _: Floats) -> None:
        """The first usable fix ever: a place, and since when the vehicle may have stood there."""
        course, traces, slots = self._course, self._traces, self._slots[who]
        traces["place_lat"][slots], traces["place_lon"][slots] = course.lat[position], course.lon[position]
        traces["pending"][slots] = traces["placed"][slots] = course.time[position]

    def _may_stand(self, who: Int64s, position: Int64s, _: Floats) -> None:
        """A moving vehicle left where it may have begun to stand, or is slow: it may begin here."""
        course, traces, slots = self._course, self._traces, self._slots[who]
        traces["pending"][slots] = NEVER
        is_slow = course.is_slow[position]
        slots, position = slots[is_slow], position[is_slow]
        traces["pending"][slots], traces["pending_cm"][slots] = course.time[position], traces["trip_cm"][slots]
        traces["place_lat"][slots], traces["place_lon"][slots] = course.lat[position], course.lon[position]

    def _step(self, who: Int64s, position: Int64s, away_m: Floats) -> None:
        """A fix away from the place; after enough that speak for it, the vehicle moves."""
        traces, slots = self._traces, self._slots[who]
        steps = traces["steps"][slots]
        is_first = steps == 0
        traces["pending"][slots[is_first]] = self._course.time[position[is_first]]
        traces["steps"][slots] = steps = np.minimum(steps + 1, MOST_STEPS)
        moves = steps >= self._settings.move_fixes
        if moves.any():
            self._start(who[moves], position[moves], away_m[moves])

    def _start(self, who: Int64s, position: Int64s, away_m: Floats) -> None:
        traces, slots = self._traces, self._slots[who]
        way_cm = np.rint(away_m * CM_PER_M).astype(np.int64)
        self._note(who, position, is_start=True, way_cm=way_cm, away_m=away_m)
        traces["state"][slots], traces["since"][slots] = MOVING, traces["pending"][slots]
        traces["steps"][slots], traces["pending"][slots], traces["trip_cm"][slots] = 0, NEVER, way_cm

    def _stop(self, who: Int64s, position: Int64s, away_m: Floats) -> None:
        traces, slots = self._traces, self._slots[who]
        self._note(who, position, is_start=False, way_cm=traces["pending_cm"][slots], away_m=away_m)
        traces["state"][slots], traces["since"][slots] = STANDING, traces["pending"][slots]
        traces["steps"][slots], traces["pending"][slots] = 0, NEVER

    def _note(self, who: Int64s, position: Int64s, *, is_start: bool, way_cm: Int64s, away_m: Floats) -> None:
        traces, slots = self._traces, self._slots[who]
        change = Changes(
            position=position,
            number=who,
            is_start=is_start,
            began=traces["pending"][slots],
            before=traces["state"][slots],
            before_since=traces["since"][slots],
            way_cm=way_cm,
            lat=traces["place_lat"][slots],
            lon=traces["place_lon"][slots],
            away_m=away_m,
        )
        self._changes.append(change)
