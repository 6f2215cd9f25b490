"""Groups of fences, and the settings that fences get from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.fence import Circle, Fence, FenceSettings
from fleet.fence_group import FenceGroup
from fleet.tenant import OwnSettings, Tenant
from store.protocol import AlreadyExists, NotFound, Store
from tests.integration.store.builders import TENANT

WIDE = FenceSettings(exit_margin_m=200.0)


def group(name: str, settings: FenceSettings = WIDE, *, tenant: str = TENANT) -> FenceGroup:
    return FenceGroup(id=name, tenant=tenant, name=name.title(), settings=settings)


def fence(name: str, *groups: str, tenant: str = TENANT) -> Fence:
    return Fence(id=name, tenant=tenant, name=name, shape=Circle(lat=1, lon=2, radius_m=50), groups=groups)


async def test_a_group_comes_back_as_it_was_kept(store: Store) -> None:
    made = await store.fence_groups.create(group("customers"))
    assert made.created_at is not None
    assert made == replace(group("customers"), created_at=made.created_at)
    assert await store.fence_groups.get(TENANT, "customers") == made
    with pytest.raises(AlreadyExists):
        await store.fence_groups.create(group("customers"))
    changed = await store.fence_groups.replace(replace(made, name="All", settings=FenceSettings(confirm_fixes=3)))
    assert (changed.name, changed.settings, changed.created_at) == ("All", FenceSettings(confirm_fixes=3), made.created_at)
    await store.fence_groups.create(group("b", tenant="globex"))
    assert [one.id for one in await store.fence_groups.list(None, limit=9)] == ["customers", "b"]


async def test_a_fence_is_in_groups_that_are_there(store: Store) -> None:
    await store.fence_groups.create(group("customers"))
    await store.fence_groups.create(group("north"))
    made = await store.fences.create(fence("a", "north", "customers"))
    assert await store.fences.get(TENANT, "a") == made
    assert made.groups == ("north", "customers")
    with pytest.raises(NotFound, match="no fence group 'south'"):
        await store.fences.create(fence("b", "north", "south"))
    with pytest.raises(NotFound, match="no fence group 'south'"):
        await store.fences.replace(fence("a", "south"))
    with pytest.raises(NotFound, match="no fence group 'north'"):
        await store.fences.create(fence("a", "north", tenant="globex"))
    assert await store.fences.get(TENANT, "a") == made


async def test_fences_are_listed_by_group(store: Store) -> None:
    for name in ("customers", "north"):
        await store.fence_groups.create(group(name))
    await store.fence_groups.create(group("north", tenant="globex"))
    for one in (fence("a", "north"), fence("b", "customers", "north"), fence("c"), fence("d", "north", tenant="globex")):
        await store.fences.create(one)
    assert [one.id for one in await store.fences.list(TENANT, limit=9, group="north")] == ["a", "b"]
    assert [one.id for one in await store.fences.list(None, limit=9, group="north")] == ["a", "b", "d"]
    assert [one.id for one in await store.fences.list(TENANT, limit=9, group="customers")] == ["b"]


async def test_a_group_that_is_deleted_is_taken_from_its_fences(store: Store) -> None:
    for name in ("customers", "north"):
        await store.fence_groups.create(group(name))
    await store.fences.create(fence("a", "north", "customers"))
    await store.fence_groups.delete(TENANT, "north")
    assert (await store.fences.get(TENANT, "a")).groups == ("customers",)
    with pytest.raises(NotFound):
        await store.fence_groups.delete(TENANT, "north")


async def test_the_world_has_fences_with_what_they_inherit(store: Store) -> None:
    await store.fence_groups.create(group("customers"))
    await store.fences.create(fence("a", "customers"))
    await store.fences.create(fence("b"))
    defaults = FenceSettings(exit_margin_m=70.0, exit_s=30.0)
    await store.tenants.replace(Tenant(id=TENANT, settings=OwnSettings(fences=defaults)))
    found = {one.id: one.settings for one in (await store.world()).fences}
    assert found == {"a": FenceSettings(exit_margin_m=200.0, exit_s=30.0), "b": defaults}
    assert (await store.fences.get(TENANT, "a")).settings == FenceSettings()


async def test_a_change_of_a_group_is_told(store: Store) -> None:
    await store.fence_groups.create(group("customers"))
    changes = store.changes()
    assert (await anext(changes)).kind == "*"
    await store.fence_groups.replace(group("customers", FenceSettings()))
    assert (await anext(changes)).kind == "fence group"
    await store.fence_groups.delete(TENANT, "customers")
    assert (await anext(changes)).id == "customers"
