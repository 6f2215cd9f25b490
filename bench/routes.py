"""What a fix costs in the engine of stops where every vehicle is on a route, and what it keeps of a vehicle.

Vans with routes of 20 to 100 stops, a kilometre or so apart, drive from stop to stop and stand at each for some minutes; one live
fix a van every few seconds, one van a row of each batch. Time is the CPU time of `RouteEngine.step` and `tick`, with the model of
ETAs; forecasts are made, but nobody reads them: what writing them costs is the store's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from eta.model import EtaModel
from fleet.clock import MICROS_PER_S, from_micros, to_micros
from fleet.fix import FixBatch
from fleet.geodesy import METRES_PER_DEGREE
from fleet.route import Route, Stop
from geofence.stops.engine import RouteEngine
from geofence.stops.settings import RouteSettings

_BEGIN: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
_TENANT: Final = "bench"
_SPEED_MPS: Final = 10.0
_STAND_S: Final = 150.0
_SPACING_M: Final = (500.0, 1_800.0)
_STOPS: Final = (20, 100)
#: All vans set off within this time; then the measurement begins.
_SETTING_OFF_S: Final = 1_200.0
_WARM_INTERVAL_S: Final = 15.0


class Scene:
    """Vans, each on a route along a winding way; `fixes` moves them all on and gives one fix of each."""

    def __init__(self, vans: int, rng: np.random.Generator) -> None:
        self._rng, self._now_s = rng, 0.0
        self._phase = rng.uniform(0, 1, vans)
        self.routes: list[Route] = []
        self.keys: dict[tuple[str, str], int] = {}
        #: Of each van, seconds from its start at which it comes to and leaves each stop, and where that is.
        self._clock_s = np.full((vans, 2 * _STOPS[1]), np.inf)
        self._way = np.zeros((vans, 2 * _STOPS[1], 2))
        self._last = np.zeros(vans, np.intp)
        self._starts_s = rng.uniform(60, _SETTING_OFF_S, vans)
        for van in range(vans):
            self._add(van)

    def _add(self, van: int) -> None:
        rng = self._rng
        count = int(rng.integers(*_STOPS, endpoint=True))
        spacing_m = rng.uniform(*_SPACING_M, count - 1)
        heading = np.cumsum(rng.normal(0, 0.6, count - 1))
        steps = np.stack([np.cos(heading), np.sin(heading)], 1) * (spacing_m / METRES_PER_DEGREE)[:, None]
        lat_lon = np.concatenate([[rng.uniform((48, 8), (52, 12))], steps]).cumsum(axis=0)
        lat_lon[:, 1] = lat_lon[0, 1] + (lat_lon[:, 1] - lat_lon[0, 1]) / np.cos(np.radians(lat_lon[0, 0]))
        # Arrival and departure at each stop, seconds after the route's start.
        arrives = np.concatenate([[0.0], np.cumsum(spacing_m / _SPEED_MPS + _STAND_S)])
        self._clock_s[van, : 2 * count] = np.stack([arrives, arrives + _STAND_S], 1).ravel()
        self._way[van, : 2 * count] = np.repeat(lat_lon, 2, axis=0)
        self._last[van] = 2 * count - 1
        starts_at = _BEGIN + timedelta(seconds=float(self._starts_s[van]))
        name = f"van-{van}"
        stops = tuple(
            Stop(
                id=f"{name}:{index}",
                seq=index,
                lat=float(lat),
                lon=float(lon),
                arrival_radius_m=80.0,
                planned_arrival=starts_at + timedelta(seconds=float(arrives[index])),
                service_s=_STAND_S,
            )
            for index, (lat, lon) in enumerate(lat_lon.tolist())
        )
        self.routes.append(Route(id=f"route-{van}", tenant=_TENANT, vehicle=name, starts_at=starts_at, stops=stops))
        self.keys[_TENANT, name] = van + 1

    def fixes(self, interval_s: float) -> tuple[FixBatch, datetime]:
        """One fix a van, and the instant at which they are all in."""
        rng, vans = self._rng, len(self.routes)
        at_s = self._now_s + self._phase * interval_s
        self._now_s += interval_s
        batch = FixBatch.allocate(vans)
        batch.vehicle[:] = np.arange(1, vans + 1)
        batch.time[:] = to_micros(_BEGIN) + (at_s * MICROS_PER_S).astype(np.int64)
        rows, into_s = np.arange(vans), at_s - self._starts_s
        after = np.clip((self._clock_s <= into_s[:, None]).sum(axis=1), 1, self._last)
        begins_s, ends_s = self._clock_s[rows, after - 1], self._clock_s[rows, after]
        share = np.clip((into_s - begins_s) / (ends_s - begins_s), 0.0, 1.0)[:, None]
        places = self._way[rows, after - 1] * (1.0 - share) + self._way[rows, after] * share
        batch.speed_mps[:] = np.where(after % 2 == 1, 0.0, _SPEED_MPS)
        places += rng.normal(0, 4.0 / METRES_PER_DEGREE, places.shape)
        batch.lat[:], batch.lon[:] = places[:, 0], places[:, 1]
        batch.accuracy_m[:] = rng.uniform(3, 15, vans)
        return batch, from_micros(to_micros(_BEGIN) + round(self._now_s * MICROS_PER_S))


def measure(*, vans: int, interval_s: float, minutes: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    scene = Scene(vans, rng)
    warming = [scene.fixes(_WARM_INTERVAL_S) for _ in range(round(1.5 * _SETTING_OFF_S / _WARM_INTERVAL_S))]
    engine = RouteEngine(RouteSettings(), EtaModel())
    began_s = time.process_time()
    engine.set_routes(scene.routes, scene.keys)
    plan_s = time.process_time() - began_s
    for batch, now in warming:
        engine.step(batch, now)
        engine.tick(now)
    spent_s, taken, events, etas = 0.0, 0, 0, 0
    for _ in range(round(minutes * 60 / interval_s)):
        batch, now = scene.fixes(interval_s)
        began_s = time.process_time()
        outcome, passing = engine.step(batch, now), engine.tick(now)
        spent_s += time.process_time() - began_s
        taken += len(batch)
        events += len(outcome.events) + len(passing.events)
        etas += len(outcome.etas) + len(passing.etas)
    keys = list(scene.keys.values())
    snapshot = sum(len(state) for state in engine.snapshot(keys).values())
    return {
        "vans": vans,
        "interval_s": interval_s,
        "us_per_fix": round(spent_s / taken * 1e6, 2),
        "fixes_per_s": round(taken / spent_s),
        "etas_per_fix": round(etas / taken, 2),
        "us_per_eta": round(spent_s / max(1, etas) * 1e6, 2),
        "events_per_1000_fixes": round(1000 * events / taken, 1),
        "snapshot_bytes_per_van": round(snapshot / vans),
        "plan_us_per_stop": round(plan_s / sum(len(route.stops) for route in scene.routes) * 1e6, 2),
    }


def memory_bytes_per_van(*, vans: int, seed: int) -> int:
    """What the engine keeps of a van on its way, its plan being held by somebody else."""
    scene = Scene(vans, np.random.default_rng(seed))
    batches = [scene.fixes(_WARM_INTERVAL_S) for _ in range(round(1.5 * _SETTING_OFF_S / _WARM_INTERVAL_S))]
    tracemalloc.start()
    try:
        engine = RouteEngine(RouteSettings(), EtaModel())
        before, _ = tracemalloc.get_traced_memory()
        engine.set_routes(scene.routes, scene.keys)
        for batch, now in batches:
            engine.step(batch, now)
            engine.tick(now)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return round((after - before) / vans)


def run(
    *, vans: int = 10_000, intervals_s: Sequence[float] = (1.0, 5.0, 30.0), minutes: float = 2.0, seed: int = 1
) -> dict[str, Any]:
    rows = [measure(vans=vans, interval_s=interval_s, minutes=minutes, seed=seed) for interval_s in intervals_s]
    return {
        "us_per_fix": {f"{row['interval_s']:g}": row["us_per_fix"] for row in rows},
        "memory_bytes_per_van": memory_bytes_per_van(vans=min(vans, 200), seed=seed),
        "seed": seed,
        "rows": rows,
    }


def table(result: dict[str, Any]) -> str:
    """The rows, for people."""
    columns = list(result["rows"][0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---:|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(str(row[column]) for column in columns) + " |" for row in result["rows"])])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="outrider bench routes", description=__doc__)
    parser.add_argument("--vans", type=int, default=10_000)
    parser.add_argument("--intervals", type=float, nargs="*", default=[1.0, 5.0, 30.0], help="seconds between two fixes of a van")
    parser.add_argument("--minutes", type=float, default=2.0, help="event time measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    result = run(vans=options.vans, intervals_s=options.intervals, minutes=options.minutes)
    print(table(result))
    if options.json:
        print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
