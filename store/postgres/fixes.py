"""Fixes read back: whole batches after a checkpoint, a stretch of one vehicle's trail, the newest of each vehicle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from fleet.fix import FixBatch
from store.ahead import Ahead
from store.errors import NotFound
from store.positions import fixes_as_json, said
from store.postgres.database import Database
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants
from store.records import Checkpoint, LatestPosition, Whereabouts

_SQL: Final = Queries("fixes")
_COMMIT_SQL: Final = Queries("commit")
#: Fixes that are fetched at once when batches are read again; some 100 bytes each.
_WINDOW_FIXES: Final = 200_000
#: Batches a window where nothing is known of their size: those before the checkpoint, which nobody reads in the daily run.
_WINDOW_BATCHES: Final = 50
_ALL: Final = 2**62


@dataclass(frozen=True, slots=True)
class _Window:
    """Batches in (first, last], and the bounds in time of their fixes where they are known."""

    first: int
    last: int
    min_time: datetime | None = None
    max_time: datetime | None = None


class FixReader:
    def __init__(self, database: Database, tenants: Tenants) -> None:
        self._database = database
        self._tenants = tenants

    async def checkpoint(self) -> AsyncIterator[Checkpoint]:
        row = await self._database.fetch_one(_SQL["checkpoint_batch"])
        if row is None:
            return
        included = row[0]
        yield Checkpoint(batch=included, vehicles={})
        async for block in self._database.stream(_SQL["states"]):
            ahead = {key: batch for key, _, batch in block if batch > included}
            yield Checkpoint(batch=included, vehicles={key: state for key, state, _ in block}, ahead=ahead)

    async def after(self, batch: int, ahead: Mapping[int, int]) -> AsyncIterator[FixBatch]:
        left_out = Ahead(ahead)
        async for window in self._windows(batch):
            params = {"first": window.first, "last": window.last, "min_time": window.min_time, "max_time": window.max_time}
            for number, *columns in await self._database.fetch(_SQL.narrowed("after", params), params):
                fixes = left_out.of(number, _batch(tuple(columns)))
                if len(fixes):
                    yield fixes

    async def of_vehicle(self, key: int, start: datetime, end: datetime, limit: int = _ALL) -> FixBatch:
        row = await self._database.fetch_one(_SQL["of_vehicle"], {"key": key, "start": start, "end": end, "limit": limit})
        return FixBatch.empty() if row is None else _batch(row)

    async def of_named(self, tenant: str, vehicle: str, start: datetime, end: datetime, limit: int) -> list[Mapping[str, Any]]:
        params = {"tenant_id": await self._tenants.id(tenant), "vehicle": vehicle}
        row = await self._database.fetch_one(_SQL["vehicle_key"], params)
        if row is None:
            raise NotFound("vehicle", vehicle)
        return fixes_as_json(await self.of_vehicle(row[0], start, end, limit))

    async def anchor_before(self, key: int, time: datetime) -> tuple[datetime, bytes] | None:
        row = await self._database.fetch_one(_SQL["anchor_before"], {"key": key, "time": time})
        return None if row is None else (row[0], row[1])

    async def positions(self, tenant: str | None) -> list[LatestPosition]:
        params = {"tenant_id": await self._tenants.id(tenant), **await self._tail_bounds()}
        found: list[LatestPosition] = []
        async for block in self._database.stream(_SQL.narrowed("positions", params), params):
            found += map(_position, block)
        return found

    async def whereabouts(self) -> AsyncIterator[Whereabouts]:
        params = await self._tail_bounds()
        async for block in self._database.stream(_SQL.narrowed("whereabouts", params), params):
            vehicle, time, lat, lon = zip(*block, strict=True)
            yield Whereabouts(
                vehicle=np.array(vehicle, np.int64), time=np.array(time, np.int64), lat=np.array(lat), lon=np.array(lon)
            )

    async def _tail_bounds(self) -> dict[str, Any]:
        """Where the fixes since the checkpoint are: behind which batch, and where in time."""
        bounds = await self._database.fetch_one(_COMMIT_SQL["tail_bounds"])
        return dict(zip(("after", "min_time", "max_time"), bounds or (0, None, None), strict=True))

    async def _windows(self, after: int) -> AsyncIterator[_Window]:
        """The batches after one, in pieces of a size that fits into memory."""
        row = await self._database.fetch_one(_SQL["checkpoint_batch"])
        included = row[0] if row else 0
        noted = await self._database.fetch(_SQL["windows"], {"after": max(after, included)})
        for first in range(after, included, _WINDOW_BATCHES):
            yield _Window(first, min(first + _WINDOW_BATCHES, included))
        for window in _grouped(max(after, included), noted):
            yield window


def _grouped(after: int, noted: Iterable[tuple[Any, ...]]) -> Iterator[_Window]:
    window, size = _Window(after, after), 0
    for batch, fixes, min_time, max_time in noted:
        if size and size + fixes > _WINDOW_FIXES:
            yield window
            window, size = _Window(window.last, window.last), 0
        window = _Window(
            window.first,
            batch,
            min(min_time, window.min_time or min_time),
            max(max_time, window.max_time or max_time),
        )
        size += fixes
    if size:
        yield window


def _batch(row: tuple[Any, ...]) -> FixBatch:
    keys, times, lat, lon, speed, heading, accuracy, altitude, satellites, flags, received, extras = row
    size = len(keys)
    return FixBatch(
        vehicle=keys,
        time=times,
        lat=lat,
        lon=lon,
        speed_mps=speed,
        heading_deg=heading,
        accuracy_m=accuracy,
        altitude_m=altitude,
        satellites=satellites,
        flags=flags.astype(np.uint16),
        received=received,
        message=np.zeros(size, np.int32),
        extras=[None] * size if extras is None else [extra if extra is None else extra.encode() for extra in extras],
    )


def _position(row: tuple[Any, ...]) -> LatestPosition:
    tenant, vehicle, name, time, lat, lon, speed, heading, accuracy, route = row
    return LatestPosition(
        tenant=tenant,
        vehicle=vehicle,
        name=name,
        time=time,
        lat=lat,
        lon=lon,
        speed_mps=speed if speed is None else said(speed),
        heading_deg=heading if heading is None else said(heading),
        accuracy_m=accuracy if accuracy is None else said(accuracy),
        route=route,
    )
