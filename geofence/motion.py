"""The movement of one vehicle, fix by fix: standing and moving, trips, idling, speeding, silence. One event an episode each.

1. A standing vehicle moves when several fixes in a row are fast or away from its place, and the last of them is away.
2. A moving vehicle stands when it has stayed within a radius of a slow fix for long enough; that fix is when the stand began.
3. Standing with the ignition on for long enough is idling, once until the ignition goes off or the vehicle moves.
4. Faster than the limit for long enough is speeding, once until it was no faster for as long.
5. Silence is judged by the fix that ends it, or said before that by the passing of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.geodesy import distance_m
from fleet.screening import Flag
from geofence.findings import Findings, instant_text, seconds
from geofence.movement_settings import MovementSettings
from geofence.stays import NEVER

UNKNOWN: Final = 0
STANDING: Final = 1
MOVING: Final = 2

NOT_SAID: Final = -1
UNUSABLE: Final = int(Flag.TELEPORT | Flag.INACCURATE)
_CM: Final = 100
#: Steps are counted up to here.
MOST_STEPS: Final = 100

MOTION: Final = np.dtype(
    [
        ("time", "<i8"),
        ("state", "<i1"),
        ("told", "<i1"),
        ("ignition", "<i1"),
        ("idle_told", "<i1"),
        ("over_told", "<i1"),
        ("steps", "<i1"),
        ("placed", "<i8"),
        ("lat", "<f8"),
        ("lon", "<f8"),
        ("place_lat", "<f8"),
        ("place_lon", "<f8"),
        ("pending", "<i8"),
        ("since", "<i8"),
        ("trip_cm", "<i8"),
        ("pending_cm", "<i8"),
        ("ignition_since", "<i8"),
        ("over_since", "<i8"),
        ("under_since", "<i8"),
        ("over_top_mps", "<f4"),
    ]
)


@dataclass(slots=True)
class Motion:
    """What is known of a vehicle's movement; one row of the engine's table."""

    #: The last fix of any quality.
    time: int = NEVER
    state: int = UNKNOWN
    #: How many words about its silence were said by the passing of time alone: stale, offline.
    told: int = 0
    ignition: int = NOT_SAID
    idle_told: int = 0
    over_told: int = 0
    #: Fixes in a row that speak for moving.
    steps: int = 0
    #: The last usable fix.
    placed: int = NEVER
    lat: float = math.nan
    lon: float = math.nan
    #: Where it stands, or may have begun to.
    place_lat: float = math.nan
    place_lon: float = math.nan
    #: Since when it may have been in the other state.
    pending: int = NEVER
    #: Since when it has been in this one.
    since: int = NEVER
    #: Way of the present trip, and as it was when `pending` began. Whole centimetres, so that sums do not depend on their order.
    trip_cm: int = 0
    pending_cm: int = 0
    ignition_since: int = NEVER
    over_since: int = NEVER
    under_since: int = NEVER
    over_top_mps: float = 0.0


as_row = attrgetter(*(column.name for column in fields(Motion)))
UNSEEN: Final = np.array(as_row(Motion()), MOTION)


class Glimpse(NamedTuple):
    """A fix as this fold sees it. `limit_mps` is infinite where there is none; `fence` is the number of the fence that sets it."""

    time: int
    lat: float
    lon: float
    speed_mps: float
    accuracy_m: float
    flags: int
    ignition: int
    limit_mps: float
    fence: str | None


@dataclass(frozen=True, slots=True)
class MotionLimits:
    """Durations of the settings in microseconds."""

    settings: MovementSettings
    stand: int
    idle: int
    over: int
    gap: int
    stale: int
    offline: int

    @classmethod
    def of(cls, settings: MovementSettings) -> MotionLimits:
        durations = (
            settings.stand_s,
            settings.idle_s,
            settings.overspeed_s,
            settings.max_gap_s,
            settings.stale_s,
            settings.offline_s,
        )
        return cls(settings, *(round(duration * MICROS_PER_S) for duration in durations))


class MotionFold:
    """The fold over one vehicle's fixes; `motion` is changed in place."""

    def __init__(self, limits: MotionLimits, findings: Findings, motion: Motion) -> None:
        self._limits = limits
        self._findings = findings
        self.motion = motion

    def take(self, fix: Glimpse) -> None:
        self._judge_silence(fix)
        if not (fix.flags & UNUSABLE or fix.accuracy_m > self._limits.settings.max_accuracy_m):
            self._move(fix)
        self._watch_ignition(fix)
        self._watch_speed(fix)
        self.motion.time = fix.time

    # silence

    def presume_silent(self, level: int) -> None:
        """The passing of time alone says so: 1 stale, 2 offline. Where the next fix proves that wrong, the vehicle is folded again
        (`ingest.pipeline`)."""
        for step in range(self.motion.told + 1, level + 1):
            self._say_silent(step)
        self.motion.told = level

    def _judge_silence(self, fix: Glimpse) -> None:
        motion = self.motion
        if motion.time == NEVER:
            self._findings.event("vehicle.online", fix.time, {"silent_s": None, "proved_at": instant_text(fix.time)})
            return
        silent = fix.time - motion.time
        level = int(silent >= self._limits.stale) + int(silent >= self._limits.offline)
        for step in range(motion.told + 1, level + 1):
            self._say_silent(step)
        if level:
            data = {"silent_s": seconds(silent), "last_fix": instant_text(motion.time), "proved_at": instant_text(fix.time)}
            self._findings.event("vehicle.online", fix.time, data)
        motion.told = 0

    def _say_silent(self, step: int) -> None:
        kind, after = self._silence(step)
        at = self.motion.time + after
        data = {"last_fix": instant_text(self.motion.time), "limit_s": seconds(after), "proved_at": instant_text(at)}
        self._findings.event(kind, at, data)

    def _silence(self, step: int) -> tuple[str, int]:
        return ("vehicle.stale", self._limits.stale) if step == 1 else ("vehicle.offline", self._limits.offline)

    # moving and standing

    def _move(self, fix: Glimpse) -> None:
        motion = self.motion
        if motion.placed == NEVER:
            motion.place_lat, motion.place_lon, motion.pending = fix.lat, fix.lon, fix.time
        else:
            way_m = distance_m(motion.lat, motion.lon, fix.lat, fix.lon)
            speed_mps = fix.speed_mps
            if math.isnan(speed_mps):
                speed_mps = way_m * MICROS_PER_S / (fix.time - motion.placed)
            if motion.state == MOVING:
                motion.trip_cm += round(way_m * _CM)
                self._maybe_stand(fix, speed_mps)
            else:
                self._maybe_move(fix, speed_mps)
        motion.placed, motion.lat, motion.lon = fix.time, fix.lat, fix.lon

    def _from_place_m(self, fix: Glimpse) -> float:
        return distance_m(self.motion.place_lat, self.motion.place_lon, fix.lat, fix.lon)

    def _maybe_stand(self, fix: Glimpse, speed_mps: float) -> None:
        motion, settings = self.motion, self._limits.settings
        if motion.pending != NEVER and self._from_place_m(fix) > settings.stand_radius_m:
            motion.pending = NEVER
        if motion.pending == NEVER:
            if speed_mps < settings.stand_speed_mps:
                motion.pending, motion.pending_cm = fix.time, motion.trip_cm
                motion.place_lat, motion.place_lon = fix.lat, fix.lon
        elif fix.time - motion.pending >= self._limits.stand:
            self._stopped(fix)

    def _maybe_move(self, fix: Glimpse, speed_mps: float) -> None:
        """Standing, or not known yet; then standing for long enough is news as well."""
        motion, settings = self.motion, self._limits.settings
        away_m = self._from_place_m(fix)
        is_away = away_m > settings.stand_radius_m
        if not is_away and speed_mps < settings.move_speed_mps:
            motion.steps = 0
            if motion.state == STANDING:
                motion.pending = NEVER
            elif fix.time - motion.pending >= self._limits.stand:
                self._stopped(fix)
            return
        if motion.steps == 0 and motion.state == STANDING:
            motion.pending = fix.time
        elif motion.steps == 0:
            motion.pending = max(motion.pending, fix.time)
        motion.steps = min(motion.steps + 1, MOST_STEPS)
        if is_away and motion.steps >= settings.move_fixes:
            self._moving(fix, away_m, speed_mps)

    def _moving(self, fix: Glimpse, away_m: float, speed_mps: float) -> None:
        motion = self.motion
        data = {
            "moved_m": round(away_m, 1),
            "limit_m": self._limits.settings.stand_radius_m,
            "speed_mps": round(speed_mps, 2),
            "proved_at": instant_text(fix.time),
        }
        self._findings.event("vehicle.moving", motion.pending, data)
        motion.state, motion.since, motion.steps, motion.pending = MOVING, motion.pending, 0, NEVER
        motion.trip_cm, motion.idle_told = round(away_m * _CM), 0

    def _stopped(self, fix: Glimpse) -> None:
        motion = self.motion
        data: dict[str, Any] = {
            "lat": round(motion.place_lat, 7),
            "lon": round(motion.place_lon, 7),
            "limit_s": self._limits.settings.stand_s,
            "trip": None,
            "proved_at": instant_text(fix.time),
        }
        if motion.state == MOVING:
            data["trip"] = {
                "started_at": instant_text(motion.since),
                "distance_m": round(motion.pending_cm / _CM),
                "duration_s": seconds(motion.pending - motion.since),
            }
        self._findings.event("vehicle.stopped", motion.pending, data)
        motion.state, motion.since, motion.pending, motion.steps = STANDING, motion.pending, NEVER, 0

    # ignition and speed

    def _watch_ignition(self, fix: Glimpse) -> None:
        motion = self.motion
        if fix.ignition not in {NOT_SAID, motion.ignition}:
            motion.ignition, motion.ignition_since, motion.idle_told = fix.ignition, fix.time, 0
        if motion.state != STANDING or motion.ignition != 1 or motion.idle_told:
            return
        since = max(motion.since, motion.ignition_since)
        if fix.time - since >= self._limits.idle:
            motion.idle_told = 1
            data = {"limit_s": self._limits.settings.idle_s, "proved_at": instant_text(fix.time)}
            self._findings.event("vehicle.idle", since, data)

    def _watch_speed(self, fix: Glimpse) -> None:
        motion = self.motion
        if math.isnan(fix.speed_mps) or fix.flags & UNUSABLE:
            return
        if motion.over_since != NEVER and fix.time - motion.time > self._limits.gap:
            motion.over_since, motion.over_told, motion.under_since = NEVER, 0, NEVER
        if fix.speed_mps > fix.limit_mps:
            self._over(fix)
        elif motion.over_since != NEVER:
            if not motion.over_told:
                motion.over_since = NEVER
            elif motion.under_since == NEVER:
                motion.under_since = fix.time
            elif fix.time - motion.under_since >= self._limits.over:
                motion.over_since, motion.over_told, motion.under_since = NEVER, 0, NEVER

    def _over(self, fix: Glimpse) -> None:
        motion = self.motion
        motion.under_since = NEVER
        if motion.over_since == NEVER:
            motion.over_since, motion.over_top_mps = fix.time, 0.0
        motion.over_top_mps = max(motion.over_top_mps, fix.speed_mps)
        if motion.over_told or fix.time == motion.over_since or fix.time - motion.over_since < self._limits.over:
            return
        motion.over_told = 1
        data = {
            "speed_mps": round(motion.over_top_mps, 2),
            "limit_mps": round(fix.limit_mps, 2),
            "fence": fix.fence,
            "proved_at": instant_text(fix.time),
        }
        self._findings.event("vehicle.overspeed", motion.over_since, data)
