"""Drives and fences for tests: made from a few words, or at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from random import Random

from hypothesis import strategies as st

from fleet.clock import to_micros
from fleet.fence import Circle, Corridor, Fence, FenceSettings, Polygons, Position, Ring, Shape
from fleet.fix import Fix, FixBatch
from fleet.geodesy import METRES_PER_DEGREE
from tests.oracle.calendars import Weekly

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SOUTH, WEST = 47.4, 8.5


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A part of a drive: so long, in this direction, at this speed; with fixes at intervals, or silent."""

    duration_s: int
    bearing_deg: float = 0.0
    speed_mps: float = 0.0
    interval_s: float = 10.0
    is_silent: bool = False
    altitude_m: float | None = None


def place(east_m: float, north_m: float) -> Position:
    """(lon, lat) of metres from the corner of the test's country."""
    lat = SOUTH + north_m / METRES_PER_DEGREE
    return WEST + east_m / (METRES_PER_DEGREE * math.cos(math.radians(SOUTH))), lat


def drive(
    legs: Sequence[Leg], *, seed: int = 0, noise_m: float = 0.0, bad_share: float = 0.0, says_speed: bool = True
) -> list[Fix]:
    """The fixes of a vehicle that drives these legs from the corner."""
    random = Random(seed)
    east = north = 0.0
    at = 0.0
    fixes: list[Fix] = []
    for leg in legs:
        steps = max(1, round(leg.duration_s / leg.interval_s))
        for _ in range(steps):
            at += leg.interval_s
            east += leg.speed_mps * leg.interval_s * math.sin(math.radians(leg.bearing_deg))
            north += leg.speed_mps * leg.interval_s * math.cos(math.radians(leg.bearing_deg))
            is_bad = random.random() < bad_share
            spread_m = noise_m + 150.0 if is_bad else noise_m
            lon, lat = place(east + random.gauss(0, spread_m), north + random.gauss(0, spread_m))
            if not leg.is_silent:
                fixes.append(
                    Fix(
                        time=BEGIN + timedelta(seconds=at),
                        lat=lat,
                        lon=lon,
                        speed_mps=max(0.0, leg.speed_mps + random.gauss(0, 0.2)) if says_speed else None,
                        accuracy_m=120.0 if is_bad else 8.0,
                        altitude_m=leg.altitude_m,
                    )
                )
    return fixes


def batch_of(fixes: Sequence[Fix], key: int = 1) -> FixBatch:
    """The fixes as columns, in their order."""
    batch = FixBatch.allocate(len(fixes))
    batch.vehicle[:] = key
    for row, fix in enumerate(fixes):
        batch.time[row] = to_micros(fix.time)
        batch.lat[row], batch.lon[row] = fix.lat, fix.lon
        for name in ("speed_mps", "accuracy_m", "altitude_m"):
            value = getattr(fix, name)
            if value is not None:
                getattr(batch, name)[row] = value
        batch.received[row] = batch.time[row]
    return batch


@st.composite
def legs(draw: st.DrawFn) -> list[Leg]:
    """A drive within some kilometres, with stands and silences."""
    interval_s = draw(st.sampled_from([5.0, 10.0, 30.0]))
    altitudes: list[float | None] = draw(st.sampled_from([[None], [None, 400.0, 450.0]]))
    kinds = draw(st.lists(st.sampled_from(["drive", "drive", "stand", "silence", "crawl"]), min_size=4, max_size=10))
    made = []
    for kind in kinds:
        bearing_deg = draw(st.integers(0, 359))
        if kind == "drive":
            speed_mps = draw(st.integers(3, 25))
            made.append(
                Leg(duration_s=draw(st.integers(20, 300)), bearing_deg=bearing_deg, speed_mps=speed_mps, interval_s=interval_s)
            )
        elif kind == "crawl":
            made.append(Leg(duration_s=draw(st.integers(60, 300)), bearing_deg=bearing_deg, speed_mps=1.0, interval_s=interval_s))
        elif kind == "stand":
            made.append(Leg(duration_s=draw(st.integers(20, 900)), interval_s=interval_s))
        else:
            duration_s = draw(st.sampled_from([60, 200, 400, 2_000, 8_000, 50_000]))
            drift_mps = draw(st.sampled_from([0.0, 0.0, 5.0])) if duration_s < 5_000 else 0.0
            leg = Leg(duration_s=duration_s, bearing_deg=bearing_deg, speed_mps=drift_mps, interval_s=interval_s, is_silent=True)
            made.append(leg)
    return [replace(leg, altitude_m=draw(st.sampled_from(altitudes))) for leg in made]


@st.composite
def drives(draw: st.DrawFn) -> list[Fix]:
    noise_m = draw(st.sampled_from([0.5, 5.0, 20.0]))
    bad_share = draw(st.sampled_from([0.0, 0.1]))
    return drive(
        draw(legs()), seed=draw(st.integers(0, 2**32)), noise_m=noise_m, bad_share=bad_share, says_speed=draw(st.booleans())
    )


def swapped(fix: Fix) -> Fix:
    """With latitude and longitude in each other's place."""
    return replace(fix, lat=fix.lon, lon=fix.lat)


