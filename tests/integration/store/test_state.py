"""Checkpoints, anchors and newest positions: what a restarted worker and a screen begin with."""

from __future__ import annotations

import numpy as np
import pytest

from fleet.clock import to_micros
from fleet.fix import NO_VEHICLE
from fleet.outcome import RouteState
from fleet.route import RouteStatus
from fleet.screening import ELSEWHERE, Flag
from fleet.vehicle import Vehicle
from store.protocol import Anchor, LatestPosition, Store
from tests.checkpoints import whole_checkpoint
from tests.integration.store.builders import TENANT, Builder, at, fixes, route
from tests.integration.store.conftest import Stores


async def test_a_checkpoint_holds_the_newest_state_of_every_vehicle(stores: Stores, build: Builder) -> None:
    assert await whole_checkpoint(build.store) is None
    first, second = await build.keys("t1", "t2")
    await build.commit(fixes([(first, at(0))]), checkpoint={first: b"one", second: b"two\0\xff"})
    committed = await build.commit(fixes([(first, at(1))]), checkpoint={first: b"three"})
    await build.commit(fixes([(first, at(2))]))
    checkpoint = await whole_checkpoint(await stores.open())
    assert checkpoint is not None
    assert (checkpoint.batch, dict(checkpoint.vehicles)) == (committed.batch, {first: b"three", second: b"two\0\xff"})


async def test_after_a_checkpoint_the_later_batches_and_only_those_are_read_again(stores: Stores, build: Builder) -> None:
    (key,) = await build.keys("t1")
    for second in range(4):
        await build.commit(fixes([(key, at(second))]), checkpoint={key: b"s"} if second == 1 else None)
    restarted = await stores.open()
    checkpoint = await whole_checkpoint(restarted)
    assert checkpoint is not None
    later = [batch async for batch in restarted.fixes_after(checkpoint.batch)]
    assert [batch.time.tolist() for batch in later] == [fixes([(key, at(n))]).time.tolist() for n in (2, 3)]


async def test_a_checkpoint_may_come_in_slices_and_a_vehicle_that_was_saved_early_is_not_fed_twice(
    stores: Stores, build: Builder
) -> None:
    first, second, third = await build.keys("t1", "t2", "t3")
    everywhere = [first, second, third]
    begun = await build.commit(fixes([(key, at(0)) for key in everywhere]), checkpoint={first: b"one"}, checkpoint_up_to=0)
    assert await whole_checkpoint(await stores.open()) is None, "not all states include the first batch"
    middle = await build.commit(fixes([(key, at(1)) for key in everywhere]), checkpoint={second: b"two"}, checkpoint_up_to=0)
    last = await build.commit(
        fixes([(key, at(2)) for key in everywhere]), checkpoint={third: b"three"}, checkpoint_up_to=begun.batch
    )
    await build.commit(fixes([(key, at(3)) for key in everywhere]))
    restarted = await stores.open()
    checkpoint = await whole_checkpoint(restarted)
    assert checkpoint is not None
    assert checkpoint.batch == begun.batch
    assert dict(checkpoint.vehicles) == {first: b"one", second: b"two", third: b"three"}
    assert dict(checkpoint.ahead) == {second: middle.batch, third: last.batch}
    fed = [batch async for batch in restarted.fixes_after(checkpoint.batch, checkpoint.ahead)]
    seconds = [
        [(int(key), round(time / 1e6 - at(0).timestamp())) for key, time in zip(b.vehicle, b.time, strict=True)] for b in fed
    ]
    assert seconds == [[(first, 1)], [(first, 2), (second, 2)], [(first, 3), (second, 3), (third, 3)]]


async def test_a_checkpoint_never_goes_back(stores: Stores, build: Builder) -> None:
    (key,) = await build.keys("t1")
    early = await build.commit(fixes([(key, at(0))]))
    late = await build.commit(fixes([(key, at(1))]), checkpoint={key: b"new"})
    await build.commit(checkpoint={}, checkpoint_up_to=early.batch)
    checkpoint = await whole_checkpoint(await stores.open())
    assert checkpoint is not None
    assert checkpoint.batch == late.batch


async def test_what_was_learned_from_all_vehicles_comes_back_and_upkeep_leaves_it(stores: Stores, build: Builder) -> None:
    await build.commit(checkpoint={NO_VEHICLE: b"lessons"})
    await build.store.maintain(at(0))
    checkpoint = await whole_checkpoint(await stores.open())
    assert checkpoint is not None
    assert dict(checkpoint.vehicles) == {NO_VEHICLE: b"lessons"}


