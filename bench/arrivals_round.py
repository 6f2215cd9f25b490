"""The delivery round of one van: what is planned, and what the driver makes of it.

The planner goes street by street, one to four doors in each. Of a third of the streets it serves one side now and the other
on a later pass; some places are called at twice (a collection in the afternoon). Half of the plans begin and end at the depot.

The driver keeps to it. A few calls fail (nobody at home, half a minute). On a day out of turn a few doors are put off until
some others are done as well, or taken before their turn, or left out. He parks where there is room, up to half a block from the
door, and walks to the next door where it is near. His lunch he has parked beside some other stop of his round, never beside the
very next; and some days he stands somewhere else for a few minutes, for reasons of his own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from bench.arrivals_streets import Spot, Streets

_STOPS: Final = (60, 121)
#: Shares of the streets with one door, two, ...
_DOORS_SHARES: Final = (0.5, 0.3, 0.15, 0.05)
#: Shares of the stops.
_PUT_OFF: Final = 0.03
_BROUGHT_FORWARD: Final = 0.01
_LEFT_OUT: Final = 0.015
_FAILED: Final = 0.03
_CALLED_TWICE: Final = 0.02
#: Doors nearer to one another than this are mostly served on foot from one parking place.
_ON_FOOT_M: Final = 35.0
_ON_FOOT: Final = 0.6
#: Nobody starts the engine to drive less than this.
_NOT_WORTH_M: Final = 15.0
#: Service: log-normal, half of them longer than the median, one in five of a minute or less.
_SERVICE_MEDIAN_S: Final = 140.0
_SERVICE_SIGMA: Final = 0.8
_SERVICE_S: Final = (30.0, 720.0)
_LUNCH_S: Final = (1_500.0, 2_700.0)
_ERRAND: Final = 0.25
_ERRAND_S: Final = (120.0, 480.0)
_RADII_M: Final = (100.0, 75.0, 60.0)
_RADII_SHARES: Final = (0.6, 0.3, 0.1)
DEPOT: Final = "depot"


class Why(StrEnum):
    """Why a van stands."""

    SERVICE = "service"
    LUNCH = "lunch"
    ERRAND = "errand"
    DEPOT = "depot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One planned stop. `east_m`, `north_m`: the pin, metres from the town's centre."""

    id: str
    place: str
    spot: Spot
    east_m: float
    north_m: float
    radius_m: float
    service_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The van parks at `spot` for so long, and serves these doors from there."""

    spot: Spot
    why: Why
    stands_s: float
    doors: tuple[Door, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """`planned` in planned order, with the depot where it is in the plan; `halts` as they were made."""

    planned: tuple[Door, ...]
    halts: tuple[Halt, ...]


def plan_round(streets: Streets, van: str, rng: np.random.Generator, apart_m: float = 0.0, *, out_of_turn: bool = False) -> Round:
    """A round and its day, by chance. Pins of different places are at least `apart_m` from one another. `out_of_turn`: the driver
    does not always keep to the order."""
    depot = _depot(streets, van)
    doors = _Doors(streets, van, rng, apart_m).planned(int(rng.integers(*_STOPS)))
    halts = _Driver(streets, rng).halts(doors, out_of_turn=out_of_turn)
    in_plan = bool(rng.random() < 0.5)
    first, last = (replace(depot, id=f"{van}:out"), replace(depot, id=f"{van}:home"))
    out = Halt(spot=depot.spot, why=Why.DEPOT, stands_s=float(rng.uniform(300, 1_500)), doors=(first,) if in_plan else ())
    home = Halt(spot=depot.spot, why=Why.DEPOT, stands_s=float(rng.uniform(300, 900)), doors=(last,) if in_plan else ())
    planned = (first, *doors, last) if in_plan else tuple(doors)
    return Round(planned=planned, halts=(out, *halts, home))


def _depot(streets: Streets, van: str) -> Door:
    origin, target = streets.pieces()[7]
    spot = Spot(origin=origin, target=target, share=0.5)
    east_m, north_m = streets.beside(spot, 30.0)
    return Door(id=f"{van}:{DEPOT}", place=DEPOT, spot=spot, east_m=east_m, north_m=north_m, radius_m=100.0, service_s=600.0)


class _Doors:
    """Draws the plan: doors along the streets of a quarter."""

    def __init__(self, streets: Streets, van: str, rng: np.random.Generator, apart_m: float) -> None:
        self._streets, self._van, self._rng, self._apart_m = streets, van, rng, apart_m
        self._pins: list[tuple[float, float]] = []

    def planned(self, count: int) -> list[Door]:
        visits: list[list[Door]] = []
        later: list[list[Door]] = []
        for piece in self._tour(count):
            now, rest = (list(filter(self._has_room, doors)) for doors in self._in_street(piece))
            if not now:
                continue
            visits.append(self._along_the_way(visits[-1][-1], now) if visits else now)
            if rest:
                later.append(rest)
            if sum(map(len, visits)) + sum(map(len, later)) >= count:
                break
        for rest in later:
            visits.insert(int(self._rng.integers(len(visits) // 3, len(visits) + 1)), rest)
        return self._called_twice([door for visit in visits for door in visit])

    def _tour(self, count: int) -> list[tuple[int, int]]:
        """Streets around some junction, each followed by the nearest that is left (or, now and then, another)."""
        streets, rng = self._streets, self._rng
        pieces = [piece for piece in streets.pieces() if streets.length_m(*piece) > 60]
        middles = np.array([streets.point(Spot(origin=a, target=b, share=0.5)) for a, b in pieces])
        around = middles[int(rng.integers(len(pieces)))]
        near = np.argsort(np.hypot(*(middles - around).T))[: 2 * count]
        left = rng.permutation(near)[: round(0.7 * len(near))].tolist()
        tour = [left.pop()]
        while left:
            away_m = np.hypot(*(middles[left] - middles[tour[-1]]).T)
            rank = min(len(left) - 1, int(rng.geometric(0.75)) - 1)
            tour.append(left.pop(int(np.argsort(away_m)[rank])))
        return [pieces[index] for index in tour]

    def _has_room(self, door: Door) -> bool:
        """Whether no other pin is too near; then it has its place."""
        pin = (door.east_m, door.north_m)
        if self._apart_m and self._pins and np.hypot(*(np.array(self._pins) - pin).T).min() < self._apart_m:
            return False
        self._pins.append(pin)
        return True

    def _along_the_way(self, last: Door, doors: list[Door]) -> list[Door]:
        """From the end of the street at which the van comes in."""
        ends_m = [np.hypot(door.east_m - last.east_m, door.north_m - last.north_m) for door in (doors[0], doors[-1])]
        return doors if ends_m[0] <= ends_m[1] else doors[::-1]

    def _in_street(self, piece: tuple[int, int]) -> tuple[list[Door], list[Door]]:
        """Doors to be served now, and those of the other side, which are served later."""
        rng = self._rng
        length_m = self._streets.length_m(*piece)
        count = int(rng.choice(len(_DOORS_SHARES), p=_DOORS_SHARES)) + 1
        shares = np.sort(rng.uniform(12 / length_m, 1 - 12 / length_m, count))
        doors = [self._door(piece, float(share)) for share in shares]
        if len(doors) < 2 or rng.random() > 0.3:
            return doors, []
        sides = rng.random(len(doors)) < 0.5
        sides[0], sides[-1] = True, False
        return (
            [door for door, now in zip(doors, sides, strict=True) if now],
            [door for door, now in zip(reversed(doors), sides[::-1], strict=True) if not now],
        )

    def _door(self, piece: tuple[int, int], share: float) -> Door:
        rng = self._rng
        spot = Spot(origin=piece[0], target=piece[1], share=share)
        east_m, north_m = self._streets.beside(spot, float(rng.choice((-1, 1)) * rng.uniform(6, 22)))
        number = f"{self._van}:{rng.integers(1 << 40):010x}"
        return Door(
            id=number,
            place=f"at {number}",
            spot=spot,
            east_m=east_m,
            north_m=north_m,
            radius_m=float(rng.choice(_RADII_M, p=_RADII_SHARES)),
            service_s=float(np.clip(rng.lognormal(np.log(_SERVICE_MEDIAN_S), _SERVICE_SIGMA), *_SERVICE_S)),
        )

    def _called_twice(self, doors: list[Door]) -> list[Door]:
        rng = self._rng
        for index in np.flatnonzero(rng.random(len(doors)) < _CALLED_TWICE).tolist():
            if index + 8 < len(doors):
                again = replace(doors[index], id=f"{doors[index].id}:again", service_s=float(rng.uniform(40, 240)))
                doors.insert(int(rng.integers(index + 8, len(doors) + 1)), again)
        return doors


class _Driver:
    """Makes halts of a plan."""

    def __init__(self, streets: Streets, rng: np.random.Generator) -> None:
        self._streets, self._rng = streets, rng

    def halts(self, planned: list[Door], *, out_of_turn: bool) -> list[Halt]:
        halts = self._services(self._reordered(planned) if out_of_turn else planned)
        lunch_after = int(len(halts) * self._rng.uniform(0.4, 0.65))
        halts.insert(lunch_after + 1, self._lunch(halts, lunch_after))
        if self._rng.random() < _ERRAND:
            halts.insert(int(self._rng.integers(1, len(halts))), self._errand(halts))
        return halts

    def _reordered(self, planned: list[Door]) -> list[Door]:
        rng = self._rng
        order = [door for door in planned if rng.random() >= _LEFT_OUT]
        for door in [door for door in order if rng.random() < _PUT_OFF]:
            self._move(order, door, int(rng.integers(2, 11)))
        for door in [door for door in order if rng.random() < _BROUGHT_FORWARD]:
            self._move(order, door, -int(rng.integers(2, 6)))
        return order

    def _move(self, order: list[Door], door: Door, by: int) -> None:
        index = order.index(door)
        order.remove(door)
        order.insert(min(max(0, index + by), len(order)), door)

    def _services(self, order: list[Door]) -> list[Halt]:
        halts: list[Halt] = []
        for door in order:
            serves_s = float(self._rng.uniform(25, 60)) if self._rng.random() < _FAILED else door.service_s
            last = halts[-1] if halts else None
            spot = self._parked(door.spot)
            if last is not None and self._goes_on_foot(last, door, spot):
                halts[-1] = replace(last, stands_s=last.stands_s + serves_s, doors=(*last.doors, door))
            else:
                halts.append(Halt(spot=spot, why=Why.SERVICE, stands_s=serves_s, doors=(door,)))
        return halts

    def _goes_on_foot(self, last: Halt, door: Door, spot: Spot) -> bool:
        before = last.doors[-1]
        apart_m = np.hypot(before.east_m - door.east_m, before.north_m - door.north_m)
        here, there = np.array(self._streets.point(last.spot)), np.array(self._streets.point(spot))
        if np.hypot(*(there - here)) < _NOT_WORTH_M and apart_m < 2 * _ON_FOOT_M:
            return True
        return bool(apart_m < _ON_FOOT_M and self._rng.random() < _ON_FOOT)

    def _parked(self, spot: Spot) -> Spot:
        """Near the door; once in thirty the street is full."""
        is_full = self._rng.random() < 1 / 30
        away_m = float(self._rng.choice((-1, 1)) * self._rng.uniform(30, 50)) if is_full else float(self._rng.normal(0, 9))
        return self._along(spot, away_m)

    def _along(self, spot: Spot, by_m: float) -> Spot:
        share = spot.share + by_m / self._streets.length_m(spot.origin, spot.target)
        return replace(spot, share=float(np.clip(share, 0.04, 0.96)))

    def _lunch(self, halts: list[Halt], after: int) -> Halt:
        """Parked 15-55 m up or down the street from a stop of the round not too far away, but not from the very next."""
        rng, streets = self._rng, self._streets
        here = np.array(streets.point(halts[after].spot))
        others = [halt for index, halt in enumerate(halts) if index != after + 1]
        away_m = np.array([np.hypot(*(np.array(streets.point(halt.spot)) - here)) for halt in others])
        other = others[int(rng.choice(np.argsort(away_m)[: max(3, len(others) // 3)]))]
        spot = self._along(other.doors[0].spot, float(rng.choice((-1, 1)) * rng.uniform(15, 55)))
        return Halt(spot=spot, why=Why.LUNCH, stands_s=float(rng.uniform(*_LUNCH_S)))

    def _errand(self, halts: list[Halt]) -> Halt:
        street = halts[int(self._rng.integers(len(halts)))].spot
        spot = replace(street, share=float(self._rng.uniform(0.05, 0.95)))
        return Halt(spot=spot, why=Why.ERRAND, stands_s=float(self._rng.uniform(*_ERRAND_S)))
