"""`Store.commit` beside a bare COPY of like rows into the same table, by turns in one run.

    python -m bench.store_copy postgresql://... [--batches 60] [--size 5000]

The bare COPY gets its stream ready-made; `commit` gets columns and does everything: it checks, sorts, drops duplicates,
encodes, numbers the batch and commits what else a commit carries. The database must be empty; it is migrated first. The last
line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import psycopg

from fleet.clock import from_micros, to_micros
from fleet.event import Event
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from store.open import migrate, open_store
from store.postgres.copying import COLUMNS, encode
from store.protocol import Commit, Store

_COPY: Final = f"COPY fixes ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_BEGIN: Final = to_micros(datetime(2026, 2, 16, 8, tzinfo=UTC))
_TENANT: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the batches of one series are like."""

    name: str
    said: float = 1.0
    has_extras: bool = False
    duplicates: float = 0.0
    events: int = 0
    checkpoint: bool = False


CASES: Final = (
    Case(name="plain"),
    Case(name="nulls", said=0.7),
    Case(name="extras", has_extras=True),
    Case(name="events", events=20),
    Case(name="duplicates", duplicates=0.01),
    Case(name="checkpoint", checkpoint=True),
)


class Fixes:
    """Batches of a fleet that reports one after another; no fix comes twice unless it is meant to."""

    def __init__(self, keys: list[int], size: int) -> None:
        self._keys = np.array(keys, np.int64)
        self._size = size
        self._number = 0
        self._random = np.random.default_rng(1)

    def batch(self, case: Case) -> FixBatch:
        size, random = self._size, self._random
        order = np.arange(self._number * size, (self._number + 1) * size)
        self._number += 1
        batch = FixBatch.allocate(size)
        batch.vehicle[:] = self._keys[order % len(self._keys)]
        batch.time[:] = _BEGIN + order // len(self._keys) * 1_000_000
        batch.received[:] = batch.time + 300_000
        batch.lat[:], batch.lon[:] = 60 + random.random(size), 24 + random.random(size)
        for name in ("speed_mps", "heading_deg", "accuracy_m", "altitude_m"):
            getattr(batch, name)[:] = np.where(random.random(size) < case.said, random.random(size) * 30, np.nan)
        batch.satellites[:] = 9
        if case.has_extras:
            batch.extras = [b'{"ignition":true,"odometer_m":%d,"battery_v":12.6}' % row for row in range(size)]
        doubled = random.random(size) < case.duplicates
        batch.time[doubled] -= 1_000_000 * (1 + size // len(self._keys))
        return batch


async def measure(url: str, batches: int, size: int, vehicles: int) -> dict[str, Any]:
    await migrate(url)
    store = await open_store(url)
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    result: dict[str, Any] = {
        "size": size,
        "batches": batches,
        "vehicles": vehicles,
        "server": (await store.capabilities()).describe(),
    }
    try:
        await store.maintain(from_micros(_BEGIN))  # where there are native partitions, the bare COPY needs its day too
        mountings = await store.register([(_TENANT, f"van-{number}") for number in range(vehicles)], quarantine=False)
        fixes = Fixes([mounting.key for mounting in mountings], size)
        for case in CASES:
            result[case.name] = await _series(store, connection, fixes, case, batches)
            print(case.name, result[case.name])
    finally:
        await connection.close()
        await store.close()
    return result


async def _series(
    store: Store, connection: psycopg.AsyncConnection[Any], fixes: Fixes, case: Case, batches: int
) -> dict[str, float]:
    """Bare COPY and commit by turns, so that whatever else the machine does falls on both."""
    bare_s, commit_s = [], []
    for number in range(batches):
        bare = fixes.batch(Case(name="bare", said=case.said, has_extras=case.has_extras))
        stream = b"".join(encode(bare, np.ones(len(bare), np.int32), 0))
        bare_s.append(await _timed(lambda stream=stream: _bare_copy(connection, stream)))  # type: ignore[misc]
        commit = _commit(fixes.batch(case), case, number)
        commit_s.append(await _timed(lambda commit=commit: store.commit(commit)))  # type: ignore[misc]
    size = len(bare)
    return {
        "copy_fixes_per_s": round(size * batches / sum(bare_s)),
        "commit_fixes_per_s": round(size * batches / sum(commit_s)),
        "ratio_to_copy": round(sum(bare_s) / sum(commit_s), 3),
        "copy_p50_ms": _percentile(bare_s, 50),
        "commit_p50_ms": _percentile(commit_s, 50),
        "commit_p99_ms": _percentile(commit_s, 99),
    }


def _commit(batch: FixBatch, case: Case, number: int) -> Commit:
    now = from_micros(int(batch.received[-1]))
    events = [
        Event(
            id=f"{case.name}-{number}-{n}",
            type="stop.arrived",
            occurred_at=now,
            recorded_at=now,
            tenant=_TENANT,
            vehicle=f"van-{n}",
        )
        for n in range(case.events)
    ]
    states = {int(key): bytes(200) for key in np.unique(batch.vehicle)} if case.checkpoint else None
    return Commit(fixes=batch, outcome=Outcome(events=events), checkpoint_vehicles=states)


async def _bare_copy(connection: psycopg.AsyncConnection[Any], stream: bytes) -> None:
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        await copy.write(stream)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


def _percentile(seconds: list[float], percent: float) -> float:
    return round(float(np.percentile(seconds, percent)) * 1000, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="Store.commit beside a bare COPY")
    parser.add_argument("url", help="postgresql:// URL of an empty database")
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--size", type=int, default=5000)
    parser.add_argument("--vehicles", type=int, default=10_000)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.url, options.batches, options.size, options.vehicles))))


if __name__ == "__main__":
    main()
