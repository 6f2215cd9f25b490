"""How many fixes a second the whole pure pipeline takes in on one core, by the number of fences; and what it keeps of a vehicle.

The fleet drives a made-up country: vans go from place to place and stand there for some minutes, at every third of them inside a
fence. Fences are as dense everywhere: more fences are a larger country. Two thirds are circles around sites, the rest
polygons, a few of them whole districts, and a few corridors. Time is the CPU time of `Pipeline.step` alone. In a second
scene (`bench.geofence_forward`) vehicles send fifty fixes at a time. Beside the whole it is measured what the engine of fences
alone takes for the same fixes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.geofence_forward import ForwardFleet, forward_fences
from fleet.clock import MICROS_PER_S, to_micros
from fleet.fence import Circle, Corridor, Fence, Polygons, Shape
from fleet.fix import FixBatch
from fleet.geodesy import METRES_PER_DEGREE
from fleet.mountings import Mountings
from geofence.fences import FenceEngine
from geofence.plan import FencePlan
from geofence.roster import Roster
from geofence.settings import GeofenceSettings
from ingest.pipeline import Pipeline
from store.records import World

Floats = npt.NDArray[np.float64]

FENCES: Final = (0, 1_000, 10_000, 100_000)
LIVE: Final = "live"
FORWARD: Final = "forward"
SCENES: Final = (LIVE, FORWARD)
#: Side of the square in which a thousand fences lie, metres: about a twentieth of the ground is in a fence.
_SIDE_OF_THOUSAND_M: Final = 50_000.0
_SOUTH: Final = 47.0
_WEST: Final = 7.0
_INTERVAL_S: Final = 5.0
_BEGIN: Final = datetime(2026, 3, 2, 6, tzinfo=UTC)
_TENANT: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A square with fences and the places at which vans stop."""

    side_m: float
    fences: Sequence[Fence]
    #: Middles of the fences, (N, 2) metres east and north of the corner.
    sites: Floats

    @classmethod
    def made(cls, count: int, rng: np.random.Generator) -> Country:
        side_m = _SIDE_OF_THOUSAND_M * max(count, 1_000) ** 0.5 / 1_000**0.5
        sites = rng.uniform(0, side_m, (count, 2))
        fences = [
            Fence(id=f"f{number}", tenant=_TENANT, name=f"Fence {number}", shape=_shape(number, site, rng))
            for number, site in enumerate(sites)
        ]
        return cls(side_m=side_m, fences=fences, sites=sites)


def _shape(number: int, site: Floats, rng: np.random.Generator) -> Shape:
    kind = number % 100
    (lat,), (lon,) = _degrees(site[None, :])
    if kind < 67:
        return Circle(lat=float(lat), lon=float(lon), radius_m=float(rng.uniform(60, 200)))
    if kind < 97:
        radius_m = rng.uniform(80, 300) if kind < 95 else rng.uniform(500, 1_500)
        corners = int(rng.integers(4, 24))
        angles = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * (2 * np.pi / corners)
        around = radius_m * rng.uniform(0.6, 1.0, (corners, 1)) * np.stack([np.cos(angles), np.sin(angles)], 1)
        lats, lons = _degrees(site + around)
        ring = tuple(zip(lons.tolist(), lats.tolist(), strict=True))
        return Polygons(polygons=(((*ring, ring[0]),),))
    lats, lons = _degrees(site + np.cumsum(rng.uniform(-700, 700, (4, 2)), axis=0))
    return Corridor(line=tuple(zip(lons.tolist(), lats.tolist(), strict=True)), radius_m=60.0)


def _degrees(places_m: Floats) -> tuple[Floats, Floats]:
    """(lat, lon) of places in metres from the corner."""
    lat = _SOUTH + places_m[:, 1] / METRES_PER_DEGREE
    return lat, _WEST + places_m[:, 0] / (METRES_PER_DEGREE * np.cos(np.radians(lat)))


