"""A worker that is fed, interrupted and killed at any point, in any order: what stands in the end is what the sorted fixes say, and
of fences and movement what the oracles say.

The world has fences, a route and rules of movement; its drives have silences, inaccurate fixes, receivers that are thrown aside or
swap latitude and longitude, and vehicles that are suddenly elsewhere for good. The store is that of the subclass; the sorted fixes
are always taken in by an own store in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fleet.clock import parse_rfc3339
from fleet.fence import Fence
from fleet.fix import Fix, FixBatch
from fleet.route import Route, Stop
from fleet.screening import Flag
from geofence.stops.engine import PREDICTED
from ingest.pipeline import PipelineSettings
from ingest.pipeline_engines import EngineSettings
from store.memory import MemoryStore
from store.protocol import Store
from tests.oracle import movement
from tests.oracle.drives import fences_along, jumping
from tests.oracle.jumps import without_wild
from tests.oracle.running import TENANT, Death, Round, SmallWorker, Standing, settle, standing_in
from tests.oracle.visits import Found, findings
from tests.unit.geofence.movement.outings import columns_of, hours, marked, outings, rules, said_of, with_hours
from tests.unit.geofence.test_against_the_oracle import agree

VAN, OTHER = "van-1", "van-2"
KINDS = ["fence.entered", "fence.crossed", "fence.dwelled", "fence.exited"]
DEATHS = [death for death in Death if death is not Death.NEVER]
#: What the passing of time says as well, which the oracle of movement knows nothing of.
SILENCE = {"vehicle.stale", "vehicle.offline", "vehicle.online"}


@st.composite
def plans(draw: st.DrawFn, fixes: list[Fix]) -> list[Route]:
    """No route, or one that leads past places of the drive in their order."""
    passed = sorted(draw(st.lists(st.integers(0, len(fixes) - 1), max_size=5, unique=True)))
    dwell_s = draw(st.sampled_from([0.0, 0.0, None, 60.0]))
    stops = tuple(
        Stop(
            id=f"stop-{seq}",
            seq=seq,
            lat=fixes[at].lat,
            lon=fixes[at].lon,
            arrival_radius_m=60.0,
            min_dwell_s=dwell_s,
            planned_arrival=fixes[at].time,
        )
        for seq, at in enumerate(passed, start=1)
    )
    return [Route(id="route", tenant=TENANT, vehicle=VAN, starts_at=fixes[0].time, stops=stops)] if stops else []


class AnyOrder(RuleBasedStateMachine):
    """`unsent` and `sent` are rows of all fixes of both vehicles, each vehicle's in order of time."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.store: Store | None = None

    async def open_store(self) -> Store:
        """An empty store."""
        raise NotImplementedError

    def drop_store(self) -> None:
        """What is left of it once it is closed."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.drives = {van: data.draw(outings(jumping()), label=van) for van in (VAN, OTHER)}
        every = [fix for fixes in self.drives.values() for fix in fixes]
        self.fences: list[Fence] = data.draw(fences_along(every), label="fences")
        self.routes = data.draw(plans(self.drives[VAN]), label="routes")
        self.hours = data.draw(hours(), label="hours")
        self.movement = with_hours(data.draw(rules(), label="rules"), self.hours)
        self.until: datetime = max(fix.time for fix in every) + timedelta(hours=1)
        self.seed = data.draw(st.integers(0, 1 << 30), label="seed of flags")
        self._run(self._open())
        self.unsent, self.sent = list(range(len(self.fixes))), list[int]()

    async def _open(self) -> None:
        self.store = await self.open_store()
        self.worker, self.fixes = await self._prepare(self.store)
        # What screening flags depends on the order of coming in: here it is anything.
        self.fixes.flags[:] = np.random.default_rng(self.seed).choice([0, int(Flag.TELEPORT), int(Flag.SWAPPED)], len(self.fixes))

    async def _prepare(self, store: Store) -> tuple[SmallWorker, FixBatch]:
        keys = await settle(store, self.fences, [VAN, OTHER])
        await store.import_routes(self.routes)
        engines = EngineSettings(movement=self.movement)
        worker = SmallWorker(store, PipelineSettings(engines=engines, anchor_interval_s=600.0))
        await worker.start()
        return worker, FixBatch.concatenate([columns_of(fixes, keys[van]) for van, fixes in self.drives.items()])

    @precondition(lambda self: self.unsent)
    @rule(
        at=st.integers(0, 1 << 30),
        count=st.integers(1, 60),
        death=st.sampled_from([Death.NEVER, Death.NEVER, Death.NEVER, *DEATHS]),
        saves=st.booleans(),
        ticks=st.booleans(),
    )
    def send(self, at: int, count: int, death: Death, saves: bool, ticks: bool) -> None:
        """A block from anywhere; where the worker dies it comes again."""
        start = at % len(self.unsent)
        rows, self.unsent[start : start + count] = self.unsent[start : start + count], []
        self.sent += rows
        self._deliver(rows, death=death, saves=saves, ticks=ticks)

    @precondition(lambda self: self.unsent)
    @rule(random=st.randoms(use_true_random=False), count=st.integers(1, 60), saves=st.booleans())
    def send_scattered(self, random: Any, count: int, saves: bool) -> None:
        """Single fixes of the whole drive, in no order."""
        rows = random.sample(self.unsent, min(count, len(self.unsent)))
        self.unsent = [row for row in self.unsent if row not in set(rows)]
        self.sent += rows
        self._deliver(rows, saves=saves)

    @precondition(lambda self: self.sent)
    @rule(at=st.integers(0, 1 << 30), count=st.integers(1, 60), death=st.sampled_from(Death))
    def send_again(self, at: int, count: int, death: Death) -> None:
        start = at % len(self.sent)
        self._deliver(self.sent[start : start + count], death=death)

    @rule(saves=st.booleans())
    def let_time_pass(self, saves: bool) -> None:
        """The worker ticks without a fix."""
        self._deliver([], ticks=True, saves=saves)

    @rule()
    def restart(self) -> None:
        self._run(self.worker.start())

    def teardown(self) -> None:
        try:
            if self.store is not None:
                self._run(self._end(self.store))
        finally:
            self._runner.close()
            self.drop_store()

    async def _end(self, store: Store) -> None:
        try:
            await self.worker.run([Round(batch=self._rows(self.unsent))])
            await self.worker.finish(self.until)
            self._judge(await standing_in(store), await self._sorted())
        finally:
            await store.close()

    def _judge(self, standing: Standing, expected: Standing) -> None:
        assert material(standing) == material(expected)
        assert standing.visits == expected.visits
        for van, fixes in self.drives.items():
            told = fences_told(standing, van)
            for fence, found in findings(without_wild(fixes), self.fences, until=self.until).items():
                agree(in_order(told.get(fence, [])), in_order(found))
            plain = movement.findings(marked(fixes), self.movement, self.hours)
            assert moves(moves_told(standing, van)) == moves(plain)

    async def _sorted(self) -> Standing:
        """All fixes at once on a store of its own."""
        store = MemoryStore()
        worker, fixes = await self._prepare(store)
        await worker.run([Round(batch=fixes)])
        await worker.finish(self.until)
        return await standing_in(store)

    def _deliver(self, rows: list[int], *, death: Death = Death.NEVER, saves: bool = False, ticks: bool = False) -> None:
        self._run(self.worker.run([Round(batch=self._rows(rows), dies=death, saves=saves, ticks=ticks)]))

    def _rows(self, rows: list[int]) -> FixBatch:
        return self.fixes.take(np.array(rows, np.int64))

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)


def material(standing: Standing) -> set[tuple[str, str, datetime, bytes]]:
    """Forecasts apart: they were right to be made with what was known."""
    return {one for one in standing.sayings if one[1] not in PREDICTED}


def moves_told(standing: Standing, van: str) -> list[movement.Found]:
    """What stands about movement, in the oracle's words."""
    return [
        movement.Found(kind=kind, at=at, data=said_of(orjson.loads(said)))
        for vehicle, kind, at, said in standing.sayings
        if vehicle == van and kind.startswith("vehicle.")
    ]


def moves(found: Sequence[movement.Found]) -> list[movement.Found]:
    return sorted((one for one in found if one.kind not in SILENCE), key=lambda one: (one.at, one.kind, repr(one.data)))


def fences_told(standing: Standing, van: str) -> dict[str, list[Found]]:
    """What stands about fences, in the oracle's words."""
    result: dict[str, list[Found]] = {}
    for vehicle, kind, at, said in standing.sayings:
        if vehicle == van and kind.startswith("fence."):
            data = orjson.loads(said)
            entered_at = parse_rfc3339(data["entered_at"]) if "entered_at" in data else at
            exited_at = parse_rfc3339(data["exited_at"]) if "exited_at" in data else None
            found = Found(
                kind=kind,
                at=at,
                entered_at=entered_at,
                exited_at=exited_at,
                reason=data.get("reason"),
                end_uncertain=data.get("end_uncertain"),
            )
            result.setdefault(data["fence"], []).append(found)
    return result


def in_order(found: list[Found]) -> list[Found]:
    """By the visit or pass that it belongs to, then by kind."""
    return sorted(found, key=lambda one: (one.entered_at or one.at, KINDS.index(one.kind)))
