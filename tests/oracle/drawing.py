"""Fences and drives drawn as text, with the expected events beside them.

    yard          | drive          | events
    . . . . . . . | . . . . . . .  | entered yard 0:15
    . . # # # . . | 1 2 3 4 5 6 7  | exited yard 1:45 left
    . . . . . . . | . . . . . . .  |

Columns are parted by `|`; the first line names them. One named `drive` shows the fixes, in the order 1 .. 9 a .. z, one at the
middle of each cell; one named `events` the expected events; every other one is a fence, drawn in one of four ways:

* `#`: the squares that are the area. What they leave open inside is a hole, what does not touch is another part.
* `A B C ...`: the corners of a polygon in this order, at the middles of their cells, so that a fix can be exactly on an edge.
* `o` and `*`: a circle around the middle of one cell, with the middle of the other exactly on its edge.
* `a b c ...`: the line of a corridor; `wide_m` says how far it reaches to either side.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import shapely

from fleet.fence import Circle, Corridor, Fence, FenceSettings, Polygons, Position, Shape
from fleet.fix import Fix
from fleet.geodesy import METRES_PER_DEGREE, distance_m
from tests.oracle.drives import BEGIN

#: Cells are squares of this size.
CELL_M = 50.0
#: Seconds from one fix to the next.
INTERVAL_S = 10.0
TENANT = "acme"
_ORDER = string.digits[1:] + string.ascii_lowercase


@dataclass(frozen=True, kw_only=True)
class Country:
    """Where a drawing lies: the middle of its upper left cell."""

    name: str
    lat: float
    lon: float

    def place(self, column: float, row: float) -> Position:
        """(lon, lat) of a place in cells; rows go south. Longitudes are in [-180, 180)."""
        lat = self.lat - row * CELL_M / METRES_PER_DEGREE
        lon = self.lon + column * CELL_M / (METRES_PER_DEGREE * math.cos(math.radians(self.lat)))
        return (lon + 180.0) % 360.0 - 180.0, lat


ZURICH = Country(name="zurich", lat=47.37, lon=8.54)
COUNTRIES = (
    ZURICH,
    Country(name="equator-and-greenwich", lat=0.0011, lon=-0.0011),
    Country(name="across-the-antimeridian", lat=-16.9, lon=179.9985),
    Country(name="near-the-pole", lat=85.0, lon=-120.0),
    Country(name="near-the-pole-across-the-antimeridian", lat=-85.0, lon=179.98),
)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """`rules` are members of the fences (`dwell_s`, `settings`, `calendar` ...) by name; `fixes` of single fixes by their sign;
    `stands` says for how long a fix is repeated every `INTERVAL_S`; `gaps` how long it is from the fix before."""

    name: str
    text: str
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fixes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stands: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, float] = field(default_factory=dict)
    tenant: FenceSettings = FenceSettings()
    #: Silence after the last fix, in which the engine ticks.
    silent_s: float = 0.0
    begin: datetime = BEGIN
    wide_m: float = CELL_M / 2

    def columns(self) -> dict[str, list[str]]:
        lines = [line for line in self.text.splitlines() if line.strip()]
        rows = [[part.strip() for part in line.split("|")] for line in lines]
        return {name: [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])}

    def expected(self) -> list[str]:
        return [line for line in self.columns()["events"] if line]

    def fences(self, country: Country) -> list[Fence]:
        drawn = {name: cells for name, cells in self.columns().items() if name not in ("drive", "events")}
        plain = (
            Fence(id=name, tenant=TENANT, name=name, shape=_shape(list(_signs(cells)), country, self.wide_m))
            for name, cells in drawn.items()
        )
        return [replace(fence, **self.rules.get(fence.id, {})) for fence in plain]

    def drive(self, country: Country) -> list[Fix]:
        signs = sorted(_signs(self.columns()["drive"]), key=lambda sign: _ORDER.index(sign[0]))
        return list(self._fixes(signs, country))

    def _fixes(self, signs: Sequence[tuple[str, int, int]], country: Country) -> Iterator[Fix]:
        at = self.begin
        for number, (sign, column, row) in enumerate(signs):
            at += timedelta(seconds=self.gaps.get(sign, INTERVAL_S if number else 0.0))
            lon, lat = country.place(column, row)
            fix = replace(Fix(time=at, lat=lat, lon=lon, accuracy_m=5.0), **self.fixes.get(sign, {}))
            yield fix
            for _ in range(round(self.stands.get(sign, 0.0) / INTERVAL_S)):
                at += timedelta(seconds=INTERVAL_S)
                yield replace(fix, time=at)


def since(begin: datetime, instant: datetime) -> str:
    """`1:05`, or `1:05.3` between two seconds: minutes and seconds since the drawing's first fix."""
    minutes, tenths = divmod(round((instant - begin).total_seconds() * 10), 600)
    second, tenth = divmod(tenths, 10)
    return f"{minutes}:{second:02d}" + (f".{tenth}" if tenth else "")


def _signs(cells: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """(sign, column, row) of all cells that show something."""
    for row, line in enumerate(cells):
        for column, sign in enumerate(line.split()):
            if sign != ".":
                yield sign, column, row


def _shape(signs: Sequence[tuple[str, int, int]], country: Country, wide_m: float) -> Shape:
    drawn = {sign for sign, *_ in signs}
    if "#" in drawn:
        return _area([(column, row) for _, column, row in signs], country.place)
    at = {sign: country.place(column, row) for sign, column, row in signs}
    if "o" in drawn:
        (lon, lat), (rim_lon, rim_lat) = at["o"], at["*"]
        return Circle(lat=lat, lon=lon, radius_m=distance_m(rim_lat, rim_lon, lat, lon))
    line = tuple(at[sign] for sign in sorted(drawn))
    if "A" in drawn:
        return Polygons(polygons=(((*line, line[0]),),))
    return Corridor(line=line, radius_m=wide_m)


def _area(cells: Sequence[tuple[int, int]], place: Callable[[float, float], Position]) -> Polygons:
    """The squares, joined: outer rings, and the holes that they leave."""
    joined = shapely.union_all([shapely.box(column - 0.5, row - 0.5, column + 0.5, row + 0.5) for column, row in cells])
    parts = getattr(joined, "geoms", [joined])
    rings = [[part.exterior, *part.interiors] for part in parts]
    return Polygons(polygons=tuple(tuple(tuple(place(x, y) for x, y in ring.coords) for ring in part) for part in rings))
