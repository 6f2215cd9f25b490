"""Routes and the import of plans."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.outcome import RouteState
from fleet.route import Route, RouteStatus, Stop, StopState, StopStatus
from fleet.vehicle import Vehicle
from store.protocol import AlreadyExists, NotFound, Rejected, StopProgress, Store
from tests.integration.store.builders import NOON, TENANT, Builder, at, eta, route


async def test_a_route_comes_back_with_all_of_its_stops_in_order(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    full = Stop(
        id="s2",
        seq=2,
        lat=60.123456789,
        lon=-24.5,
        place="p1",
        name="Käpylä",
        arrival_radius_m=75.5,
        min_dwell_s=0,
        planned_arrival=at(60),
        window_from=at(0),
        window_to=at(900),
        service_s=120,
        orders=("o1", "o,2", 'o"3'),
    )
    bare = Stop(id="s1", seq=1, lat=0, lon=180)
    planned = Route(id="r", tenant=TENANT, vehicle="van-1", starts_at=NOON, stops=(full, bare))
    in_order = replace(planned, stops=(bare, full))
    assert await store.routes.create(planned) == in_order
    assert await store.routes.get(TENANT, "r") == in_order
    assert list((await store.world()).routes) == [in_order]


async def test_a_route_needs_a_vehicle_and_stops_of_its_own(store: Store, build: Builder) -> None:
    with pytest.raises(NotFound, match="no vehicle 'van-1'"):
        await store.routes.create(route("r1", "a"))
    await build.keys("van-1")
    await store.routes.create(route("r1", "a", "b"))
    with pytest.raises(AlreadyExists, match="stop 'b' exists already"):
        await store.routes.create(route("r2", "c", "b"))
    with pytest.raises(Rejected, match="stop 'c' is given 2 times"):
        await store.routes.create(route("r2", "c", "c"))
    with pytest.raises(NotFound, match="no route 'r2'"):
        await store.routes.get(TENANT, "r2")
    with pytest.raises(NotFound, match="no vehicle 'other'"):
        await store.routes.replace(route("r1", "a", vehicle="other"))
    assert await store.routes.get(TENANT, "r1") == route("r1", "a", "b")


async def _with_states(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(route("r1", "a", "b"))
    states = [
        StopState(
            tenant=TENANT, vehicle="van-1", route="r1", stop=stop, status=StopStatus.ARRIVED, changed_at=at(1), arrived_at=at(1)
        )
        for stop in ("a", "b")
    ]
    started = RouteState(tenant=TENANT, vehicle="van-1", route="r1", status=RouteStatus.UNDER_WAY, changed_at=at(0))
    await build.commit(stops=states, etas=[eta("b", 0, 60)], routes=[started])


async def test_stops_that_stay_keep_what_became_of_them(store: Store, build: Builder) -> None:
    await _with_states(store, build)
    await store.routes.replace(route("r1", "b", "c"))
    (progress,) = await store.routes_progress(TENANT, limit=9)
    assert progress.status is RouteStatus.UNDER_WAY
    assert progress.stops == {
        "b": StopProgress(stop="b", status=StopStatus.ARRIVED, arrived_at=at(1), eta=eta("b", 0, 60)),
        "c": StopProgress(stop="c"),
    }
    await store.routes.replace(route("r1", "a", "b", "c"))
    (progress,) = await store.routes_progress(TENANT, limit=9)
    assert progress.stops["a"] == StopProgress(stop="a")


async def test_a_route_that_comes_back_begins_anew(store: Store, build: Builder) -> None:
    await _with_states(store, build)
    await store.routes.delete(TENANT, "r1")
    assert await store.routes_progress(None, limit=9) == []
    await store.routes.create(route("r1", "a", "b"))
    (progress,) = await store.routes_progress(TENANT, limit=9)
    assert progress.status is RouteStatus.PLANNED
    assert progress.stops == {"a": StopProgress(stop="a"), "b": StopProgress(stop="b")}
    assert await store.etas(TENANT, "r1") == []


async def test_a_plan_is_imported_as_a_whole_and_again(store: Store) -> None:
    plan = [route(f"r{n}", *(f"r{n}-{k}" for k in range(12)), vehicle=f"t{n % 7}") for n in range(60)]
    assert await store.import_routes(plan) == 60
    assert await store.import_routes(plan[:30]) == 30
    assert len((await store.world()).routes) == 60
    assert await store.routes.get(TENANT, "r59") == plan[59]
    assert [(van.id, van.tracker) for van in await store.vehicles.list(TENANT, limit=99)] == [(f"t{n}", f"t{n}") for n in range(7)]
    assert await store.import_routes([]) == 0


async def test_a_plan_names_trackers_and_means_the_vehicles_that_carry_them(store: Store) -> None:
    await store.vehicles.create(Vehicle(id="van-1", tenant=TENANT, name="van", tracker="t1"))
    await store.vehicles.create(Vehicle(id="van-2", tenant=TENANT, name="van"))
    await store.vehicles.create(Vehicle(id="van-3", tenant=TENANT, name="van", tracker="t3"))
    await store.import_routes(
        [route("r1", "a", vehicle="t1"), route("r2", "b", vehicle="van-2"), route("r3", "c", vehicle="van-3")]
    )
    assert [each.vehicle for each in await store.routes.list(TENANT, limit=9)] == ["van-1", "van-2", "van-3"]
    assert [van.tracker for van in await store.vehicles.list(TENANT, limit=9)] == ["t1", "van-2", "t3"]


async def test_an_import_that_cannot_be_leaves_nothing_behind(store: Store, build: Builder) -> None:
    await build.keys("van-1")
    await store.routes.create(route("r1", "a"))
    with pytest.raises(AlreadyExists, match="stop 'a' exists already"):
        await store.import_routes([route("r2", "b", vehicle="new"), route("r3", "a", vehicle="new")])
    with pytest.raises(Rejected, match="route 'r2' is given 2 times"):
        await store.import_routes([route("r2", "b"), route("r2", "c")])
    with pytest.raises(Rejected, match="stop 'b' is given 2 times"):
        await store.import_routes([route("r2", "b"), route("r3", "b")])
    assert [each.id for each in await store.routes.list(None, limit=9)] == ["r1"]
    assert [van.id for van in await store.vehicles.list(None, limit=9)] == ["van-1"]


async def test_a_stop_may_move_to_another_route_of_the_same_import(store: Store) -> None:
    await store.import_routes([route("r1", "a", "b"), route("r2", "c")])
    await store.import_routes([route("r1", "a"), route("r2", "b", "c")])
    assert [[stop.id for stop in each.stops] for each in await store.routes.list(TENANT, limit=9)] == [["a"], ["b", "c"]]


async def test_progress_is_read_by_route_and_vehicle_and_page(store: Store) -> None:
    await store.import_routes([route(f"r{n}", f"s{n}", vehicle=f"t{n % 2}") for n in range(5)])

    async def seen(tenant: str | None = TENANT, limit: int = 9, **filters: object) -> list[str]:
        found = await store.routes_progress(tenant, limit=limit, **filters)  # type: ignore[arg-type]
        return [each.route.id for each in found]

    assert await seen() == ["r0", "r1", "r2", "r3", "r4"]
    assert await seen(routes=["r3", "r1", "r9"]) == ["r1", "r3"]
    assert await seen(vehicle="t1") == ["r1", "r3"]
    assert await seen(limit=2, after="r1") == ["r2", "r3"]
    assert await seen(None, limit=2, after=f"{TENANT}/r3") == ["r4"]
    assert await seen("nobody") == []
