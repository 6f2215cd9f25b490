"""Unauthorised movement: a vehicle moves outside of its allowed hours, or with its ignition off. One event an episode, one its end.

1. At a usable fix, a moving vehicle (`geofence.movement.gait`) may be against a rule: outside of hours, or with the ignition off.
2. That begins with its movement or with the rule, whichever was later; behind a longer silence, with the fix that ends it.
3. It is told once it has lasted for long enough and several fixes in a row were on the move: away from the place where the vehicle
   stood last, and none of them where it may have begun to stand. One stray fix is none of that.
4. The episode ends when the vehicle stood, or with the first fix that is not against the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from fleet.geodesy import distances_m
from geofence.calendars import OPEN
from geofence.findings import instant_text, seconds
from geofence.movement.course import Booleans, Course, Floats
from geofence.movement.gait import Columns
from geofence.movement.ignition import OFF, Ignition
from geofence.movement.rulebook import Rule
from geofence.movement.said import UNAUTHORISED, Said, Word
from geofence.movement.settings import Durations, MovementSettings
from geofence.movement.traces import MOST_STEPS, MOVING, Traces
from geofence.rows import Rows
from geofence.slots import Int32s, Int64s
from geofence.stays import NEVER

#: The rules, with the columns of the traces in which their episodes are kept, and the word for since when they are broken.
HOURS: Final = "hours"
IGNITION: Final = "ignition"
_COLUMNS: Final = {HOURS: ("hours_from", "hours_steps", "hours_told"), IGNITION: ("towed_from", "towed_steps", "towed_told")}
_SINCE: Final = {HOURS: "closed_since", IGNITION: "off_since"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """By position of the course: the vehicle's number; of its gait, whether and since when it moves, and whether it is on the move
    for certain; how far it is from where it stood last, metres; the usable fix before (NEVER where there is none)."""

    number: Int64s
    moves: Booleans
    since: Int64s
    is_away: Booleans
    away_m: Floats
    before: Int64s

    @classmethod
    def of(cls, rows: Rows, course: Course, gait: Columns, placed: Int64s, settings: MovementSettings) -> Walk:
        """`gait`: behind each row; `placed`: the last usable fix of each vehicle before the batch."""
        at = course.rows
        moves = gait["state"][at] == MOVING
        away_m = np.zeros(len(at))
        chosen = np.flatnonzero(moves & (gait["pending"][at] == NEVER))
        lat, lon = gait["place_lat"][at[chosen]], gait["place_lon"][at[chosen]]
        away_m[chosen] = distances_m(lat, lon, course.lat[chosen], course.lon[chosen])
        before = np.empty(len(at), np.int64)
        before[1:] = course.time[:-1]
        seen = course.ends > course.starts
        before[course.starts[seen]] = placed[seen]
        return cls(
            number=rows.vehicle_numbers[at],
            moves=moves,
            since=gait["since"][at],
            is_away=away_m > settings.stand_radius_m,
            away_m=away_m,
            before=before,
        )


class _Step(NamedTuple):
    """One fix as a rule sees it. `broken`: since when the rule is, NEVER where it is not."""

    row: int
    time: int
    before: int
    moves: bool
    since: int
    is_away: bool
    away_m: float
    speed_mps: float
    broken: int


@dataclass(slots=True)
class _Episode:
    begins: int
    steps: int
    is_told: int


class RuleWatch:
    """Holds the vehicles of one batch to their rules."""

    def __init__(self, course: Course, walk: Walk, settings: MovementSettings, durations: Durations, said: Said) -> None:
        self._course = course
        self._walk = walk
        self._settings = settings
        self._durations = durations
        self._said = said

    def watch(self, rule: str, broken: Int64s, traces: Traces, slots: Int32s) -> None:
        """`broken`: by position, since when the rule is broken if the vehicle moves; NEVER where it is not. The traces move on."""
        columns = _COLUMNS[rule]
        known = [traces[name][slots] for name in columns]
        chosen = known[0] != NEVER
        chosen[self._walk.number[self._walk.moves & (broken != NEVER)]] = True
        for number in np.flatnonzero(chosen & (self._course.ends > self._course.starts)).tolist():
            episode = _Episode(*(int(column[number]) for column in known))
            for step in self._steps(number, broken):
                self._take(rule, episode, step, number)
            for name, value in zip(columns, (episode.begins, episode.steps, episode.is_told), strict=True):
                traces[name][slots[number]] = value

    def _steps(self, number: int, broken: Int64s) -> list[_Step]:
        course, walk = self._course, self._walk
        span = np.arange(course.starts[number], course.ends[number])
        of_walk = (walk.before, walk.moves, walk.since, walk.is_away, walk.away_m)
        columns = (course.rows, course.time, *of_walk, course.speed_mps, broken)
        return list(map(_Step._make, zip(*(column[span].tolist() for column in columns), strict=True)))

    def _take(self, rule: str, episode: _Episode, step: _Step, number: int) -> None:
        if not step.moves or step.broken == NEVER:
            if episode.is_told:
                self._end(rule, episode, step, number)
            episode.begins, episode.steps, episode.is_told = NEVER, 0, 0
            return
        is_cut = step.before == NEVER or step.time - step.before > self._durations.gap
        if episode.is_told:
            return
        if episode.begins == NEVER or is_cut:
            episode.begins, episode.steps = step.time if is_cut else max(step.since, step.broken), 0
        episode.steps = min(episode.steps + 1, MOST_STEPS) if step.is_away else 0
        has_lasted = step.time - episode.begins >= self._durations.unauthorised
        if has_lasted and episode.steps >= self._settings.move_fixes:
            self._tell(rule, episode, step, number)

    def _tell(self, rule: str, episode: _Episode, step: _Step, number: int) -> None:
        episode.is_told = 1
        data: dict[str, Any] = {
            "rule": rule,
            _SINCE[rule]: instant_text(step.broken),
            "moving_since": instant_text(step.since),
            "limit_s": self._settings.unauthorised_s,
            "away_m": round(step.away_m, 1),
            "limit_m": self._settings.stand_radius_m,
            "speed_mps": round(step.speed_mps, 2),
            "proved_at": instant_text(step.time),
        }
        self._said.add(Word(step.row, UNAUTHORISED, number, "vehicle.unauthorised", episode.begins, data, (rule,)))

    def _end(self, rule: str, episode: _Episode, step: _Step, number: int) -> None:
        ended = step.time if step.moves else step.since
        data: dict[str, Any] = {
            "rule": rule,
            "began_at": instant_text(episode.begins),
            "duration_s": seconds(ended - episode.begins),
            "reason": "allowed" if step.moves else "stopped",
            "proved_at": instant_text(step.time),
        }
        self._said.add(Word(step.row, UNAUTHORISED, number, "vehicle.unauthorised_ended", ended, data, (rule,)))


def closed_hours(rules: list[Rule], numbers: Int32s, course: Course, walk: Walk) -> Int64s:
    """By position: since when a moving vehicle's hours are over; NEVER where they are not. `numbers`: of its rules, by vehicle."""
    closed = np.full(len(course.rows), NEVER)
    of_rule = numbers[walk.number]
    for number in np.unique(of_rule).tolist():
        hours = rules[number].hours
        chosen = np.flatnonzero((of_rule == number) & walk.moves)
        if hours is not None and len(chosen):
            since = hours.closed_since(course.time[chosen])
            closed[chosen] = np.where(since == OPEN, NEVER, since)
    return closed


def ignition_off(rules: list[Rule], numbers: Int32s, course: Course, walk: Walk, ignition: Ignition) -> Int64s:
    """By position: since when the ignition of a vehicle that is watched for it is off; NEVER where it is not."""
    is_watched = np.array([rule.watches_towing for rule in rules])[numbers[walk.number]]
    is_off = ignition.state[course.rows] == OFF
    return np.where(is_watched & is_off, ignition.since[course.rows], NEVER)
