"""What the engine of stops remembers of a vehicle. Plain data in msgpack's reach: a snapshot is this, and nothing else.

Instants are microseconds since 1970 UTC, `NEVER` where there is none yet.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import msgspec

from fleet.route import Delay, StopStatus
from fleet.samples import Samples
from geofence.stops.call import Call
from geofence.stops.stand import Standstill
from geofence.stops.story import Story

NEVER: Final = -1


class Phase(IntEnum):
    """Of a route that the engine attends to."""

    WAITING = 0
    UNDER_WAY = 1
    DONE = 2


class Standing(IntEnum):
    """Whether a route is believed to be the one under way, against its rivals."""

    BELIEVED = 0
    #: Followed in silence.
    ASIDE = 1
    #: Was aside, and is believed for good.
    RETURNED = 2


class StopRecord(msgspec.Struct, array_like=True, gc=False):
    """What became of one stop so far."""

    status: StopStatus = StopStatus.PLANNED
    delay: Delay = Delay.ON_TIME
    arrived: int = NEVER
    departed: int = NEVER
    #: When it was said to be skipped: where it is served after all, that is taken back.
    skipped: int = NEVER
    #: When it was said to be approached.
    approached: int = NEVER
    #: The median that was told last.
    told: int = NEVER
    #: The closest approach of the call that served it, metres.
    closest_m: float = 0.0
    #: When the stand began that was suggested as its place.
    suggested: int = NEVER
    #: What was withdrawn of it when its route was set aside: nothing, its arrival (or skip), its departure as well. Where that is
    #: said again, it is in place of what withdrew it.
    withdrawn: int = 0

    @property
    def is_served(self) -> bool:
        return self.arrived != NEVER

    @property
    def is_open(self) -> bool:
        """Neither served nor given up."""
        return self.status in (StopStatus.PLANNED, StopStatus.APPROACHING)


class Halt(msgspec.Struct, array_like=True, kw_only=True):
    """A stand while the stop `index` was next: where it began, and from when until when it is known."""

    index: int
    since: int
    until: int
    lat: float
    lon: float


class Held(msgspec.Struct, array_like=True):
    """A stand that may be for a stop: since when, the call that it is part of, when the vehicle came for it, how far from the pin
    it stood and for how long. Since it has served another stop: how much the fixes speak for that one (`evidence`, the logarithm of
    a likelihood ratio), how much at most, and when."""

    index: int
    since: int
    call: Call
    came: int
    evidence: float = 0.0
    peak: float = 0.0
    peak_at: int = NEVER
    seen: int = NEVER
    away_m: float = 0.0
    stood_s: float = 0.0
    is_served: bool = False
    #: Whether the stand has served a neighbour before.
    is_shared: bool = False
    #: When the vehicle was last seen away from where it stood in the end.
    rolled_in: int = NEVER
    #: By how much longer than `stood_s` the stand is likely to have been.
    unseen_s: float = 0.0


class CourseRecord(msgspec.Struct, array_like=True):
    """One route that is attended to."""

    route: str
    stops: list[StopRecord]
    phase: Phase = Phase.WAITING
    #: Index of the furthest stop served, -1 before the first.
    reached: int = -1
    #: When a stop was served last (event time of the fix that proved it).
    progressed: int = NEVER
    #: How many stops a later route has served since this one served its last.
    overtaken: int = 0
    #: Against its rivals: how far off its plan the vehicle was at its stops (mean, seconds; of so many), and how many stops it
    #: served without them, one after the other, while it was aside.
    standing: Standing = Standing.BELIEVED
    off_s: float = 0.0
    judged: int = 0
    alone: int = 0
    calls: list[Call] = []
    #: Confirmed calls that did not fit by themselves, oldest first.
    doubtful: list[Call] = []
    #: When forecasts were made last: for all stops, and for the near ones.
    renewed: int = NEVER
    renewed_near: int = NEVER
    #: When the vehicle last came further on its leg, and how far it was then.
    moved: int = NEVER
    fraction: float = 0.0
    samples: Samples = msgspec.field(default_factory=Samples)
    #: Where the vehicle is halting, near the next stop; and the longest stand beside each open stop that it passed.
    halt: Halt | None = None
    beside: list[Halt] = []
    #: When the stand began that served a stop last, and which; at how many lengths the present one was asked about.
    used: int = NEVER
    used_by: int = -1
    asked_since: int = NEVER
    #: What the present stand is taken for, which may not be certain.
    taken_for: int = -1
    asked: int = 0
    #: How the route may have gone so far, and the stands that are told of.
    stories: list[Story] = msgspec.field(default_factory=lambda: [Story()])
    held: list[Held] = []


class VehicleRecord(msgspec.Struct, array_like=True):
    """A vehicle with routes, and its newest good fix."""

    courses: list[CourseRecord] = []
    #: Routes that are over, and are never attended to again.
    closed: list[str] = []
    time: int = NEVER
    lat: float = 0.0
    lon: float = 0.0
    standstill: Standstill = msgspec.field(default_factory=Standstill)
    speed_mps: float = math.nan
