"""A world of which only the parts are loaded that changes may have touched is the world as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from fleet.fence import Circle, Fence, FenceSettings
from fleet.fence_group import FenceGroup
from fleet.movement_rules import MovementRules
from fleet.screen_settings import ScreenOverrides
from fleet.tenant import OwnSettings, Tenant
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Tracker, Vehicle
from store.protocol import Change, Store, World
from tests.integration.store.builders import TENANT, Builder, at, route
from tests.integration.store.conftest import Stores

FENCE = Fence(id="f1", tenant=TENANT, name="f", shape=Circle(lat=1, lon=2, radius_m=3))
VAN = Vehicle(id="van-1", tenant=TENANT, name="v", tracker="t1")
STRICT = OwnSettings(screening=ScreenOverrides(refuse_teleports=True), movement=MovementRules(speed_limit_mps=20.0))
GROUP = FenceGroup(id="g1", tenant=TENANT, name="g")


async def group_with_fence(store: Store) -> None:
    await store.fence_groups.create(GROUP)
    await store.fences.create(replace(FENCE, id="f2", groups=("g1",)))


#: What somebody does, one after the other; each changes the world.
STEPS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a fence": lambda store: store.fences.create(FENCE),
    "a fence in a group": group_with_fence,
    "settings of a group": lambda store: store.fence_groups.replace(replace(GROUP, settings=FenceSettings(exit_s=77.0))),
    "a fence that has moved": lambda store: store.fences.replace(replace(FENCE, shape=Circle(lat=2, lon=2, radius_m=3))),
    "a vehicle with a tracker": lambda store: store.vehicles.create(VAN),
    "a route": lambda store: store.routes.create(route("r1", "a", vehicle="van-1")),
    "settings of a vehicle": lambda store: store.vehicles.replace(replace(VAN, settings=STRICT)),
    "settings of a tenant": lambda store: store.tenants.replace(Tenant(id=TENANT, settings=STRICT)),
    "a tracker in place of another": lambda store: store.trackers.create(Tracker(id="t2", tenant=TENANT, vehicle="van-1")),
    "a vehicle without its tracker": lambda store: store.vehicles.replace(replace(VAN, tracker=None)),
    "a plan with a vehicle that nobody knew": lambda store: store.import_routes([route("r2", "b", vehicle="new")]),
    "a tracker less": lambda store: store.trackers.delete(TENANT, "t1"),
    "a route less": lambda store: store.routes.delete(TENANT, "r2"),
    "a vehicle less": lambda store: store.vehicles.delete(TENANT, "van-1"),
    "a vehicle of the same name": lambda store: store.vehicles.create(replace(VAN, tracker="t2")),
    "a fence less": lambda store: store.fences.delete(TENANT, "f1"),
}


def comparable(world: World) -> dict[str, object]:
    return {one.name: getattr(world, one.name) for one in fields(World)} | {"mountings": list(world.mountings)}


async def test_after_each_change_the_parts_are_the_whole(stores: Stores) -> None:
    follower, editor = await stores.open(), await stores.open()
    changes = follower.changes()
    assert await asyncio.wait_for(anext(changes), 20) == Change(kind="*")
    known = await follower.world()
    seen = comparable(known)
    for name, step in STEPS.items():
        await step(editor)
        # A step may be told in several changes; were one missing, the next one would not come.
        told = [await asyncio.wait_for(anext(changes), 20)]
        known = await follower.world(known, told)
        while comparable(known) != comparable(await follower.world()):
            told.append(await asyncio.wait_for(anext(changes), 20))
            known = await follower.world(known, told)
        assert comparable(known) != seen, f"{name} has changed nothing"
        seen = comparable(known)


async def test_what_was_not_touched_is_the_very_same(stores: Stores) -> None:
    store = await stores.open()
    await store.vehicles.create(VAN)
    known = await store.world()
    await store.fences.create(FENCE)
    world = await store.world(known, [Change(kind="fence", tenant=TENANT, id="f1")])
    assert list(world.fences) == [FENCE]
    same = {one.name for one in fields(World) if getattr(world, one.name) is getattr(known, one.name)}
    assert same == {one.name for one in fields(World)} - {"fences"}


@pytest.mark.parametrize("kind", ["*", "something that a later version tells of"])
async def test_everything_is_loaded_where_anything_may_have_changed(stores: Stores, kind: str) -> None:
    store = await stores.open()
    known = await store.world()
    await store.fences.create(FENCE)
    await store.vehicles.create(VAN)
    assert comparable(await store.world(known, [Change(kind=kind)])) == comparable(await store.world())


async def test_routes_bring_the_keys_of_their_vehicles(stores: Stores, build: Builder) -> None:
    (key,) = await build.keys("t1")
    store = await stores.open()
    await store.routes.create(route("r1", "a", vehicle="t1"))
    assert dict((await store.world()).route_keys) == {(TENANT, "t1"): key}


async def test_clocks_are_loaded_with_trackers(stores: Stores, build: Builder) -> None:
    await build.keys("t1")
    store = await stores.open()
    known = await store.world()
    clock = TrackerClock(tenant=TENANT, tracker="t1", offset_s=3600, since=at(0), until=None, found_at=at(0) + timedelta(1))
    await build.commit(clocks=[clock])
    assert (await store.world(known, [Change(kind="tracker", tenant=TENANT, id="t1")])).clocks == [clock]
