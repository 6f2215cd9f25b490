"""A van's day on the road, to the second and the metre: how it drives from halt to halt, and where it has to wait.

Between two places where it stands it accelerates, drives at the limit as its driver takes it, and brakes. On its way it waits
at red lights (20-90 s, in a row of cars that ends 6-60 m before the crossing), gives way at others, and creeps through queues.
Everything is kept as pieces of even acceleration, so that place and speed at any instant follow in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np

from bench.arrivals_round import Halt, Round, Why
from bench.arrivals_streets import U_TURN_S, Floats, Leg, Streets

_ACCELERATION_MPS2: Final = 1.5
_BRAKING_MPS2: Final = 2.0
_RED: Final = 0.4
_RED_S: Final = (20.0, 90.0)
_BEFORE_LIGHT_M: Final = (6.0, 60.0)
_GIVES_WAY: Final = 0.12
_GIVES_WAY_S: Final = (2.0, 9.0)
_QUEUE: Final = 0.05
_QUEUE_MOVES: Final = (3, 10)
_QUEUE_MOVE_M: Final = (8.0, 22.0)
_QUEUE_STANDS_S: Final = (6.0, 40.0)


class Traffic(StrEnum):
    """Why a van waits on the road."""

    RED_LIGHT = "red_light"
    QUEUE = "queue"
    CROSSING = "crossing"
    TURN = "turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """The van stands from `begin_s` to `end_s` (seconds of its day) at (east, north)."""

    begin_s: float
    end_s: float
    why: Why | Traffic
    east_m: float
    north_m: float
    halt: Halt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The whole drive as one line, and runs along it; each run is driven from standstill to standstill, then the van stands.

    Line: `along_m`, `east_m`, `north_m` (M,). Runs (R,): `begin_s`, `from_m`, `length_m`, `top_mps`.
    """

    along_m: Floats
    east_m: Floats
    north_m: Floats
    begin_s: Floats
    from_m: Floats
    length_m: Floats
    top_mps: Floats
    stands: tuple[Stand, ...]
    end_s: float

    def at(self, seconds: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """(east, north, speed, heading in degrees) at these seconds of the day."""
        run = np.maximum(np.searchsorted(self.begin_s, seconds, side="right") - 1, 0)
        into_s = np.maximum(seconds - self.begin_s[run], 0.0)
        driven_m, speed_mps = _driven(into_s, self.length_m[run], self.top_mps[run])
        along_m = self.from_m[run] + driven_m
        east_m, north_m = np.interp(along_m, self.along_m, self.east_m), np.interp(along_m, self.along_m, self.north_m)
        back_m = np.maximum(along_m - 5.0, 0.0)
        way_east = east_m - np.interp(back_m, self.along_m, self.east_m)
        way_north = north_m - np.interp(back_m, self.along_m, self.north_m)
        return east_m, north_m, speed_mps, np.degrees(np.arctan2(way_east, way_north)) % 360.0


def _phases(length_m: Floats, top_mps: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(highest speed reached, seconds of acceleration, of even speed, of braking) of runs."""
    half = 0.5 / _ACCELERATION_MPS2 + 0.5 / _BRAKING_MPS2
    peak_mps = np.minimum(top_mps, np.sqrt(length_m / half))
    even_s = np.maximum(0.0, length_m - peak_mps**2 * half) / np.maximum(peak_mps, 1e-9)
    return peak_mps, peak_mps / _ACCELERATION_MPS2, even_s, peak_mps / _BRAKING_MPS2


def _driven(into_s: Floats, length_m: Floats, top_mps: Floats) -> tuple[Floats, Floats]:
    """(metres driven, speed) so long after the start of runs."""
    peak, up_s, even_s, down_s = _phases(length_m, top_mps)
    left_s = np.maximum(up_s + even_s + down_s - into_s, 0.0)
    speed = np.minimum(np.minimum(into_s * _ACCELERATION_MPS2, peak), left_s * _BRAKING_MPS2)
    gaining_m = 0.5 * _ACCELERATION_MPS2 * np.minimum(into_s, up_s) ** 2
    even_m = peak * np.clip(into_s - up_s, 0.0, even_s)
    braking_s = np.clip(into_s - up_s - even_s, 0.0, down_s)
    return gaining_m + even_m + peak * braking_s - 0.5 * _BRAKING_MPS2 * braking_s**2, speed


def drive(streets: Streets, round_: Round, rng: np.random.Generator) -> Day:
    """The day of a round."""
    return _Driving(streets, rng).day(round_)


class _Driving:
    def __init__(self, streets: Streets, rng: np.random.Generator) -> None:
        self._streets, self._rng = streets, rng
        #: How this driver, in this day's traffic, takes the limits.
        self._habit = float(rng.uniform(0.65, 1.0))
        self._now_s = 0.0
        self._driven_m = 0.0
        self._runs: list[tuple[float, float, float, float]] = []
        self._stands: list[Stand] = []
        self._line: list[Floats] = []

    def day(self, round_: Round) -> Day:
        first, *others = round_.halts
        here = first.spot
        self._line.append(np.array([[0.0, *self._streets.point(here)]]))
        self._stand(first.stands_s, first.why, self._streets.point(here), first)
        for halt in others:
            leg = self._streets.leg(here, halt.spot)
            self._drive(leg, halt)
            here = leg.arrives_at
        line, runs = np.concatenate(self._line), np.array(self._runs)
        return Day(
            along_m=line[:, 0],
            east_m=line[:, 1],
            north_m=line[:, 2],
            begin_s=runs[:, 0],
            from_m=runs[:, 1],
            length_m=runs[:, 2],
            top_mps=runs[:, 3],
            stands=tuple(self._stands),
            end_s=self._now_s,
        )

    def _drive(self, leg: Leg, halt: Halt) -> None:
        start_m = self._driven_m
        self._line.append(np.stack([start_m + leg.along_m, leg.east_m, leg.north_m], axis=1)[1:])
        if leg.turns:
            self._stand(U_TURN_S, Traffic.TURN, (float(leg.east_m[0]), float(leg.north_m[0])), None)
        waits = [(0.0, 0.0, Traffic.TURN), *self._waits(leg), (leg.length_m, 0.0, Traffic.TURN)]
        for (from_m, _, _), (to_m, stands_s, why) in pairwise(waits):
            self._run(leg, start_m, from_m, to_m)
            if stands_s:
                self._stand(stands_s, why, self._point(leg, to_m), None)
        self._driven_m = start_m + leg.length_m
        self._stand(halt.stands_s, halt.why, self._point(leg, leg.length_m), halt)

    def _run(self, leg: Leg, start_m: float, from_m: float, to_m: float) -> None:
        if to_m - from_m < 0.5:
            return
        piece = int(np.clip(np.searchsorted(leg.along_m, 0.5 * (from_m + to_m), side="right") - 1, 0, len(leg.limit_mps) - 1))
        top_mps = float(leg.limit_mps[piece]) * self._habit
        self._runs.append((self._now_s, start_m + from_m, to_m - from_m, top_mps))
        _, up_s, even_s, down_s = _phases(np.array([to_m - from_m]), np.array([top_mps]))
        self._now_s += float(up_s[0] + even_s[0] + down_s[0])

    def _stand(self, for_s: float, why: Why | Traffic, point: tuple[float, float], halt: Halt | None) -> None:
        east_m, north_m = point
        stand = Stand(begin_s=self._now_s, end_s=self._now_s + for_s, why=why, east_m=east_m, north_m=north_m, halt=halt)
        self._stands.append(stand)
        self._now_s += for_s

    def _point(self, leg: Leg, at_m: float) -> tuple[float, float]:
        return float(np.interp(at_m, leg.along_m, leg.east_m)), float(np.interp(at_m, leg.along_m, leg.north_m))

    def _waits(self, leg: Leg) -> list[tuple[float, float, Traffic]]:
        """(where along the leg, for how long, why), in order."""
        rng, waits = self._rng, []
        for index in np.flatnonzero(leg.is_crossing).tolist():
            crossing_m = float(leg.along_m[index])
            if leg.has_light[index]:
                if rng.random() < _RED:
                    at_m = crossing_m - float(rng.uniform(*_BEFORE_LIGHT_M))
                    waits.append((at_m, float(rng.uniform(*_RED_S)), Traffic.RED_LIGHT))
            elif rng.random() < _GIVES_WAY:
                waits.append((crossing_m - 6.0, float(rng.uniform(*_GIVES_WAY_S)), Traffic.CROSSING))
        if leg.length_m > 150.0 and rng.random() < _QUEUE:
            waits += self._queue(leg)
        return sorted(wait for wait in waits if 3.0 < wait[0] < leg.length_m - 3.0)

    def _queue(self, leg: Leg) -> list[tuple[float, float, Traffic]]:
        rng = self._rng
        moves_m = rng.uniform(*_QUEUE_MOVE_M, int(rng.integers(*_QUEUE_MOVES)))
        places_m = float(rng.uniform(10.0, leg.length_m - 100.0)) + np.cumsum(moves_m)
        return [(float(at_m), float(rng.uniform(*_QUEUE_STANDS_S)), Traffic.QUEUE) for at_m in places_m]
