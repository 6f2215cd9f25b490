"""What all kinds of things have in common, and what fences, orders and subscriptions keep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.errors import InvalidValue
from fleet.fence import Circle, Corridor, Fence, FenceSettings, Polygons
from fleet.route import Stop
from fleet.subscription import Subscription, SubscriptionStatus
from fleet.vehicle import Order, Tracker, TrackerStatus, Vehicle
from store.protocol import AlreadyExists, NotFound, Outdated, Rejected, Store
from tests.integration.store.builders import NOON, TENANT, at, route
from tests.integration.store.conftest import Stores

_SQUARE = ((24.0, 60.0), (25.0, 60.0), (25.0, 61.0), (24.0, 61.0), (24.0, 60.0))
_HOLE = ((24.4, 60.4), (24.6, 60.4), (24.6, 60.6), (24.4, 60.4))


def _fence(id_: str, tenant: str = TENANT) -> Fence:
    return Fence(id=id_, tenant=tenant, name=f"fence {id_}", shape=Circle(lat=60, lon=24.123456789012345, radius_m=80))


def _route(id_: str, tenant: str = TENANT) -> Any:
    return replace(route(id_, f"{id_}-a", f"{id_}-b"), tenant=tenant)


KINDS: dict[str, tuple[str, Callable[..., Any]]] = {
    "vehicle": ("vehicles", lambda id_, tenant=TENANT: Vehicle(id=id_, tenant=tenant, name="x", tags=("a", "b"))),
    "tracker": ("trackers", lambda id_, tenant=TENANT: Tracker(id=id_, tenant=tenant)),
    "fence": ("fences", _fence),
    "route": ("routes", _route),
    "order": ("orders", lambda id_, tenant=TENANT: Order(id=id_, tenant=tenant, customer="Ann", promise_from=NOON)),
    "subscription": (
        "subscriptions",
        lambda id_, tenant=TENANT: Subscription(id=id_, tenant=tenant, url="https://x", secrets=("s",)),
    ),
}


#: Something about each kind that can be changed.
CHANGED: dict[str, Callable[[Any], Any]] = {
    "vehicle": lambda item: replace(item, tracker="t"),
    "tracker": lambda item: replace(item, status=TrackerStatus.QUARANTINED),
    "fence": lambda item: replace(item, shape=Circle(lat=60, lon=24.123456789012348, radius_m=80)),
    "route": lambda item: replace(item, stops=item.stops[:1]),
    "order": lambda item: replace(item, promise_from=at(1)),
    "subscription": lambda item: replace(item, secrets=("s2", "s")),
}


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest, store: Store) -> tuple[str, Any, Callable[..., Any]]:
    name, make = KINDS[request.param]
    if request.param == "route":
        for tenant in (TENANT, "other"):
            await store.vehicles.create(Vehicle(id="van-1", tenant=tenant, name="van"))
    return request.param, getattr(store, name), make


async def test_what_was_created_is_found_until_it_is_deleted(kind: tuple[str, Any, Callable[..., Any]]) -> None:
    word, repository, make = kind
    created = await repository.create(make("a"))
    assert replace(created, **({"created_at": None} if hasattr(created, "created_at") else {})) == make("a")
    assert getattr(created, "created_at", NOON) is not None
    assert await repository.get(TENANT, "a") == created
    with pytest.raises(AlreadyExists, match=f"{word} 'a' exists already"):
        await repository.create(make("a"))
    await repository.create(make("a", "other"))
    await repository.delete(TENANT, "a")
    for missing in (repository.get(TENANT, "a"), repository.delete(TENANT, "a"), repository.replace(make("a"))):
        with pytest.raises(NotFound, match=f"no {word} 'a'"):
            await missing
    assert (await repository.get("other", "a")).tenant == "other"
    with pytest.raises(NotFound):
        await repository.get("nobody", "a")


async def test_a_thing_is_changed_only_while_it_is_as_it_was_read(kind: tuple[str, Any, Callable[..., Any]]) -> None:
    word, repository, make = kind
    await repository.create(make("a"))
    read = await repository.get(TENANT, "a")
    other = CHANGED[word](read)
    assert await repository.replace(other, only_if=read) == other
    for late in (repository.replace(read, only_if=read), repository.delete(TENANT, "a", only_if=read)):
        with pytest.raises(Outdated, match=f"{word} 'a' was changed in the meantime"):
            await late
    assert await repository.get(TENANT, "a") == other
    await repository.delete(TENANT, "a", only_if=other)
    for gone in (repository.replace(other, only_if=other), repository.delete(TENANT, "a", only_if=other)):
        with pytest.raises(NotFound, match=f"no {word} 'a'"):
            await gone


async def test_of_writers_that_read_the_same_one_writes(stores: Stores) -> None:
    repositories = [(await stores.open()).orders for _ in range(2)]
    await repositories[0].create(Order(id="o", tenant=TENANT, customer="0"))
    for round_ in range(20):
        read = await repositories[0].get(TENANT, "o")
        wanted = [replace(read, customer=f"{round_}-{number}") for number in range(2)]
        results = await asyncio.gather(
            *(one.replace(item, only_if=read) for one, item in zip(repositories, wanted, strict=True)), return_exceptions=True
        )
        written = [result for result in results if isinstance(result, Order)]
        refused = [result for result in results if isinstance(result, Outdated)]
        assert (len(written), len(refused)) == (1, 1)
        assert await repositories[0].get(TENANT, "o") == written[0]


async def test_a_tracker_that_was_moved_on_is_not_fetched_back(store: Store) -> None:
    """What is mounted on a vehicle is part of what was read of it."""
    for id_ in ("v1", "v2"):
        await store.vehicles.create(Vehicle(id=id_, tenant=TENANT, name=id_, tracker="t" if id_ == "v1" else None))
    read = await store.vehicles.get(TENANT, "v1")
    await store.vehicles.replace(replace(await store.vehicles.get(TENANT, "v2"), tracker="t"))
    with pytest.raises(Outdated):
        await store.vehicles.replace(replace(read, name="new"), only_if=read)
    assert (await store.vehicles.get(TENANT, "v2")).tracker == "t"


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_are_in_bytewise_order_and_hold_each_once(kind: tuple[str, Any, Callable[..., Any]], limit: int) -> None:
    _, repository, make = kind
    ids = ["B", "a", "a/b", "ab", "ä", "z", "Z", "10", "9", "–", "\U0001f69a"]
    for id_ in ids:
        await repository.create(make(id_))
    await repository.create(make("m", "other"))
    expected = sorted(ids, key=str.encode)
    for tenant, wanted in ((TENANT, expected), (None, [*expected, "m"]), ("nobody", [])):
        seen: list[str] = []
        after: str | None = None
        while page := await repository.list(tenant, limit=limit, after=after):
            assert len(page) <= limit
            seen += [item.id for item in page]
            after = page[-1].id if tenant else f"{page[-1].tenant}/{page[-1].id}"
        assert seen == wanted
    with pytest.raises(InvalidValue, match="cursor"):
        await repository.list(None, limit=limit, after="zzz")


async def test_filters_that_a_kind_does_not_have_are_refused(kind: tuple[str, Any, Callable[..., Any]]) -> None:
    word, repository, _ = kind
    with pytest.raises(InvalidValue, match=f"colour: a {word} has no such filter"):
        await repository.list(TENANT, limit=1, colour="red")


async def test_text_that_no_database_holds_is_refused(kind: tuple[str, Any, Callable[..., Any]]) -> None:
    _, repository, make = kind
    for bad in ("a\0b", "a\ud800"):
        with pytest.raises(Rejected):
            await repository.create(make(bad))
    assert await repository.list(None, limit=9) == []


async def test_things_are_found_by_their_filters(store: Store) -> None:
    await store.vehicles.create(Vehicle(id="v1", tenant=TENANT, name="x", tags=("cold",), tracker="t1"))
    await store.vehicles.create(Vehicle(id="v2", tenant=TENANT, name="x", tags=("cold", "big")))
    await store.trackers.create(Tracker(id="t2", tenant=TENANT, status=TrackerStatus.QUARANTINED))
    await store.fences.create(replace(_fence("f1"), tags=("depot",)))
    await store.fences.create(_fence("f2"))
    await store.orders.create(Order(id="o1", tenant=TENANT, customer="Ann", stop="s1"))
    await store.orders.create(Order(id="o2", tenant=TENANT, customer="Bob", stop="s1"))
    await store.subscriptions.create(Subscription(id="w1", tenant=TENANT, url="u", status=SubscriptionStatus.DISABLED))
    await store.routes.create(route("r1", vehicle="v1"))
    await store.routes.create(route("r2", vehicle="v2"))

    async def ids(repository: Any, **filters: str) -> list[str]:
        return [item.id for item in await repository.list(TENANT, limit=9, **filters)]

    assert await ids(store.vehicles, tag="cold") == ["v1", "v2"]
    assert await ids(store.vehicles, tag="big") == ["v2"]
    assert await ids(store.vehicles, tracker="t1") == ["v1"]
    assert await ids(store.trackers, vehicle="v1", status="active") == ["t1"]
    assert await ids(store.trackers, status="quarantined") == ["t2"]
    assert await ids(store.fences, tag="depot") == ["f1"]
    assert await ids(store.orders, stop="s1") == ["o1", "o2"]
    assert await ids(store.orders, stop="s1", customer="Bob") == ["o2"]
    assert await ids(store.subscriptions, status="active") == []
    assert await ids(store.routes, vehicle="v2") == ["r2"]
    assert await ids(store.routes, status="planned") == ["r1", "r2"]
    assert await ids(store.routes, status="done") == []


FENCES = [
    Circle(lat=-60.25, lon=179.99, radius_m=0.5),
    Corridor(line=((24.0, 60.0), (24.1, 60.1), (24.2, 60.0)), radius_m=25),
    Polygons(polygons=((_SQUARE,),)),
    Polygons(polygons=((_SQUARE, _HOLE),)),
    Polygons(polygons=((_SQUARE, _HOLE), (_HOLE,))),
]


@pytest.mark.parametrize("shape", FENCES, ids=["circle", "corridor", "polygon", "with a hole", "several"])
async def test_a_fence_keeps_its_shape_and_its_settings(store: Store, shape: Any) -> None:
    fence = Fence(
        id="f",
        tenant=TENANT,
        name="Käpylä – depot",
        shape=shape,
        dwell_s=300,
        settings=FenceSettings(confirm_fixes=3, exit_s=60.5),
        calendar="BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        min_altitude_m=-3,
        max_altitude_m=120.5,
        max_speed_mps=8.3,
        tags=("depot", "cold"),
        color="#ff0000",
        extras={"deep": {"list": [1, None, "ä"]}},
    )
    assert await store.fences.create(fence) == fence
    assert await store.fences.get(TENANT, "f") == fence
    changed = Fence(id="f", tenant=TENANT, name="plain", shape=Circle(lat=1, lon=2, radius_m=3))
    assert await store.fences.replace(changed) == changed
    assert await store.fences.get(TENANT, "f") == changed
    assert list((await store.world()).fences) == [changed]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), radius_m=st.floats(0.001, 1e7), number=st.integers(0, 10**9))
async def test_coordinates_are_exact(store: Store, lat: float, lon: float, radius_m: float, number: int) -> None:
    shape = Circle(lat=lat, lon=lon, radius_m=radius_m)
    fence = Fence(id=f"{number}", tenant=TENANT, name="n", shape=shape)
    await store.fences.create(fence)
    assert (await store.fences.get(TENANT, fence.id)).shape == shape
    await store.fences.delete(TENANT, fence.id)


async def test_what_is_replaced_keeps_when_it_was_created(store: Store) -> None:
    first = await store.orders.create(Order(id="o", tenant=TENANT))
    second = await store.orders.replace(Order(id="o", tenant=TENANT, customer="Ann", promise_to=at(60), created_at=at(5)))
    assert second.created_at == first.created_at
    assert await store.orders.get(TENANT, "o") == second
    given_ = await store.orders.create(Order(id="p", tenant=TENANT, created_at=at(5)))
    assert given_.created_at == at(5)


async def test_a_subscription_keeps_its_secrets(store: Store) -> None:
    subscription = Subscription(
        id="w", tenant=TENANT, url="https://x/y", types=("stop.*", "fence.entered"), secrets=("whsec_a", "whsec_b")
    )
    created = await store.subscriptions.create(subscription)
    assert (await store.subscriptions.get(TENANT, "w")).secrets == ("whsec_a", "whsec_b")
    assert "whsec" not in repr(created)
    assert Stop(id="s", seq=0, lat=0, lon=0).orders == ()