@st.composite
def jumping(draw: st.DrawFn) -> list[Fix]:
    """A drive whose receiver is thrown aside for some fixes, swaps latitude and longitude of some, and may be taken elsewhere for
    good."""
    random = Random(draw(st.integers(0, 2**32)))
    fixes = draw(drives().filter(bool))
    lasting_deg, lasts_from = draw(st.sampled_from([0.0, 0.0, 0.7])), draw(st.integers(0, len(fixes)))
    swap_share, throw_share = draw(st.sampled_from([0.0, 0.1])), draw(st.sampled_from([0.0, 0.05, 0.3]))
    result: list[Fix] = []
    aside_deg, left = 0.0, 0
    for number, fix in enumerate(fixes):
        if left == 0 and random.random() < throw_share:
            aside_deg, left = random.choice([0.006, 0.02, 0.9, -20.0]), random.choice([1, 1, 2, 3, 8])
        lat = fix.lat + (aside_deg if left else 0.0) + (lasting_deg if number >= lasts_from else 0.0)
        left = max(0, left - 1)
        moved = replace(fix, lat=lat)
        result.append(swapped(moved) if random.random() < swap_share else moved)
    return result


@st.composite
def shapes(draw: st.DrawFn, near: Fix) -> Shape:
    """Shapes of some hundred metres around a fix, or beside it."""
    origin_east_m, origin_north_m = metres(near)
    east_m = origin_east_m + draw(st.sampled_from([0, 0, 60, -150, 400]))
    north_m = origin_north_m + draw(st.sampled_from([0, 0, -40, 120, -300]))
    kind = draw(st.sampled_from(["circle", "circle", "polygon", "polygons", "corridor"]))
    lon, lat = place(east_m, north_m)
    if kind == "circle":
        return Circle(lat=lat, lon=lon, radius_m=draw(st.sampled_from([25, 60, 100, 150, 600])))
    if kind == "corridor":
        end = place(east_m + draw(st.integers(-1_000, 1_000)), north_m + draw(st.integers(100, 1_000)))
        return Corridor(line=((lon, lat), end), radius_m=draw(st.integers(20, 150)))
    random, radius_m = Random(draw(st.integers(0, 2**32))), draw(st.integers(60, 600))
    area = star(random, east_m, north_m, radius_m, draw(st.integers(3, 12)))
    if kind == "polygon":
        return area
    # A square with a square hole beside the star.
    rings = [square(east_m + 4 * radius_m, north_m, radius_m * share) for share in (1.0, draw(st.sampled_from([0.3, 0.8])))]
    return Polygons(polygons=(*area.polygons, tuple(rings)))


def metres(fix: Fix) -> tuple[float, float]:
    """(east, north) of the corner of the test's country."""
    north_m = (fix.lat - SOUTH) * METRES_PER_DEGREE
    return (fix.lon - WEST) * METRES_PER_DEGREE * math.cos(math.radians(SOUTH)), north_m


def square(east_m: float, north_m: float, half_m: float) -> Ring:
    """A closed ring around a place."""
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    return tuple(place(east_m + x * half_m, north_m + y * half_m) for x, y in corners)


def star(random: Random, east_m: float, north_m: float, radius_m: float, corners: int) -> Polygons:
    """A polygon around a place, corner after corner."""
    ring = []
    for corner in range(corners):
        angle = (corner + random.uniform(0, 0.6)) * 2 * math.pi / corners
        reach_m = radius_m * random.uniform(0.5, 1.0)
        ring.append(place(east_m + reach_m * math.sin(angle), north_m + reach_m * math.cos(angle)))
    return Polygons(polygons=(((*ring, ring[0]),),))


@st.composite
def calendars(draw: st.DrawFn) -> str:
    """Some hours of the days on which the drives are."""
    opens = draw(st.integers(6 * 60, 9 * 60))
    closes = opens + draw(st.sampled_from([10, 60, 9 * 60]))
    return Weekly(opens=time(*divmod(opens, 60)), closes=time(*divmod(closes, 60))).text()


@st.composite
def fences_along(draw: st.DrawFn, fixes: Sequence[Fix]) -> list[Fence]:
    """A few fences along a drive with rules of their own, overlapping as it comes."""
    near = draw(st.lists(st.sampled_from(fixes), min_size=1, max_size=5))
    return [
        Fence(
            id=f"fence-{number}",
            tenant="acme",
            name="",
            shape=draw(shapes(fix)),
            dwell_s=draw(st.sampled_from([None, 60.0, 600.0])),
            calendar=draw(st.none() | st.none() | calendars()),
            min_altitude_m=draw(st.sampled_from([None, None, None, 420.0])),
            max_altitude_m=draw(st.sampled_from([None, None, None, 430.0])),
            settings=FenceSettings(
                confirm_fixes=draw(st.sampled_from([None, None, 1, 3])),
                confirm_s=draw(st.sampled_from([None, None, 20.0])),
                exit_margin_m=draw(st.sampled_from([None, None, 0.0, 120.0])),
                exit_s=draw(st.sampled_from([None, None, 0.0, 200.0])),
            ),
        )
        for number, fix in enumerate(near)
    ]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Fence], list[Fix]]:
    """A noisy drive, and fences along it; here, or across the antimeridian."""
    fixes = draw(drives().filter(bool))
    fences, degrees = draw(fences_along(fixes)), draw(st.sampled_from([0.0, 0.0, 180.0 - fixes[0].lon]))
    turned_fixes = [replace(fix, lon=_turned(fix.lon, degrees)) for fix in fixes]
    return [replace(fence, shape=turned(fence.shape, degrees)) for fence in fences], turned_fixes


def turned(shape: Shape, degrees: float) -> Shape:
    """The shape as far to the east."""
    match shape:
        case Circle():
            return replace(shape, lon=_turned(shape.lon, degrees))
        case Corridor():
            return replace(shape, line=tuple((_turned(lon, degrees), lat) for lon, lat in shape.line))
        case Polygons():
            rings = (tuple(tuple((_turned(lon, degrees), lat) for lon, lat in ring) for ring in part) for part in shape.polygons)
            return Polygons(polygons=tuple(rings))


def _turned(lon: float, degrees: float) -> float:
    return lon if degrees == 0 else (lon + degrees + 180.0) % 360.0 - 180.0
