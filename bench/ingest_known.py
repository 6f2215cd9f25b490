"""A database in which a fleet is known with its states, as a worker before this one would have left it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from bench.ingest_load import SIDE_DEG, SOUTH, WEST
from fleet.clock import to_micros
from fleet.fix import FixBatch
from fleet.mountings import Mountings
from ingest.pipeline import Pipeline
from store.open import open_store
from store.protocol import Commit

_VEHICLES_EACH = 10_000


async def leave_behind(database_url: str) -> None:
    """One fix of each vehicle, an hour old, and the state that it leads to."""
    store = await open_store(database_url)
    now = datetime.now(UTC)
    world = await store.world()
    pipeline = Pipeline()
    pipeline.apply(world, now)
    keys = Mountings.of(world.mountings).key
    for start in range(0, len(keys), _VEHICLES_EACH):
        fixes = _fixes(keys[start : start + _VEHICLES_EACH], to_micros(now) - 3_600_000_000)
        outcome = pipeline.step(fixes, now)
        await store.commit(Commit(fixes=fixes, outcome=outcome, checkpoint_vehicles=pipeline.checkpoint()))
    await store.close()


def _fixes(keys: np.ndarray[tuple[int], np.dtype[np.int64]], time_us: int) -> FixBatch:
    rng = np.random.default_rng(int(keys[0]))
    fixes = FixBatch.allocate(len(keys))
    fixes.vehicle, fixes.time, fixes.received = keys, np.full(len(keys), time_us), np.full(len(keys), time_us)
    fixes.lat, fixes.lon = SOUTH + rng.random(len(keys)) * SIDE_DEG, WEST + rng.random(len(keys)) * SIDE_DEG
    return fixes
