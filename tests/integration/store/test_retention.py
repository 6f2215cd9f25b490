"""Upkeep: what is past its retention goes, everything else stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.event import Event
from fleet.subscription import Subscription
from store.protocol import Anchor, Retention
from tests.integration.store.builders import TENANT, Builder, all_rows, dead_letter, eta, event, fixes, route, visit
from tests.integration.store.conftest import Stores

#: Some records are dated by the database's own clock, so this is the real now.
NOW = datetime.now(UTC)
NOTHING = Retention(
    fixes_days=0,
    etas_days=0,
    events_days=0,
    visits_days=0,
    dead_letters_days=0,
    alerts_days=0,
    anchors_days=0,
    idempotency_keys_days=0,
)


def _days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


async def test_fixes_go_by_whole_days_and_the_place_of_a_vehicle_stays_known(stores: Stores) -> None:
    store = await stores.open(retention=Retention(fixes_days=30))
    build = Builder(store)
    first, second = await build.keys("t1", "t2")
    old = datetime(2010, 5, 1, 12, tzinfo=UTC)
    rows = [(first, old), (first, _days_ago(400)), (first, _days_ago(32)), (first, _days_ago(29)), (second, old)]
    await build.commit(fixes(rows))
    maintained = await store.maintain(NOW)
    assert maintained.dropped["fixes"] > 0
    assert [row[1] for row in await all_rows(store)] == [_days_ago(29)]
    assert {place.vehicle: place.time for place in await store.positions(None)} == {"t1": _days_ago(29), "t2": old}
    assert dict((await store.maintain(NOW)).dropped) == {}
    assert (await build.commit(fixes([(second, old + timedelta(days=1))]))).stored == 1


async def test_nothing_goes_where_everything_is_kept(stores: Stores) -> None:
    store = await stores.open(retention=NOTHING)
    build = Builder(store)
    (key,) = await build.keys("van-1")
    await store.routes.create(route("r1", "a"))
    await build.commit(
        fixes([(key, datetime(1985, 1, 1, tzinfo=UTC))]),
        events=[event(1)],
        visits=[visit(1, exited_at=event(1).occurred_at)],
        etas=[eta("a", 0, 60)],
        dead_letters=[dead_letter()],
        anchors=[Anchor(key=key, time=_days_ago(900), state=b"x"), Anchor(key=key, time=_days_ago(901), state=b"y")],
    )
    await store.remember(TENANT, "key", "f", 200, b"")
    maintained = await store.maintain(NOW + timedelta(days=10_000))
    assert (dict(maintained.dropped), list(maintained.postponed)) == ({}, [])
    assert len(await all_rows(store)) == len(await store.events(None, limit=9)) == len(await store.visits(None, limit=9)) == 1
    assert await store.anchor_before(key, _days_ago(900)) == (_days_ago(901), b"y")


async def test_findings_go_when_their_time_is_over(stores: Stores) -> None:
    store = await stores.open(retention=Retention(events_days=10, visits_days=10, dead_letters_days=10))
    build = Builder(store)
    ages = (5, 9.9, 10.1, 500)
    await build.commit(
        events=[_event(age) for age in ages],
        visits=[
            *(visit(n, exited_at=_days_ago(age)) for n, age in enumerate(ages)),
            visit(9),
        ],
        dead_letters=[dead_letter(b"%d" % n, received_at=_days_ago(age)) for n, age in enumerate(ages)],
    )
    await build.commit(dead_letters=[dead_letter(b"3", received_at=_days_ago(1))])
    maintained = await store.maintain(NOW)
    assert dict(maintained.dropped) == {"events": 2, "visits": 2, "dead_letters": 1}
    assert [numbered.event for numbered in await store.events(None, limit=9)] == [_event(5), _event(9.9)]
    assert {found.id for found in await store.visits(None, limit=9)} == {"visit-0", "visit-1", "visit-9"}
    assert {letter.payload for _, letter in await store.dead_letters(None, limit=9)} == {b"0", b"1", b"3"}


async def test_the_newest_anchor_of_a_vehicle_stays(stores: Stores) -> None:
    store = await stores.open(retention=Retention(anchors_days=2))
    build = Builder(store)
    away, here = await build.keys("t1", "t2")
    ages = {away: (90, 60), here: (60, 3, 1)}
    await build.commit(anchors=[Anchor(key=key, time=_days_ago(age), state=b"%d" % age) for key in ages for age in ages[key]])
    assert dict((await store.maintain(NOW)).dropped) == {"anchors": 3}
    assert await store.anchor_before(away, NOW) == (_days_ago(60), b"60")
    assert await store.anchor_before(here, NOW) == (_days_ago(1), b"1")
    assert await store.anchor_before(here, _days_ago(1)) is None


async def test_alerts_that_are_done_and_remembered_answers_go(stores: Stores) -> None:
    store = await stores.open(retention=Retention(alerts_days=5, idempotency_keys_days=1))
    build = Builder(store)
    await store.subscriptions.create(Subscription(id="w", tenant=TENANT, url="u"))
    await build.commit(events=[event(1), event(2)])
    await store.remember(TENANT, "key", "f", 200, b"")
    soon, later = NOW + timedelta(hours=2), NOW + timedelta(days=6)
    alert, _ = await store.claim_alerts(soon, limit=9, lease_s=60)
    await store.alert_delivered(alert.id, soon)
    assert dict((await store.maintain(soon)).dropped) == {}
    assert dict((await store.maintain(later)).dropped) == {"outbox": 1, "idempotency_keys": 1}
    assert await store.take_request(TENANT, "key", "another", holder="h", for_s=60) is None
    assert len(await store.claim_alerts(later, limit=9, lease_s=60)) == 1


@pytest.mark.parametrize("days_ahead", [0, 1, 400])
async def test_upkeep_prepares_the_days_to_come(stores: Stores, days_ahead: int) -> None:
    store = await stores.open()
    build = Builder(store)
    (key,) = await build.keys("t1")
    await store.maintain(NOW)
    assert (await build.commit(fixes([(key, NOW + timedelta(days=days_ahead))]))).stored == 1


def _event(age: float, **data: Any) -> Event:
    at = _days_ago(age)
    return Event(id=f"e{age}", type="x", occurred_at=at, recorded_at=at, tenant=TENANT, vehicle="v", data=data)
