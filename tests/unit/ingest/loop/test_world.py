"""The world is kept current in parts: what changed is loaded, what did not is the very same, and nothing is lost in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from fleet.fence import Circle, Fence
from fleet.vehicle import Vehicle
from ingest.loop.patience import Patience
from ingest.loop.world import WorldWatch
from store.memory import MemoryStore
from store.protocol import Change, Unavailable
from store.records import World
from tests.unit.ingest.loop.parts import until

FENCE = Fence(id="f1", tenant="acme", name="f", shape=Circle(lat=1, lon=2, radius_m=3))
VAN = Vehicle(id="van-1", tenant="acme", name="v", tracker="t1")


class Noted(MemoryStore):
    """Notes what is asked for; can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []
        self.is_away = False

    async def world(self, known: World | None = None, changes: Iterable[Change] = ()) -> World:
        if self.is_away:
            raise Unavailable("away")
        self.asked.append({change.kind for change in changes})
        return await super().world(known, changes)


@pytest.fixture
async def store() -> Noted:
    return Noted()


@pytest.fixture
async def watch(store: Noted) -> AsyncIterator[WorldWatch]:
    watch = WorldWatch(store, Patience(first_pause_s=0.01))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch.listen()), group.create_task(watch.load())]
        yield watch
        for task in tasks:
            task.cancel()


async def loaded(watch: WorldWatch, loads: int) -> World:
    """The world after so many loads."""
    await until(lambda: watch.loads >= loads)
    world = watch.take()
    assert world is not None
    return world


@pytest.mark.timeout(30)
async def test_a_change_of_a_fence_leaves_the_fleet_as_it_is(store: Noted, watch: WorldWatch) -> None:
    await store.vehicles.create(VAN)
    first = await watch.first()
    await store.fences.create(FENCE)
    world = await loaded(watch, 2)
    assert list(world.fences) == [FENCE]
    assert world.mountings is first.mountings
    assert store.asked[-1] == {"fence"}


@pytest.mark.timeout(30)
async def test_a_world_that_nobody_has_taken_is_gone_on_with(store: Noted, watch: WorldWatch) -> None:
    await watch.first()
    await store.fences.create(FENCE)
    await until(lambda: store.asked[-1] == {"fence"})
    await store.vehicles.create(VAN)
    world = await loaded(watch, 3)
    assert store.asked[1:] == [{"fence"}, {"vehicle"}]
    assert list(world.fences) == [FENCE]
    assert [mounting.tracker for mounting in world.mountings] == ["t1"]
    assert watch.take() is None


@pytest.mark.timeout(30)
async def test_a_change_that_comes_while_the_database_is_away_is_loaded_when_it_is_back(store: Noted, watch: WorldWatch) -> None:
    await watch.first()
    store.is_away = True
    await store.fences.create(FENCE)
    await asyncio.sleep(0.1)
    await store.vehicles.create(VAN)
    store.is_away = False
    world = await loaded(watch, 3)
    assert list(world.fences) == [FENCE]
    assert [mounting.tracker for mounting in world.mountings] == ["t1"]