class Vans:
    """Vans between places; `drive` moves them all by one interval and gives their fixes."""

    def __init__(self, country: Country, count: int, rng: np.random.Generator) -> None:
        self._country, self._rng, self._count = country, rng, count
        self._place_m = rng.uniform(0, country.side_m, (count, 2))
        self._target_m = self._place_m.copy()
        self._speed_mps = rng.uniform(7, 16, count)
        self._stands_until_s = rng.uniform(0, 300, count)
        self._now_s = 0.0

    def drive(self) -> FixBatch:
        rng = self._rng
        self._now_s += _INTERVAL_S
        way_m = self._target_m - self._place_m
        left_m = np.hypot(way_m[:, 0], way_m[:, 1])
        drives = self._stands_until_s <= self._now_s
        step_m = np.minimum(left_m, self._speed_mps * _INTERVAL_S)
        moves = drives & (left_m > 0)
        self._place_m[moves] += way_m[moves] * (step_m[moves] / left_m[moves])[:, None]
        arrived = np.flatnonzero(drives & (left_m <= step_m))
        self._stands_until_s[arrived] = self._now_s + rng.uniform(90, 420, len(arrived))
        self._choose(np.flatnonzero(~drives & (self._stands_until_s <= self._now_s + _INTERVAL_S)))
        return self._fixes(np.where(moves, self._speed_mps, 0.0))

    def _choose(self, vans: npt.NDArray[np.int64]) -> None:
        """New places to go to, up to five kilometres away; every third is the nearest of some sites around there."""
        target = np.clip(self._place_m[vans] + self._rng.normal(0, 3_500, (len(vans), 2)), 0, self._country.side_m)
        if len(self._country.sites):
            visits = np.flatnonzero(self._rng.random(len(vans)) < 0.34)
            target[visits] = self._nearest_sites(target[visits])
        self._target_m[vans] = target

    def _nearest_sites(self, places_m: Floats) -> Floats:
        from scipy.spatial import cKDTree

        if not hasattr(self, "_tree"):
            self._tree = cKDTree(self._country.sites)
        _, nearest = self._tree.query(places_m)
        return np.asarray(self._country.sites[nearest] + self._rng.normal(0, 10, places_m.shape))

    def _fixes(self, speed_mps: Floats) -> FixBatch:
        batch = FixBatch.allocate(self._count)
        batch.vehicle[:] = np.arange(1, self._count + 1)
        jitter = self._rng.integers(0, MICROS_PER_S, self._count)
        batch.time[:] = to_micros(_BEGIN) + round(self._now_s * MICROS_PER_S) + jitter // 1000 * 1000
        batch.lat[:], batch.lon[:] = _degrees(self._place_m + self._rng.normal(0, 4, self._place_m.shape))
        batch.speed_mps[:] = np.maximum(0, speed_mps + self._rng.normal(0, 0.3, self._count))
        batch.accuracy_m[:] = self._rng.uniform(3, 15, self._count)
        batch.satellites[:] = 9
        batch.received[:] = batch.time + MICROS_PER_S
        return batch.take(self._rng.permutation(self._count))


def _world(fences: Sequence[Fence], vans: int) -> World:
    """As the store hands it over."""
    mountings = Mountings()
    mountings.add([(_TENANT, f"t{key}", True, key, f"van-{key}") for key in range(1, vans + 1)])
    return World(fences=fences, mountings=mountings)


def _fence_engine(fences: Sequence[Fence], vans: int) -> FenceEngine:
    """The engine of fences alone."""
    roster, settings = Roster(), GeofenceSettings()
    roster.name((key, _TENANT, f"van-{key}") for key in range(1, vans + 1))
    return FenceEngine(settings, roster, FencePlan.of(fences, {_TENANT: roster.tenant_number(_TENANT)}, settings))


def _batches(vans: Vans, size: int) -> Iterator[FixBatch]:
    while True:
        fixes = vans.drive()
        for start in range(0, len(fixes), size):
            yield fixes.take(np.arange(start, min(start + size, len(fixes))))