async def test_the_newest_anchor_before_an_instant_is_found(store: Store, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    await build.commit(anchors=[Anchor(key=first, time=at(n), state=b"%d" % n) for n in (0, 60, 120)])
    await build.commit(anchors=[Anchor(key=second, time=at(50), state=b"other")])
    assert await store.anchor_before(first, at(61)) == (at(60), b"60")
    assert await store.anchor_before(first, at(60)) == (at(0), b"0")
    assert await store.anchor_before(first, at(0)) is None
    assert await store.anchor_before(99, at(0)) is None


async def test_anchors_that_know_nothing_of_a_late_fix_go_before_new_ones_come(store: Store, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    await build.commit(anchors=[Anchor(key=key, time=at(n), state=b"old") for key in (first, second) for n in (0, 60, 120)])
    await build.commit(stale_anchors={first: at(60)}, anchors=[Anchor(key=first, time=at(60), state=b"new")])
    assert await store.anchor_before(first, at(999)) == (at(60), b"new")
    assert await store.anchor_before(first, at(60)) == (at(0), b"old")
    assert await store.anchor_before(second, at(999)) == (at(120), b"old")


async def _places(store: Store, tenant: str | None = None) -> dict[str, tuple[float, float]]:
    return {found.vehicle: (found.lat, (found.time - at(0)).total_seconds()) for found in await store.positions(tenant)}


async def test_a_position_is_the_newest_by_time_whatever_came_last(stores: Stores, build: Builder) -> None:
    first, second = await build.keys("t1", "t2")
    await build.keys("silent")
    await build.commit(fixes([(first, at(10)), (second, at(5))], lat=[1, 2]))
    await build.commit(fixes([(first, at(3)), (second, at(6))], lat=[3, 4]))
    expected = {"t1": (1, 10), "t2": (4, 6)}
    assert await _places(build.store) == expected
    assert await _places(await stores.open()) == expected


async def test_positions_are_exact_before_at_and_after_checkpoints_and_restarts(stores: Stores, build: Builder) -> None:
    keys = await build.keys("t1", "t2", "t3")
    random = np.random.default_rng(3)
    newest: dict[str, tuple[float, float]] = {}
    worker = build
    for step in range(24):
        rows = [(n, int(random.integers(0, 1000))) for n in random.integers(0, 3, 4).tolist()]
        lat = [round(float(value), 6) for value in random.random(4)]
        await worker.commit(fixes([(keys[n], at(second)) for n, second in rows], lat=lat), checkpoint={} if step % 5 == 4 else None)
        for (n, second), value in zip(rows, lat, strict=True):
            if second > newest.get(f"t{n + 1}", (0, -1))[1]:
                newest[f"t{n + 1}"] = (value, second)
        assert await _places(worker.store) == newest
        if step % 7 == 6:
            worker = Builder(await stores.open())


async def test_positions_are_exact_while_a_checkpoint_comes_in_slices(stores: Stores, build: Builder) -> None:
    names = [f"t{n}" for n in range(5)]
    keys = await build.keys(*names)
    random = np.random.default_rng(11)
    newest: dict[str, tuple[float, float]] = {}
    worker, begun = build, 0
    for step in range(30):
        rows = [(n, int(random.integers(0, 1000))) for n in random.integers(0, 5, 4).tolist()]
        lat = [round(float(value), 6) for value in random.random(4)]
        # A round goes through the vehicles, one with each commit; with the last its mark is where it began.
        saved = {keys[step % 5]: b"s"}
        up_to = begun if step % 5 == 4 else 0
        committed = await worker.commit(
            fixes([(keys[n], at(second)) for n, second in rows], lat=lat), checkpoint=saved, checkpoint_up_to=up_to
        )
        begun = committed.batch if step % 5 == 0 else begun
        for (n, second), value in zip(rows, lat, strict=True):
            if second > newest.get(names[n], (0, -1))[1]:
                newest[names[n]] = (value, second)
        assert await _places(worker.store) == newest
        if step % 7 == 6:
            worker = Builder(await stores.open())


async def test_a_jump_and_swapped_coordinates_do_not_move_a_vehicle(stores: Stores, build: Builder) -> None:
    assert int(ELSEWHERE) == 129  # as the queries have it
    first, second, third = await build.keys("t1", "t2", "t3")
    flags = [0, Flag.TELEPORT, Flag.STATIC_DRIFT, Flag.SWAPPED, Flag.SWAPPED]
    rows = [(first, at(10)), (first, at(20)), (second, at(10)), (second, at(20)), (third, at(10))]
    await build.commit(fixes(rows, lat=[1, 2, 3, 4, 5], flags=flags))
    expected: dict[str, tuple[float, float]] = {"t1": (1, 10), "t2": (3, 10)}
    assert await _places(build.store) == expected
    worker = Builder(await stores.open())
    assert await _places(worker.store) == expected
    await worker.commit(fixes([(first, at(30))], lat=[6], flags=[Flag.TELEPORT | Flag.INACCURATE]), checkpoint={first: b"state"})
    assert await _places(worker.store) == expected
    await worker.commit(fixes([(first, at(40))], lat=[7]))
    assert await _places(await stores.open()) == expected | {"t1": (7, 40)}


async def test_a_duplicate_does_not_move_a_vehicle(stores: Stores, build: Builder) -> None:
    """The fix that was stored first is the one that counts, also after a restart and a checkpoint."""
    (key,) = await build.keys("t1")
    await build.commit(fixes([(key, at(10))], lat=[1]))
    worker = Builder(await stores.open())
    await worker.commit(fixes([(key, at(10)), (key, at(3))], lat=[2, 3]), checkpoint={})
    assert await _places(worker.store) == {"t1": (1, 10)}


async def test_a_position_says_whose_it_is_and_on_which_route(store: Store, build: Builder) -> None:
    await store.vehicles.create(Vehicle(id="van-1", tenant=TENANT, name="The red one", tracker="t1"))
    (key,) = await build.keys("t1")
    (other,) = await build.keys("t1", tenant="other")
    await store.routes.create(route("r1", "a"))
    await store.routes.create(route("r2", "b"))
    under_way = RouteState(tenant=TENANT, vehicle="van-1", route="r2", status=RouteStatus.UNDER_WAY, changed_at=at(0))
    batch = fixes([(key, at(0)), (other, at(1))], speed_mps=[13.3, np.nan], heading_deg=[90, 0.1])
    await build.commit(batch, routes=[under_way])
    mine = LatestPosition(
        tenant=TENANT, vehicle="van-1", name="The red one", time=at(0), lat=60, lon=24, speed_mps=13.3, heading_deg=90, route="r2"
    )
    theirs = LatestPosition(tenant="other", vehicle="t1", name="t1", time=at(1), lat=60.001, lon=24, heading_deg=0.1)
    assert await store.positions(None) == [mine, theirs]
    assert await store.positions(TENANT) == [mine]
    assert await store.positions("nobody") == []


async def test_a_deleted_vehicle_has_no_position_and_no_state(store: Store, build: Builder) -> None:
    (key,) = await build.keys("t1")
    await build.commit(fixes([(key, at(0))]), checkpoint={key: b"s"})
    await store.vehicles.delete(TENANT, "t1")
    assert await store.positions(None) == []
    again = await store.vehicles.create(Vehicle(id="t1", tenant=TENANT, name="another"))
    assert again.tracker is None
    assert await store.positions(None) == []
    assert await store.fixes(TENANT, "t1", at(-9), at(9), limit=9) == []


@pytest.mark.parametrize("size", [0, 1, 3000])
async def test_checkpoints_of_any_size_come_back(stores: Stores, build: Builder, size: int) -> None:
    keys = await build.keys(*(f"t{n}" for n in range(size)))
    await build.commit(checkpoint={key: key.to_bytes(8, "big") for key in keys})
    checkpoint = await whole_checkpoint(await stores.open())
    assert checkpoint is not None
    assert dict(checkpoint.vehicles) == {key: key.to_bytes(8, "big") for key in keys}


async def test_whereabouts_are_those_of_the_newest_fixes_of_all_vehicles_by_key(stores: Stores, build: Builder) -> None:
    first, second, third = await build.keys("t1", "t2", "t3")
    await build.commit(fixes([(first, at(0)), (second, at(5))], lat=[50.0, 51.0]), checkpoint={first: b"one", second: b"two"})
    later = [(first, at(9)), (second, at(2)), (second, at(8))]
    await build.commit(fixes(later, lat=[52.0, 53.0, 54.0], flags=[0, 0, Flag.TELEPORT]))
    store = await stores.open()
    parts = [part async for part in store.whereabouts()]
    found = {
        key: (time, lat, lon)
        for part in parts
        for key, time, lat, lon in zip(part.vehicle.tolist(), part.time.tolist(), part.lat.tolist(), part.lon.tolist(), strict=True)
    }
    assert sum(len(part.vehicle) for part in parts) == len(found)
    places = {place.vehicle: (to_micros(place.time), place.lat, place.lon) for place in await store.positions(None)}
    assert found == {first: places["t1"], second: places["t2"]}
    assert found[first][:2] == (to_micros(at(9)), 52.0)
    assert third not in found
