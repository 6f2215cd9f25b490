"""Settings that tenants and vehicles have of their own, and what was found of trackers' clocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.screen_settings import ScreenOverrides, ScreenScope
from fleet.tenant import OwnSettings, Tenant
from fleet.tracker_clock import TrackerClock
from fleet.vehicle import Vehicle
from store.protocol import Commit, NotFound, Rejected, Store
from tests.integration.store.builders import TENANT, at

STRICT = OwnSettings(screening=ScreenOverrides(refuse_teleports=True, oldest_age_s=3600.0))


async def test_a_tenant_is_made_as_needed_and_keeps_its_settings(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.tenants.get(TENANT)
    kept = await store.tenants.replace(Tenant(id=TENANT, settings=STRICT))
    assert kept.created_at is not None
    assert await store.tenants.get(TENANT) == kept
    assert (await store.world()).screening == [ScreenScope(tenant=TENANT, overrides=STRICT.screening)]
    assert await store.tenants.replace(Tenant(id=TENANT)) == replace(kept, settings=OwnSettings())
    assert (await store.world()).screening == []


async def test_a_name_that_is_none_is_rejected(store: Store) -> None:
    with pytest.raises(Rejected):
        await store.tenants.replace(Tenant(id="a/b"))


async def test_tenants_are_listed_by_id_also_those_that_only_have_things(store: Store) -> None:
    await store.register([("b", "t1"), ("a", "t1")], quarantine=False)
    await store.tenants.replace(Tenant(id="c"))
    assert [tenant.id for tenant in await store.tenants.list(limit=9)] == ["a", "b", "c"]
    assert [tenant.id for tenant in await store.tenants.list(limit=1, after="a")] == ["b"]


async def test_a_vehicle_keeps_its_settings(store: Store) -> None:
    await store.vehicles.create(Vehicle(id="plain", tenant=TENANT, name="plain"))
    made = await store.vehicles.create(Vehicle(id="van-1", tenant=TENANT, name="van", settings=STRICT))
    assert (await store.vehicles.get(TENANT, "van-1")).settings == STRICT
    assert (await store.world()).screening == [ScreenScope(tenant=TENANT, vehicle="van-1", overrides=STRICT.screening)]
    other = OwnSettings(screening=ScreenOverrides(correct_clock=False))
    await store.vehicles.replace(replace(made, settings=other))
    assert (await store.vehicles.get(TENANT, "van-1")).settings == other


async def test_a_change_of_settings_is_told(store: Store) -> None:
    changes = store.changes()
    assert (await anext(changes)).kind == "*"
    await store.tenants.replace(Tenant(id=TENANT, settings=STRICT))
    change = await anext(changes)
    assert (change.kind, change.tenant) == ("tenant", TENANT)


def clock(offset_s: int, found_s: float, **fields: object) -> TrackerClock:
    return TrackerClock(tenant=TENANT, tracker="t1", offset_s=offset_s, since=at(0), found_at=at(found_s), **fields)  # type: ignore[arg-type]


async def note(store: Store, *clocks: TrackerClock) -> None:
    await store.commit(Commit(fixes=FixBatch.empty(), outcome=Outcome(), clocks=clocks))


async def test_what_was_found_of_a_clock_is_kept_with_its_tracker(store: Store) -> None:
    await store.register([(TENANT, "t1")], quarantine=False)
    assert (await store.trackers.get(TENANT, "t1")).clock is None
    await note(store, clock(3600, 1))
    tracker = await store.trackers.get(TENANT, "t1")
    assert tracker.clock == clock(3600, 1)
    assert (await store.world()).clocks == [clock(3600, 1)]
    await note(store, clock(3600, 2, until=at(9)))
    await note(store, clock(-7200, 1))  # repeated late: what was found later stays
    assert (await store.trackers.get(TENANT, "t1")).clock == clock(3600, 2, until=at(9))
    kept = await store.trackers.replace(replace(tracker, vehicle=None))
    assert kept.clock == clock(3600, 2, until=at(9))


async def test_the_clock_of_a_tracker_that_is_gone_is_dropped(store: Store) -> None:
    await store.register([(TENANT, "t1")], quarantine=False)
    await note(store, clock(3600, 1))
    await store.trackers.delete(TENANT, "t1")
    await note(store, clock(3600, 2))
    assert (await store.world()).clocks == []
