"""The watch over pairs of vehicles: whatever comes in late, twice or shuffled, and whenever it dies."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.clock import from_micros
from fleet.fence import Circle, Fence
from fleet.fix import Fix
from fleet.proximity_rules import ProximityRules
from fleet.tenant import OwnSettings, Tenant
from geofence.proximity.settings import Limits, ProximitySettings
from store.memory import MemoryStore
from tests.oracle.drives import BEGIN, place
from tests.oracle.proximity import Oracle, slots_of
from tests.oracle.watching import Watching
from tests.unit.geofence.proximity.meetings import TENANT, WATCHED, World, as_episodes, seconds, van, worlds

TOGETHER, ENDED = "vehicle.proximity", "vehicle.proximity_ended"
VISITOR = van((0, 600, 0), (60, 10, 0), (600, 10, 0), (660, 600, 0), (1200, 600, 0))
STANDING = van((0, 0, 0), (1200, 0, 0))
ONE, TWO = (TENANT, "van-1"), (TENANT, "van-2")
#: Everything up to half an hour after BEGIN is judged.
LATER = BEGIN + timedelta(seconds=1800 + WATCHED.delay_s)


def after(second: float) -> datetime:
    """The instant at which everything up to so many seconds after BEGIN is judged."""
    return BEGIN + timedelta(seconds=second + WATCHED.delay_s)


async def started(settings: ProximitySettings = WATCHED, *, looks_back: bool = True) -> Watching:
    watching = Watching(MemoryStore(), settings, looks_back=looks_back)
    await watching.begin(ONE, TWO)
    return watching


@given(worlds().filter(lambda world: all(world.fleet.values())), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_in_any_order_with_deaths_in_between_what_stands_is_what_the_oracle_says(world: World, seed: int) -> None:
    asyncio.run(any_order(world, seed))


async def any_order(world: World, seed: int) -> None:
    watching = Watching(MemoryStore(), replace(world.settings, rules=replace(world.settings.rules, except_tag="yard")))
    await watching.begin(*((TENANT, vehicle) for vehicle in sorted(world.fleet)))
    for number, circle in enumerate(world.excepted):
        fence = Fence(id=f"fence-{number}", tenant=TENANT, name="", shape=circle, tags=("yard",))
        await watching.store.fences.create(fence)
    watching.apply(await watching.store.world())
    first, last = slots_of(world.fleet, world.settings)
    now = from_micros((last + 100) * world.settings.slot) + timedelta(seconds=world.settings.delay_s)
    columns = watching.columns_of({(TENANT, vehicle): fixes for vehicle, fixes in world.fleet.items()})
    await watching.scramble(columns, Random(seed), now)
    await watching.settle(now)
    limits = Limits.of(world.settings)
    assert limits is not None
    expected = Oracle(world.settings, limits, world.excepted).episodes(world.fleet, first, last + 100)
    events = await watching.events(TENANT)
    assert len({event.id for event in events}) == len(events)
    assert as_episodes(await watching.standing(TENANT)) == expected


async def test_an_episode_is_told_while_it_goes_on_and_its_end_when_it_is_over() -> None:
    watching = await started()
    await watching.write(watching.columns_of({ONE: STANDING, TWO: VISITOR}))
    await watching.settle(after(90))
    assert await watching.events(TENANT) == []
    await watching.settle(after(120))
    assert seconds(await watching.events(TENANT)) == [(TOGETHER, 60.0)]
    await watching.settle(after(1200))
    assert seconds(await watching.events(TENANT)) == [(TOGETHER, 60.0), (ENDED, 600.0)]


async def test_fixes_that_come_an_hour_late_tell_of_a_meeting_that_was_missed() -> None:
    watching = await started()
    await watching.write(watching.columns_of({ONE: STANDING}))
    await watching.settle(LATER + timedelta(hours=1))
    assert await watching.events(TENANT) == []
    await watching.write(watching.columns_of({TWO: VISITOR}))
    await watching.settle(LATER + timedelta(hours=1))
    assert seconds(await watching.events(TENANT)) == [(TOGETHER, 60.0), (ENDED, 600.0)]


async def test_a_late_fix_that_proves_two_apart_takes_the_episode_back() -> None:
    """The visitor was believed to stand there, since nothing else was known."""
    watching = await started()
    parked = [replace(fix, speed_mps=0.0) for fix in van((0, 10, 0), (20, 10, 0))]
    away = [replace(fix, speed_mps=20.0) for fix in van((20, 600, 0), (400, 600, 0))]
    await watching.write(watching.columns_of({ONE: STANDING, TWO: parked}))
    await watching.settle(after(600))
    (believed,) = await watching.events(TENANT)
    assert seconds([believed]) == [(TOGETHER, 0.0)]
    await watching.write(watching.columns_of({TWO: away}))
    await watching.settle(after(600))
    told, withdrawn = await watching.events(TENANT)
    assert told == believed
    assert (withdrawn.type, withdrawn.data["of"]) == ("vehicle.proximity.retracted", believed.id)
    await watching.write(watching.columns_of({TWO: away[:20]}))
    await watching.settle(after(600))
    assert len(await watching.events(TENANT)) == 2, "what comes twice is no news"


async def test_a_late_fix_may_move_the_beginning_and_the_end() -> None:
    watching = await started()
    gap = [fix for fix in VISITOR if not 40 <= (fix.time - BEGIN).total_seconds() < 180]
    await watching.write(watching.columns_of({ONE: STANDING, TWO: gap}))
    await watching.settle(after(1200))
    began, ended = await watching.events(TENANT)
    assert seconds([began, ended]) == [(TOGETHER, 180.0), (ENDED, 600.0)]
    await watching.write(watching.columns_of({TWO: [fix for fix in VISITOR if fix not in gap]}))
    await watching.settle(after(1200))
    corrections = (await watching.events(TENANT))[2:]
    assert sorted(event.type for event in corrections) == ["vehicle.proximity.revised", "vehicle.proximity_ended.revised"]
    assert {event.data["of"] for event in corrections} == {began.id, ended.id}
    assert seconds(await watching.standing(TENANT)) == [(TOGETHER, 60.0), (ENDED, 600.0)]


async def test_live_goes_on_while_what_is_late_is_judged_again() -> None:
    watching = await started()
    long = van((0, 0, 0), (36_000, 0, 0))
    await watching.write(watching.columns_of({ONE: long}))
    await watching.settle(after(30_000))
    await watching.write(watching.columns_of({TWO: VISITOR}))
    await watching.watch.turn(after(30_000))
    meeting = [replace(fix, time=fix.time + timedelta(seconds=30_000)) for fix in VISITOR]
    await watching.write(watching.columns_of({TWO: meeting}))
    for _ in range(8):
        await watching.watch.turn(after(31_200))
        await watching.write()
    assert watching.watch.due == 1
    assert seconds(await watching.events(TENANT)) == [(TOGETHER, 30_060.0), (ENDED, 30_600.0)]
    await watching.settle(after(31_200))
    assert watching.watch.due == 0
    assert seconds(await watching.events(TENANT))[2:] == [(TOGETHER, 60.0), (ENDED, 600.0)]


async def test_a_tenant_that_is_watched_from_now_on_is_not_told_of_what_was_before() -> None:
    watching = await started(looks_back=False)
    await watching.write(watching.columns_of({ONE: STANDING, TWO: VISITOR}))
    await watching.settle(after(900))
    await watching.write(watching.columns_of({ONE: STANDING[:50], TWO: VISITOR[:50]}))
    await watching.settle(after(1200))
    assert await watching.events(TENANT) == []
    again = [replace(fix, time=fix.time + timedelta(seconds=1200)) for fix in VISITOR]
    still = [replace(fix, time=fix.time + timedelta(seconds=1200)) for fix in STANDING]
    await watching.write(watching.columns_of({ONE: still, TWO: again}))
    await watching.settle(after(2400))
    assert seconds(await watching.events(TENANT)) == [(TOGETHER, 1260.0), (ENDED, 1800.0)]


async def test_vehicles_of_two_tenants_are_never_together() -> None:
    watching = await started()
    foreign = ("other", "van-2")
    await watching.begin(foreign)
    await watching.write(watching.columns_of({ONE: STANDING, foreign: VISITOR}))
    await watching.settle(LATER)
    assert await watching.store.events(None, limit=10) == []


async def test_tenants_switch_it_on_and_off_for_themselves() -> None:
    watching = await started(ProximitySettings())
    await watching.write(watching.columns_of({ONE: STANDING[:3], TWO: VISITOR[:3]}))
    own = OwnSettings(proximity=ProximityRules(near_m=40.0))
    await watching.store.tenants.replace(Tenant(id=TENANT, settings=own))
    watching.apply(await watching.store.world())
    await watching.write(watching.columns_of({ONE: STANDING[3:], TWO: VISITOR[3:]}))
    await watching.settle(after(300))
    assert [event.data["near_m"] for event in await watching.events(TENANT)] == [40.0]
    assert await watching.store.proximity_states() != {}
    await watching.store.tenants.replace(Tenant(id=TENANT))
    watching.apply(await watching.store.world())
    await watching.settle(after(1200))
    assert len(await watching.events(TENANT)) == 1
    assert await watching.store.proximity_states() == {}, "nothing is left of it"


async def test_meetings_in_a_tagged_fence_are_not_told() -> None:
    watching = await started(replace(WATCHED, rules=ProximityRules(near_m=50.0, except_tag="depot")))
    lon, lat = place(0, 0)
    shape = Circle(lat=lat, lon=lon, radius_m=100.0)
    await watching.store.fences.create(Fence(id="yard", tenant=TENANT, name="Yard", shape=shape, tags=("depot", "north")))
    watching.apply(await watching.store.world())
    await watching.write(watching.columns_of({ONE: STANDING, TWO: VISITOR}))
    await watching.settle(LATER)
    assert await watching.events(TENANT) == []


async def test_what_was_found_about_a_deleted_vehicle_stands() -> None:
    watching = await started()
    await watching.write(watching.columns_of({ONE: STANDING, TWO: VISITOR}))
    await watching.settle(LATER)
    before = await watching.events(TENANT)
    await watching.store.vehicles.delete(*TWO)
    third = (TENANT, "van-3")
    await watching.begin(third)
    await watching.write(watching.columns_of({third: [replace(fix, lat=fix.lat + 1) for fix in STANDING]}))
    await watching.settle(LATER)
    assert len(before) == 2
    assert await watching.events(TENANT) == before


async def test_a_fix_from_long_ago_is_not_waited_for() -> None:
    watching = await started()
    stray: list[Fix] = [replace(STANDING[0], time=BEGIN - timedelta(days=3000))]
    await watching.write(watching.columns_of({ONE: stray}))
    await watching.write(watching.columns_of({ONE: STANDING, TWO: VISITOR}))
    await watching.settle(LATER)
    assert seconds(await watching.events(TENANT)) == [(TOGETHER, 60.0), (ENDED, 600.0)]


async def test_nothing_is_kept_of_tenants_that_are_not_watched() -> None:
    watching = await started(ProximitySettings())
    await watching.write(watching.columns_of({ONE: STANDING, TWO: VISITOR}))
    await watching.settle(LATER)
    assert not watching.watch.has_news
    assert await watching.events(TENANT) == []
    assert await watching.store.proximity_states() == {}
