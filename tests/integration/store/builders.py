"""Short ways to write down fixes, findings and things in the store's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from fleet.clock import from_micros, to_micros
from fleet.etas import Etas
from fleet.event import Event, event_id
from fleet.fix import FixBatch
from fleet.message import DeadLetter
from fleet.outcome import Outcome
from fleet.route import Eta, Route, Stop
from fleet.screening import Reason
from fleet.visit import Visit
from store.protocol import Commit, Committed, Store

TENANT = "acme"
NOON = datetime(2026, 2, 16, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


def fixes(rows: Sequence[tuple[int, datetime]], **columns: Sequence[Any]) -> FixBatch:
    """A batch of (vehicle key, time); other columns by name, the place tells the rows apart."""
    batch = FixBatch.allocate(len(rows))
    batch.vehicle[:] = [key for key, _ in rows]
    batch.time[:] = [to_micros(time) for _, time in rows]
    batch.received[:] = batch.time + 1_000_000
    batch.lat[:] = 60 + np.arange(len(rows)) / 1000
    batch.lon[:] = 24
    for name, values in columns.items():
        if name == "extras":
            batch.extras = list(values)
        else:
            getattr(batch, name)[:] = values
    return batch


def event(number: int, *, type_: str = "stop.arrived", tenant: str = TENANT, vehicle: str = "van-1", **data: Any) -> Event:
    occurred = at(number)
    return Event(
        id=event_id(type_, tenant, vehicle, occurred, str(number)),
        type=type_,
        occurred_at=occurred,
        recorded_at=occurred + timedelta(seconds=1),
        tenant=tenant,
        vehicle=vehicle,
        data=data,
    )


def visit(number: int, *, vehicle: str = "van-1", fence: str = "depot", tenant: str = TENANT, **fields: Any) -> Visit:
    return Visit(id=f"visit-{number}", tenant=tenant, vehicle=vehicle, fence=fence, entered_at=at(number), **fields)


def eta(stop: str, made_s: float, due_s: float, *, route: str = "r1", vehicle: str = "van-1") -> Eta:
    return Eta(
        at=at(made_s),
        tenant=TENANT,
        vehicle=vehicle,
        route=route,
        stop=stop,
        p10=at(due_s - 60),
        p50=at(due_s),
        p90=at(due_s + 120),
        shown=at(due_s - 20),
    )


def route(name: str = "r1", *stops: str, vehicle: str = "van-1", tenant: str = TENANT) -> Route:
    return Route(
        id=name,
        tenant=tenant,
        vehicle=vehicle,
        starts_at=NOON,
        stops=tuple(Stop(id=stop, seq=number, lat=60.1, lon=24.9 + number / 100) for number, stop in enumerate(stops)),
    )


def dead_letter(payload: bytes = b"{", *, received_s: float = 0, **fields: Any) -> DeadLetter:
    return DeadLetter(
        **{
            "received_at": at(received_s),
            "topic": "fleet/acme/t1/fix",
            "payload": payload,
            "payload_bytes": len(payload),
            "reason": Reason.INVALID_JSON,
            "detail": "cut off",
            "tenant": TENANT,
            "tracker": "t1",
            **fields,
        }
    )


def as_rows(batch: FixBatch) -> list[tuple[Any, ...]]:
    """The fixes as comparable tuples, in order of vehicle and time. What jsonb may change of extras is not compared."""
    columns = (
        batch.vehicle.tolist(),
        map(from_micros, batch.time.tolist()),
        batch.lat.tolist(),
        batch.lon.tolist(),
        *([None if np.isnan(value) else value for value in getattr(batch, name).tolist()] for name in _FLOATS),
        batch.satellites.tolist(),
        batch.flags.tolist(),
        map(from_micros, batch.received.tolist()),
        (None if extra is None else orjson.dumps(orjson.loads(extra), option=orjson.OPT_SORT_KEYS) for extra in batch.extras),
    )
    return sorted(zip(*columns, strict=True), key=lambda row: row[:2])


_FLOATS = ("speed_mps", "heading_deg", "accuracy_m", "altitude_m")


async def all_rows(store: Store) -> list[tuple[Any, ...]]:
    """Every fix that the store holds."""
    return as_rows(FixBatch.concatenate([batch async for batch in store.fixes_after(0)]))


class Builder:
    """Writes into a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def keys(self, *trackers: str, tenant: str = TENANT) -> list[int]:
        """The keys of the vehicles that carry these trackers, registered as needed."""
        mountings = await self.store.register([(tenant, tracker) for tracker in trackers], quarantine=False)
        return [mounting.key for mounting in mountings]

    async def commit(
        self,
        batch: FixBatch | None = None,
        *,
        events: Sequence[Event] = (),
        visits: Sequence[Visit] = (),
        etas: Sequence[Eta] = (),
        stops: Sequence[Any] = (),
        routes: Sequence[Any] = (),
        checkpoint: Mapping[int, bytes] | None = None,
        **fields: Any,
    ) -> Committed:
        outcome = Outcome(events=list(events), visits=list(visits), etas=Etas(etas), stops=list(stops), routes=list(routes))
        commit = Commit(
            fixes=FixBatch.empty() if batch is None else batch, outcome=outcome, checkpoint_vehicles=checkpoint, **fields
        )
        return await self.store.commit(commit)
