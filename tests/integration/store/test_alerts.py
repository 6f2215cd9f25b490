"""The outbox: filled with the events, claimed by one at a time, emptied by delivery."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleet.event import content_id
from fleet.subscription import Subscription, SubscriptionStatus
from store.matching import alert_id
from store.protocol import NotFound, Store
from tests.integration.store.builders import TENANT, Builder, event
from tests.integration.store.conftest import Stores

#: Alerts are due from when they were written; the database's clock is the real one.
SOON = datetime.now(UTC) + timedelta(hours=1)


def _subscription(id_: str, *types: str, tenant: str = TENANT) -> Subscription:
    return Subscription(id=id_, tenant=tenant, url=f"https://example.test/{id_}", types=types, secrets=("whsec_x",))


async def _claimed(store: Store, now: datetime = SOON, **options: object) -> list[tuple[str, str]]:
    found = await store.claim_alerts(now, **{"limit": 99, "lease_s": 60, **options})  # type: ignore[arg-type]
    return sorted((alert.subscription.id, alert.event["type"]) for alert in found)


async def test_each_subscription_gets_the_events_that_it_means(store: Store, build: Builder) -> None:
    for subscription in (
        _subscription("all", "*"),
        _subscription("stops", "stop.*"),
        _subscription("arrivals", "stop.arrived", "fence.entered"),
        _subscription("theirs", "*", tenant="other"),
        _subscription("none"),
        replace(_subscription("off", "*"), status=SubscriptionStatus.DISABLED),
    ):
        await store.subscriptions.create(subscription)
    await build.commit(events=[event(1), event(2, type_="stop.departed"), event(3, type_="fence.exited")])
    assert await _claimed(store) == [
        ("all", "fence.exited"),
        ("all", "stop.arrived"),
        ("all", "stop.departed"),
        ("arrivals", "stop.arrived"),
        ("stops", "stop.arrived"),
        ("stops", "stop.departed"),
    ]


async def test_who_was_told_of_an_event_is_told_of_its_correction(store: Store, build: Builder) -> None:
    for subscription in (_subscription("arrivals", "stop.arrived"), _subscription("withdrawn", "*.retracted", "stop.departed")):
        await store.subscriptions.create(subscription)
    types = ("stop.arrived", "stop.arrived.revised", "stop.arrived.retracted", "stop.departed.retracted", "fence.exited.retracted")
    await build.commit(events=[event(number, type_=type_, of="x") for number, type_ in enumerate(types)])
    assert await _claimed(store) == [
        ("arrivals", "stop.arrived"),
        ("arrivals", "stop.arrived.retracted"),
        ("arrivals", "stop.arrived.revised"),
        ("withdrawn", "stop.departed.retracted"),
    ]


async def test_an_alert_carries_what_its_delivery_needs(store: Store, build: Builder) -> None:
    subscription = await store.subscriptions.create(_subscription("w", "*"))
    await build.commit(events=[event(1, stop="s1", late_s=3.5)])
    (alert,) = await store.claim_alerts(SOON, limit=9, lease_s=60)
    assert alert.id == alert_id(TENANT, "w", event(1).id) == content_id("alert", TENANT, "w", event(1).id)
    assert alert.event == event(1, stop="s1", late_s=3.5).as_json()
    assert alert.subscription == subscription
    assert (alert.tenant, alert.attempts) == (TENANT, 0)


async def test_an_event_that_is_found_again_is_not_told_again(store: Store, build: Builder) -> None:
    await store.subscriptions.create(_subscription("w", "*"))
    await build.commit(events=[event(1)])
    await build.commit(events=[event(1)])
    (alert,) = await store.claim_alerts(SOON, limit=9, lease_s=60)
    await store.alert_delivered(alert.id, SOON)
    await build.commit(events=[event(1)])
    assert await _claimed(store, SOON + timedelta(days=1)) == []


async def test_a_subscription_hears_nothing_of_what_was_before_it(store: Store, build: Builder) -> None:
    await build.commit(events=[event(1)])
    await store.subscriptions.create(_subscription("w", "*"))
    await build.commit(events=[event(1), event(2)])
    found = await store.claim_alerts(SOON, limit=9, lease_s=60)
    assert [alert.event["id"] for alert in found] == [event(2).id]


async def test_a_lease_ends_and_the_alert_is_due_again(store: Store, build: Builder) -> None:
    await store.subscriptions.create(_subscription("w", "*"))
    await build.commit(events=[event(1)])
    assert len(await store.claim_alerts(SOON, limit=9, lease_s=60)) == 1
    assert await store.claim_alerts(SOON + timedelta(seconds=59), limit=9, lease_s=60) == []
    (alert,) = await store.claim_alerts(SOON + timedelta(seconds=60), limit=9, lease_s=60)
    assert alert.attempts == 1
    assert await store.claim_alerts(datetime(2020, 1, 1, tzinfo=UTC), limit=9, lease_s=60) == []


async def test_a_failed_alert_is_tried_again_when_it_is_told_to_or_never(store: Store, build: Builder) -> None:
    await store.subscriptions.create(_subscription("w", "*"))
    await build.commit(events=[event(1), event(2)])
    first, second = await store.claim_alerts(SOON, limit=9, lease_s=60)
    await store.alert_failed(first.id, SOON, error="503\0", retry_at=SOON + timedelta(minutes=5))
    await store.alert_failed(second.id, SOON, error="410", retry_at=None)
    assert await store.claim_alerts(SOON + timedelta(minutes=4), limit=9, lease_s=60) == []
    (again,) = await store.claim_alerts(SOON + timedelta(minutes=5), limit=9, lease_s=60)
    assert (again.id, again.attempts) == (first.id, 1)
    await store.alert_delivered(again.id, SOON)
    await store.alert_failed(again.id, SOON, error="late news of the first attempt", retry_at=SOON)
    assert await store.claim_alerts(SOON + timedelta(days=9), limit=9, lease_s=60) == []
    await store.alert_delivered("no such alert", SOON)
    await store.alert_failed("no such alert", SOON, error="", retry_at=SOON)


async def test_the_oldest_alerts_are_claimed_first_and_busy_ones_left_alone(store: Store, build: Builder) -> None:
    for name in ("a", "b"):
        await store.subscriptions.create(_subscription(name, f"kind.{name}"))
    for number in range(4):
        await build.commit(events=[event(number, type_=f"kind.{'ab'[number % 2]}")])
    found = await store.claim_alerts(SOON, limit=1, lease_s=60, busy=[(TENANT, "a"), ("other", "b")])
    assert [alert.event["id"] for alert in found] == [event(1, type_="kind.b").id]
    found = await store.claim_alerts(SOON, limit=2, lease_s=60)
    assert [alert.event["id"] for alert in found] == [event(0, type_="kind.a").id, event(2, type_="kind.a").id]


async def test_a_disabled_or_deleted_subscription_gets_no_more(store: Store, build: Builder) -> None:
    for name in ("disabled", "deleted"):
        await store.subscriptions.create(_subscription(name, "*"))
    await build.commit(events=[event(1)])
    await store.disable_subscription(TENANT, "disabled", "410 Gone")
    await store.subscriptions.delete(TENANT, "deleted")
    await build.commit(events=[event(2)])
    assert await _claimed(store) == []
    kept = await store.subscriptions.get(TENANT, "disabled")
    assert (kept.status, kept.status_detail) == (SubscriptionStatus.DISABLED, "410 Gone")
    await store.subscriptions.create(_subscription("deleted", "*"))
    await store.subscriptions.replace(replace(kept, status=SubscriptionStatus.ACTIVE, status_detail=None))
    await build.commit(events=[event(3)])
    assert await _claimed(store) == [("deleted", "stop.arrived"), ("disabled", "stop.arrived")]
    with pytest.raises(NotFound, match="no subscription 'w'"):
        await store.disable_subscription(TENANT, "w", "x")


async def test_two_claimers_share_the_alerts(stores: Stores, build: Builder) -> None:
    await build.store.subscriptions.create(_subscription("w", "*"))
    await build.commit(events=[event(number) for number in range(300)])
    opened = [await stores.open() for _ in range(3)]

    async def claim_all(store: Store) -> list[str]:
        mine: list[str] = []
        while found := await store.claim_alerts(SOON, limit=7, lease_s=60):
            mine += [alert.event["id"] for alert in found]
        return mine

    claimed = await asyncio.gather(*map(claim_all, opened))
    assert sorted(id_ for mine in claimed for id_ in mine) == sorted(event(number).id for number in range(300))


async def test_the_backlog_is_what_is_neither_delivered_nor_given_up(store: Store) -> None:
    empty = await store.alert_backlog()
    assert (empty.waiting, empty.oldest) == (0, None)
    await store.subscriptions.create(_subscription("w", "*"))
    await Builder(store).commit(events=[event(number) for number in range(3)])
    waiting = await store.alert_backlog()
    assert waiting.waiting == 3
    assert waiting.oldest is not None
    claimed = await store.claim_alerts(SOON, limit=3, lease_s=60)
    assert await store.alert_backlog() == waiting
    await store.alert_delivered(claimed[0].id, SOON)
    await store.alert_failed(claimed[1].id, SOON, error="x", retry_at=SOON)
    assert (await store.alert_backlog()).waiting == 2
    await store.alert_failed(claimed[2].id, SOON, error="x", retry_at=None)
    assert (await store.alert_backlog()).waiting == 1
