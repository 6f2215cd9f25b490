"""Vehicles, trackers, and which tracker is mounted on which vehicle."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fleet.vehicle import Mounting, Tracker, TrackerStatus, Vehicle
from store.protocol import NotFound, Rejected, Store
from tests.integration.store.builders import TENANT, Builder
from tests.integration.store.conftest import Stores


async def test_strangers_get_a_vehicle_of_the_same_id_each(store: Store) -> None:
    found = await store.register([(TENANT, "t2"), ("other", "t1"), (TENANT, "t1"), (TENANT, "t2")], quarantine=False)
    assert [(each.tenant, each.tracker, each.vehicle, each.status) for each in found] == [
        (TENANT, "t2", "t2", TrackerStatus.ACTIVE),
        ("other", "t1", "t1", TrackerStatus.ACTIVE),
        (TENANT, "t1", "t1", TrackerStatus.ACTIVE),
        (TENANT, "t2", "t2", TrackerStatus.ACTIVE),
    ]
    assert len({each.key for each in found}) == 3
    assert found[0] == found[3]
    assert await store.register([(TENANT, "t1")], quarantine=True) == [found[2]]
    vehicle = await store.vehicles.get(TENANT, "t2")
    assert (vehicle.name, vehicle.tracker) == ("t2", "t2")
    assert sorted((await store.world()).mountings, key=lambda each: each.key) == sorted(set(found), key=lambda each: each.key)
    assert await store.register([], quarantine=False) == []


async def test_quarantined_strangers_have_no_vehicle(store: Store) -> None:
    (found,) = await store.register([(TENANT, "t1")], quarantine=True)
    assert found == Mounting(tenant=TENANT, tracker="t1", status=TrackerStatus.QUARANTINED)
    assert await store.vehicles.list(None, limit=9) == []
    assert [tracker.id for tracker in await store.trackers.list(TENANT, limit=9, status="quarantined")] == ["t1"]
    await store.vehicles.create(Vehicle(id="van-1", tenant=TENANT, name="van"))
    kept = await store.trackers.get(TENANT, "t1")
    await store.trackers.replace(replace(kept, status=TrackerStatus.ACTIVE, vehicle="van-1"))
    (let_in,) = await store.register([(TENANT, "t1")], quarantine=True)
    assert (let_in.vehicle, let_in.status, let_in.key > 0) == ("van-1", TrackerStatus.ACTIVE, True)


async def test_a_stranger_that_calls_itself_like_an_equipped_vehicle_is_quarantined(store: Store) -> None:
    await store.vehicles.create(Vehicle(id="van-1", tenant=TENANT, name="van", tracker="t1"))
    await store.vehicles.create(Vehicle(id="van-2", tenant=TENANT, name="van"))
    impostor, welcome = await store.register([(TENANT, "van-1"), (TENANT, "van-2")], quarantine=False)
    assert (impostor.status, impostor.key) == (TrackerStatus.QUARANTINED, 0)
    assert (welcome.status, welcome.vehicle) == (TrackerStatus.ACTIVE, "van-2")
    assert (await store.vehicles.get(TENANT, "van-1")).tracker == "t1"


async def test_a_tracker_that_is_mounted_elsewhere_leaves_where_it_was(store: Store) -> None:
    one = await store.vehicles.create(Vehicle(id="one", tenant=TENANT, name="one", tracker="t1"))
    assert one.created_at is not None
    two = await store.vehicles.create(Vehicle(id="two", tenant=TENANT, name="two", tracker="t2"))
    await store.vehicles.replace(replace(two, tracker="t1"))
    assert (await store.vehicles.get(TENANT, "one")).tracker is None
    assert (await store.trackers.get(TENANT, "t1")).vehicle == "two"
    assert (await store.trackers.get(TENANT, "t2")).vehicle is None
    tracker = await store.trackers.get(TENANT, "t2")
    await store.trackers.replace(replace(tracker, vehicle="two"))
    assert (await store.vehicles.get(TENANT, "two")).tracker == "t2"
    await store.vehicles.replace(replace(two, tracker=None, name="2"))
    assert await store.vehicles.get(TENANT, "two") == replace(two, tracker=None, name="2")
    await store.trackers.replace(replace(tracker, vehicle="one"))
    await store.trackers.replace(replace(tracker, vehicle=None))
    assert (await store.vehicles.get(TENANT, "one")).tracker is None


async def test_a_tracker_must_not_be_mounted_on_nothing(store: Store) -> None:
    with pytest.raises(NotFound, match="no vehicle 'nowhere'"):
        await store.trackers.create(Tracker(id="t1", tenant=TENANT, vehicle="nowhere"))
    with pytest.raises(NotFound, match="no tracker 't1'"):
        await store.trackers.get(TENANT, "t1")


async def test_a_tracker_outlives_its_vehicle_and_a_vehicle_its_tracker(store: Store) -> None:
    await store.register([(TENANT, "t1"), (TENANT, "t2")], quarantine=False)
    await store.vehicles.delete(TENANT, "t1")
    assert (await store.trackers.get(TENANT, "t1")).vehicle is None
    (again,) = await store.register([(TENANT, "t1")], quarantine=False)
    assert again == Mounting(tenant=TENANT, tracker="t1", status=TrackerStatus.ACTIVE)
    await store.trackers.delete(TENANT, "t2")
    assert (await store.vehicles.get(TENANT, "t2")).tracker is None
    (back,) = await store.register([(TENANT, "t2")], quarantine=False)
    assert back.vehicle == "t2"


async def test_a_vehicle_that_comes_back_has_a_new_key(store: Store, build: Builder) -> None:
    (before,) = await build.keys("t1")
    await store.vehicles.delete(TENANT, "t1")
    await store.trackers.delete(TENANT, "t1")
    (after,) = await build.keys("t1")
    assert after != before


async def test_names_that_could_be_no_topic_level_are_refused(store: Store) -> None:
    for tenant in ("", "a/b"):
        with pytest.raises(Rejected, match="no name of a tenant"):
            await store.register([(tenant, "t1")], quarantine=False)
    with pytest.raises(Rejected):
        await store.register([(TENANT, "t\0")], quarantine=False)
    with pytest.raises(Rejected):
        await store.register([("a\0", "t1")], quarantine=False)


async def test_two_processes_that_meet_the_same_strangers_agree(stores: Stores) -> None:
    first, second = await stores.open(), await stores.open()
    strangers = [(f"tenant-{n % 3}", f"t{n}") for n in range(200)]
    for _ in range(3):
        found, again, reversed_ = await asyncio.gather(
            first.register(strangers, quarantine=False),
            second.register(strangers, quarantine=False),
            second.register(strangers[::-1], quarantine=False),
        )
        assert found == again == reversed_[::-1]
        assert all(each.key for each in found)
        strangers = [(tenant, f"{ident}x") for tenant, ident in strangers]
    assert len(await first.vehicles.list(None, limit=10_000)) == 600


async def test_two_who_mount_the_same_tracker_do_not_both_keep_it(stores: Stores) -> None:
    first, second = await stores.open(), await stores.open()
    vans = [await first.vehicles.create(Vehicle(id=f"van-{n}", tenant=TENANT, name="van")) for n in range(8)]
    await asyncio.gather(
        *((first, second)[n % 2].vehicles.replace(replace(van, tracker="t1")) for n, van in enumerate(vans)),
        *((first, second)[n % 2].trackers.create(Tracker(id=f"x{n}", tenant=TENANT, vehicle="van-0")) for n in range(4)),
    )
    carrying = [van.id for van in await first.vehicles.list(TENANT, limit=99) if van.tracker == "t1"]
    mounted_on = (await first.trackers.get(TENANT, "t1")).vehicle
    assert carrying == ([mounted_on] if mounted_on else [])


async def test_a_large_fleet_is_registered_in_bulk_beside_what_came_just_before(store: Store) -> None:
    """In tables that have grown since anybody looked at their sizes; the database's own time limit would end a slow plan."""
    first = [(TENANT, f"early-{number}") for number in range(8_000)]
    later = [(TENANT, f"late-{number}") for number in range(20_000)]
    for start in range(0, len(first), 2_000):
        await store.register(first[start : start + 2_000], quarantine=False)
    found = await store.register(later, quarantine=False)
    assert [(mounting.tenant, mounting.tracker, mounting.vehicle) for mounting in found] == [(*pair, pair[1]) for pair in later]
    assert len({mounting.key for mounting in found}) == len(later)