def measure(fences: int, *, vans: int, fixes: int, batch: int, seed: int) -> dict[str, Any]:
    """One run of vans that report a fix at a time: the figures of a table row."""
    rng = np.random.default_rng(seed)
    country = Country.made(fences, rng)
    batches = _batches(Vans(country, vans, rng), batch)
    # Warm: every van was seen, and is somewhere in the middle of what it does.
    return {"fences": fences} | _run(country.fences, vans, batches, warm=max(1, 120 * vans // batch), fixes=fixes)


def measure_forward(fences: int, *, vehicles: int, fixes: int, batch: int, seed: int) -> dict[str, Any]:
    """One run of vehicles that report fifty fixes at a time."""
    rng = np.random.default_rng(seed)
    made = forward_fences(_TENANT, fences, rng)
    batches = ForwardFleet(vehicles, to_micros(_BEGIN), rng).batches(batch)
    return {"fences": fences} | _run(made, vehicles, batches, warm=100 * vehicles // batch + 1, fixes=fixes)


def _run(fences: Sequence[Fence], vehicles: int, batches: Iterator[FixBatch], *, warm: int, fixes: int) -> dict[str, Any]:
    """Take in some batches untimed, then so many fixes."""
    pipeline, alone, world = Pipeline(), _fence_engine(fences, vehicles), _world(fences, vehicles)
    began_s = time.process_time()
    pipeline.apply(world, _BEGIN)
    apply_s = time.process_time() - began_s
    for _ in range(warm):
        rows = next(batches)
        pipeline.step(rows, _BEGIN)
        alone.step(rows, _BEGIN)
    taken = events = visits = 0
    spent_s = alone_s = 0.0
    while taken < fixes:
        rows = next(batches)
        began_s = time.process_time()
        outcome = pipeline.step(rows, _BEGIN)
        done_s = time.process_time()
        alone.step(rows, _BEGIN)
        alone_s += time.process_time() - done_s
        spent_s += done_s - began_s
        taken += len(rows)
        events += len(outcome.events)
        visits += len(outcome.visits)
    return {
        "fixes_per_s": round(taken / spent_s),
        "us_per_fix": round(spent_s / taken * 1e6, 3),
        "fence_engine_us_per_fix": round(alone_s / taken * 1e6, 3),
        "inside_share": round(_inside_share(pipeline, vehicles), 3),
        "events_per_1000_fixes": round(1000 * events / taken, 2),
        "visits_per_1000_fixes": round(1000 * visits / taken, 2),
        "apply_s": round(apply_s, 2),
        "change_one_s": round(_change_one(pipeline, world), 2),
    }


def _change_one(pipeline: Pipeline, world: World) -> float:
    """CPU time of applying a world in which one fence is another and the rest is the same, but loaded anew."""
    if not world.fences:
        return 0.0
    fences = [replace(fence) for fence in world.fences]
    fences[0] = replace(fences[0], shape=Circle(lat=_SOUTH, lon=_WEST, radius_m=100.0))
    began_s = time.process_time()
    pipeline.apply(World(fences=fences, mountings=world.mountings), _BEGIN)
    return time.process_time() - began_s


def _inside_share(pipeline: Pipeline, vans: int) -> float:
    """The share of vans that are in a fence now."""
    return pipeline.vehicles_near_fences / vans


def bytes_per_vehicle(vans: int, *, batch: int, seed: int) -> int:
    """What the pipeline keeps of a vehicle that is driving about among fences, all engines and names together."""
    rng = np.random.default_rng(seed)
    country = Country.made(1_000, rng)
    tracemalloc.start()
    try:
        pipeline = Pipeline()
        pipeline.apply(_world(country.fences, 0), _BEGIN)
        before, _ = tracemalloc.get_traced_memory()
        pipeline.apply(_world(country.fences, vans), _BEGIN)
        batches = _batches(Vans(country, vans, rng), batch)
        for _ in range(12 * vans // batch):
            pipeline.step(next(batches), _BEGIN)
        del batches
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return round((after - before) / vans)


def run(
    *,
    fences: Sequence[int] = FENCES,
    vans: int = 20_000,
    fixes: int = 1_000_000,
    batch: int = 10_000,
    seed: int = 1,
    scenes: Sequence[str] = SCENES,
) -> dict[str, Any]:
    """The whole benchmark: `fixes_per_s` by the number of fences, `bytes_per_vehicle`, and the rows of the tables (`rows`: a fix
    at a time; `forward`: fifty at a time)."""
    result: dict[str, Any] = {"vans": vans, "batch": batch, "seed": seed, "rows": [], "forward": []}
    if LIVE in scenes:
        result["rows"] = [measure(count, vans=vans, fixes=fixes, batch=batch, seed=seed) for count in fences]
        result["fixes_per_s"] = {str(row["fences"]): row["fixes_per_s"] for row in result["rows"]}
        result["bytes_per_vehicle"] = bytes_per_vehicle(5 * vans, batch=batch, seed=seed)
    if FORWARD in scenes:
        result["forward"] = [measure_forward(count, vehicles=vans // 2, fixes=fixes, batch=batch, seed=seed) for count in fences]
    return result


def table(result: dict[str, Any]) -> str:
    """The rows, for people."""
    parts = []
    for title, rows in (("A fix at a time", result["rows"]), ("Fifty at a time", result["forward"])):
        if rows:
            lines = [title, "| " + " | ".join(rows[0]) + " |", "|" + "---:|" * len(rows[0])]
            parts += [*lines, *("| " + " | ".join(f"{value:,}" for value in row.values()) + " |" for row in rows)]
    if "bytes_per_vehicle" in result:
        parts.append(f"{result['bytes_per_vehicle']} bytes a vehicle")
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixes", type=int, default=1_000_000)
    parser.add_argument("--vans", type=int, default=20_000)
    parser.add_argument("--fences", type=int, nargs="*", default=list(FENCES))
    parser.add_argument("--scene", choices=SCENES, help="one of the two alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    scenes = (options.scene,) if options.scene else SCENES
    result = run(fences=options.fences, vans=options.vans, fixes=options.fixes, scenes=scenes)
    print(table(result))
    if options.json:
        print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
