"""Store and forward: vehicles that send what they have gathered, fifty fixes each, a second apart; the load of `bench.ingest_load`.

A batch holds all fixes of some two hundred vehicles. They go there and back at 8 m/s, in a square with circles of 100 to 300 m.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from bench.ingest_load import FIXES_EACH, SIDE_DEG, SOUTH, WEST
from fleet.clock import MICROS_PER_S
from fleet.fence import Circle, Fence
from fleet.fix import FixBatch
from fleet.geodesy import METRES_PER_DEGREE

_SPEED_MPS: Final = 8.0
#: Seconds from one end of a vehicle's way to the other.
_TURNS_AFTER_S: Final = 8


def forward_fences(tenant: str, count: int, rng: np.random.Generator) -> list[Fence]:
    """Circles all over the square."""
    places = rng.random((count, 3)).tolist()
    return [
        Fence(
            id=f"f{number}",
            tenant=tenant,
            name=f"Fence {number}",
            shape=Circle(lat=SOUTH + north * SIDE_DEG, lon=WEST + east * SIDE_DEG, radius_m=100 + 200 * size),
        )
        for number, (north, east, size) in enumerate(places)
    ]


class ForwardFleet:
    """Vehicles with the keys 1, 2 ... that report in turns."""

    def __init__(self, count: int, begin: int, rng: np.random.Generator) -> None:
        self._count, self._begin = count, begin
        self._lat, self._lon = SOUTH + rng.random(count) * SIDE_DEG, WEST + rng.random(count) * SIDE_DEG
        self._heading = rng.uniform(0, 2 * np.pi, count)
        self._turns = np.zeros(count, np.int64)

    def batches(self, size: int) -> Iterator[FixBatch]:
        """Batches of about `size` fixes, without end."""
        each = max(1, size // FIXES_EACH)
        at = 0
        while True:
            chosen = np.arange(at, at + each) % self._count
            at = (at + each) % self._count
            yield self._report(chosen)

    def _report(self, vehicles: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FixBatch:
        second = np.arange(FIXES_EACH)
        along_m = _SPEED_MPS * np.abs((second + _TURNS_AFTER_S) % (2 * _TURNS_AFTER_S) - _TURNS_AFTER_S)
        heading, lat, lon = (column[vehicles, None] for column in (self._heading, self._lat, self._lon))
        batch = FixBatch.allocate(len(vehicles) * FIXES_EACH)
        batch.vehicle[:] = np.repeat(vehicles + 1, FIXES_EACH)
        seconds = self._turns[vehicles, None] * FIXES_EACH + second
        batch.time[:] = (self._begin + seconds * MICROS_PER_S).ravel()
        batch.lat[:] = np.round(lat + along_m * np.cos(heading) / METRES_PER_DEGREE, 6).ravel()
        wide = METRES_PER_DEGREE * np.cos(np.radians(lat))
        batch.lon[:] = np.round(lon + along_m * np.sin(heading) / wide, 6).ravel()
        batch.speed_mps[:], batch.accuracy_m[:] = 8.3, 4.5
        batch.received[:] = batch.time.max() + MICROS_PER_S
        self._turns[vehicles] += 1
        return batch
