"""Whoever follows the world hears of each change, from whichever process it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from fleet.fence import Circle, Fence
from fleet.vehicle import Tracker, Vehicle
from store.protocol import Change
from tests.integration.store.builders import TENANT, Builder, event, route
from tests.integration.store.conftest import Stores

T = TypeVar("T")

FENCE = Fence(id="f1", tenant=TENANT, name="f", shape=Circle(lat=1, lon=2, radius_m=3))


async def _next(items: AsyncIterator[T]) -> T:
    return await asyncio.wait_for(anext(items), 20)


async def test_the_first_thing_told_is_to_load_everything(stores: Stores) -> None:
    changes = (await stores.open()).changes()
    assert await _next(changes) == Change(kind="*")


async def test_each_change_of_the_world_is_told(stores: Stores) -> None:
    follower, editor = await stores.open(), await stores.open()
    changes = follower.changes()
    await _next(changes)

    async def told(*expected: Change) -> None:
        assert [await _next(changes) for _ in expected] == list(expected)

    await editor.fences.create(FENCE)
    await told(Change(kind="fence", tenant=TENANT, id="f1"))
    await editor.fences.replace(FENCE)
    await told(Change(kind="fence", tenant=TENANT, id="f1"))
    await editor.fences.delete(TENANT, "f1")
    await told(Change(kind="fence", tenant=TENANT, id="f1"))
    van = await editor.vehicles.create(Vehicle(id="van-1", tenant=TENANT, name="v"))
    await editor.vehicles.replace(van)
    await told(*[Change(kind="vehicle", tenant=TENANT, id="van-1")] * 2)
    await editor.trackers.create(Tracker(id="t1", tenant=TENANT, vehicle="van-1"))
    await told(Change(kind="tracker", tenant=TENANT, id="t1"))
    await editor.routes.create(route("r1", "a"))
    await editor.routes.delete(TENANT, "r1")
    await told(*[Change(kind="route", tenant=TENANT, id="r1")] * 2)
    await editor.trackers.delete(TENANT, "t1")
    await editor.vehicles.delete(TENANT, "van-1")
    await told(Change(kind="tracker", tenant=TENANT, id="t1"), Change(kind="vehicle", tenant=TENANT, id="van-1"))


async def test_an_import_is_told(stores: Stores) -> None:
    follower, editor = await stores.open(), await stores.open()
    changes = follower.changes()
    await _next(changes)
    await editor.import_routes([route(f"r{n}", f"s{n}", vehicle="new") for n in range(50)])
    kinds = set()
    while "route" not in kinds:
        kinds.add((await _next(changes)).kind)
    assert "vehicle" in kinds


async def test_an_id_that_is_too_long_for_a_notification_is_told_all_the_same(stores: Stores) -> None:
    follower, editor = await stores.open(), await stores.open()
    changes = follower.changes()
    await _next(changes)
    await editor.vehicles.create(Vehicle(id="ä" * 1200, tenant=TENANT, name="v"))
    assert (await _next(changes)).kind == "vehicle"


async def test_several_follow_and_each_hears_everything(stores: Stores) -> None:
    store = await stores.open()
    followers = [store.changes() for _ in range(3)]
    for follower in followers:
        assert await _next(follower) == Change(kind="*")
    await store.fences.create(FENCE)
    for follower in followers:
        assert (await _next(follower)).id == "f1"


async def test_new_events_wake_and_repeated_commits_without_events_do_not(stores: Stores) -> None:
    store = await stores.open()
    wakes = store.event_wakes()
    await _next(wakes)
    build = Builder(store)
    await build.commit()
    await build.commit(events=[event(1)])
    await _next(wakes)
    assert await store.last_seq() == 1


async def test_closing_the_store_ends_what_is_being_followed(stores: Stores) -> None:
    store = await stores.open()
    changes, wakes = store.changes(), store.event_wakes()
    await _next(changes)
    await _next(wakes)
    waiting = [asyncio.create_task(_rest(items)) for items in (changes, wakes)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 20) == [[], []]
    assert [change async for change in store.changes() if change.kind != "*"] == []


async def _rest(items: AsyncIterator[object]) -> list[object]:
    return [item async for item in items]
