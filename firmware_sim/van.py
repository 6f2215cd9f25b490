"""A van on its round: where it truly is, second by second. No noise here; what the tracker makes of it is `tracker.py`.

Motion is a point on a polyline with bounded acceleration: it drives at the limit times the driver's habit, slows for the end of
the leg and for red lights, stands while it serves, and goes on to the next stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from firmware_sim.road_graph import Way
from fleet.geodesy import bearing_deg

_ACCELERATION_MPS2: Final = 1.6
_BRAKING_MPS2: Final = 2.0
#: A van stands when it is this close to where it wanted to stop.
_ARRIVED_M: Final = 2.0
_RED_LIGHT_SHARE: Final = 0.18
_RED_LIGHT_S: Final = (4.0, 35.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Drive `way`, then stand for `service_s` at its end."""

    way: Way
    service_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Where a van truly is: degrees, m/s, degrees clockwise from north."""

    lat: float
    lon: float
    speed_mps: float
    heading_deg: float
    is_in_tunnel: bool
    is_serving: bool


@dataclass(slots=True, kw_only=True)
class Van:
    """Drives `legs` one after the other. Deterministic for a generator and a sequence of time steps."""

    legs: Sequence[Leg]
    rng: np.random.Generator
    #: How this driver takes speed limits: 0.7 (careful, heavy traffic) to 1.05.
    habit: float = 0.9
    leg: int = 0
    along_m: float = 0.0
    speed_mps: float = 0.0
    odometer_m: float = 0.0
    _standing_s: float = 0.0
    _is_serving: bool = False
    _piece: int = 0
    _red_at_m: float | None = field(default=None)
    _looked_to_m: float = 0.0

    @property
    def is_done(self) -> bool:
        return self.leg >= len(self.legs)

    def start_at(self, along_m: float) -> None:
        """Put the van on its first leg, so far along, standing."""
        way = self.legs[0].way
        self.along_m = self._looked_to_m = min(max(0.0, along_m), way.length_m - 1.0)
        self._piece = int(np.clip(np.searchsorted(way.along_m, self.along_m, side="right") - 1, 0, len(way.speed_mps) - 1))

    def advance(self, dt_s: float) -> None:
        """Let `dt_s` seconds pass (steps of a second or less keep the motion smooth)."""
        if self.is_done:
            self.speed_mps = 0.0
            return
        if self._standing_s > 0:
            self._stand(dt_s)
            return
        way = self.legs[self.leg].way
        stop_at_m = min(way.length_m, self._red_light_ahead(way))
        self._move(way, stop_at_m, dt_s)
        if stop_at_m - self.along_m <= _ARRIVED_M:
            self._halt(way, stop_at_m)

    def _stand(self, dt_s: float) -> None:
        self._standing_s -= dt_s
        if self._standing_s <= 0 and self._is_serving:
            self._is_serving = False
            self._next_leg()

    def _next_leg(self) -> None:
        self.leg += 1
        self.along_m, self._piece, self._looked_to_m, self._red_at_m = 0.0, 0, 0.0, None

    def _move(self, way: Way, stop_at_m: float, dt_s: float) -> None:
        limit = float(way.speed_mps[self._piece]) * self.habit
        ahead_m = max(0.0, stop_at_m - self.along_m)
        # v^2 = 2 a s: the speed from which the van can still stop in time.
        can_stop_mps = (2 * _BRAKING_MPS2 * ahead_m) ** 0.5
        wanted = min(limit, max(can_stop_mps, 0.5))
        change = np.clip(wanted - self.speed_mps, -_BRAKING_MPS2 * 1.5 * dt_s, _ACCELERATION_MPS2 * dt_s)
        self.speed_mps = max(0.0, self.speed_mps + float(change))
        step_m = min(self.speed_mps * dt_s, ahead_m)
        self.along_m += step_m
        self.odometer_m += step_m
        while self._piece + 1 < len(way.speed_mps) and self.along_m >= way.along_m[self._piece + 1]:
            self._piece += 1

    def _red_light_ahead(self, way: Way) -> float:
        """Distance along the leg of the red light that the van must stop at, or infinity. Each crossing is drawn once."""
        if self._red_at_m is not None:
            return self._red_at_m
        next_point = self._piece + 1
        crossing_m = float(way.along_m[next_point])
        if crossing_m > self._looked_to_m and next_point < len(way.along_m) - 1:
            self._looked_to_m = crossing_m
            if way.is_crossing[next_point] and self.rng.random() < _RED_LIGHT_SHARE:
                self._red_at_m = crossing_m
                return crossing_m
        return float("inf")

    def _halt(self, way: Way, stopped_at_m: float) -> None:
        self.speed_mps = 0.0
        if stopped_at_m >= way.length_m:
            self._is_serving = True
            self._standing_s = self.legs[self.leg].service_s
            if self._standing_s <= 0:
                self._stand(0.0)
        else:
            self._standing_s = float(self.rng.uniform(*_RED_LIGHT_S))
            self._red_at_m = None
            self.along_m = stopped_at_m

    def truth(self) -> Truth:
        leg = self.legs[min(self.leg, len(self.legs) - 1)]
        way = leg.way
        along_m = way.length_m if self.is_done else self.along_m
        piece = len(way.speed_mps) - 1 if self.is_done else self._piece
        start, end = float(way.along_m[piece]), float(way.along_m[piece + 1])
        share = min(1.0, max(0.0, (along_m - start) / (end - start)))
        lat = float(way.lat[piece] + share * (way.lat[piece + 1] - way.lat[piece]))
        lon = float(way.lon[piece] + share * (way.lon[piece + 1] - way.lon[piece]))
        heading = bearing_deg(*(float(v) for v in (way.lat[piece], way.lon[piece], way.lat[piece + 1], way.lon[piece + 1])))
        return Truth(
            lat=lat,
            lon=lon,
            speed_mps=self.speed_mps,
            heading_deg=heading,
            is_in_tunnel=bool(way.is_tunnel[piece]),
            is_serving=self._is_serving,
        )
