"""Webhooks from the outbox to a real receiver, through every sort of failure."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from alerts.runner import AlertRunner
from alerts.settings import AlertSettings
from fleet.subscription import Subscription, SubscriptionStatus
from store.protocol import Store
from tests.integration.alerts.receiver import cut, drip_headers, hang, receiving, talk_for_ever
from tests.integration.store.builders import Builder, event

SECRET = "whsec_" + base64.b64encode(b"first-secret-of-32-bytes-for-you").decode()
OTHER = "whsec_" + base64.b64encode(b"other-secret-of-32-bytes-for-you").decode()


class Clock:
    """The wall clock, and a push ahead of it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def settings(**options: Any) -> AlertSettings:
    return AlertSettings(**{"allow_private": True, "poll_s": 0.02, "timeout_s": 5, **options})


async def subscribe(
    store: Store, url: str, name: str = "hook", secrets: tuple[str, ...] = (SECRET,), types: tuple[str, ...] = ("*",)
) -> None:
    await store.subscriptions.create(Subscription(id=name, tenant="acme", url=url, types=types, secrets=secrets))


@asynccontextmanager
async def running(store: Store, clock: Clock | None = None, **options: Any) -> AsyncIterator[AlertRunner]:
    runner = AlertRunner(store, settings(**options), clock or Clock(), jitter=lambda: 0.0)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        if task.done():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_quiet(store: Store, runner: AlertRunner, delivered: int) -> None:
    async with asyncio.timeout(20):
        while runner.counts.delivered < delivered:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_event_becomes_a_signed_request(store: Store) -> None:
    async with receiving() as receiver, running(store) as runner:
        await subscribe(store, receiver.url, secrets=(SECRET, OTHER), types=("stop.*",))
        happened = event(1, route="r1", stop="s1")
        await Builder(store).commit(events=[happened, event(2, type_="fence.entered")])
        (delivery,) = await receiver.wait_for(1)
        await until_quiet(store, runner, 1)
    assert orjson.loads(delivery.body) == {
        "type": "stop.arrived",
        "timestamp": happened.as_json()["occurred_at"],
        "data": happened.as_json(),
    }
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["webhook-signature"].count("v1,") == 2
    assert delivery.check(SECRET) == delivery.check(OTHER) == delivery.id
    assert len(receiver.deliveries) == 1


async def test_a_failure_is_tried_again_by_the_schedule_with_the_same_id(store: Store) -> None:
    clock = Clock()
    async with receiving(statuses=(500, 302, 404, 200)) as receiver, running(store, clock) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        for attempts, wait_s in ((1, 5), (2, 300), (3, 1800)):
            await receiver.wait_for(attempts)
            await _failed(runner, attempts)
            clock.ahead += timedelta(seconds=wait_s + 1)
        await receiver.wait_for(4)
        await until_quiet(store, runner, 1)
    assert len({delivery.id for delivery in receiver.deliveries}) == 1
    stamps = [int(delivery.headers["webhook-timestamp"]) for delivery in receiver.deliveries]
    assert stamps == sorted(stamps)
    assert stamps[-1] - stamps[0] > 2000, "each attempt carries its own time"


async def _failed(runner: AlertRunner, count: int) -> None:
    async with asyncio.timeout(20):
        while runner.counts.failed < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_it_is_not_tried_again_before_its_time(store: Store) -> None:
    clock = Clock()
    async with receiving(statuses=(503, 200), headers="retry-after: 120\r\n") as receiver, running(store, clock) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        await _failed(runner, 1)
        clock.ahead += timedelta(seconds=60)
        await asyncio.sleep(0.3)
        assert len(receiver.deliveries) == 1, "retry-after asked for two minutes"
        clock.ahead += timedelta(seconds=70)
        await receiver.wait_for(2)
        await until_quiet(store, runner, 1)


async def test_410_disables_the_subscription(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with receiving(statuses=(410,)) as receiver, running(store) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        await receiver.wait_for(1)
        await _disabled(store)
        await Builder(store).commit(events=[event(2)])
        await asyncio.sleep(0.2)
        assert len(receiver.deliveries) == 1
        assert runner.counts.disabled == 1
    assert "webhook subscription acme/hook is disabled" in caplog.text


async def _disabled(store: Store) -> Subscription:
    async with asyncio.timeout(20):
        while (found := await store.subscriptions.get("acme", "hook")).status is not SubscriptionStatus.DISABLED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def test_when_the_schedule_is_used_up_the_subscription_is_disabled(store: Store) -> None:
    clock = Clock()
    async with receiving(statuses=(500,)) as receiver, running(store, clock) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        for attempt in range(1, 11):
            await receiver.wait_for(attempt)
            await _failed(runner, attempt)
            clock.ahead += timedelta(days=1, seconds=1)
        found = await _disabled(store)
    assert len(receiver.deliveries) == 10
    assert found.status_detail == "10 attempts failed, the last one: answered 500"


@pytest.mark.parametrize("respond", [hang, talk_for_ever, drip_headers, cut])
async def test_a_receiver_that_misbehaves_costs_one_attempt(store: Store, respond: Any) -> None:
    async with receiving(respond=respond) as bad, receiving() as good, running(store, timeout_s=0.5) as runner:
        await subscribe(store, bad.url, "bad")
        await subscribe(store, good.url, "good")
        await Builder(store).commit(events=[event(1)])
        await good.wait_for(1)
        if respond is talk_for_ever:  # it did answer 200; what follows is not read
            await until_quiet(store, runner, 2)
        else:
            await _failed(runner, 1)
            await until_quiet(store, runner, 1)


async def test_one_hanging_endpoint_keeps_nobody_waiting(store: Store) -> None:
    """It has hundreds of alerts due before everybody else's, and answers none."""
    async with receiving(respond=hang) as stuck, receiving() as good:
        await subscribe(store, stuck.url, "a-stuck", types=("stop.arrived",))
        await subscribe(store, good.url, "good", types=("stop.departed",))
        await Builder(store).commit(events=[event(number) for number in range(400)])
        await Builder(store).commit(events=[event(number, type_="stop.departed") for number in range(20)])
        async with running(store, timeout_s=30, at_once=20, at_once_per_endpoint=4) as runner:
            await good.wait_for(20)
            await until_quiet(store, runner, 20)
        assert stuck.most_at_once <= 8, "at most twice its share"


async def test_a_crash_between_sending_and_marking_sends_the_same_id_again(store: Store) -> None:
    clock = Clock()
    async with receiving() as receiver:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        crashing = AlertRunner(_Crashing(store), settings(), clock)
        with pytest.raises(RuntimeError, match="killed"):
            await asyncio.wait_for(crashing.run(), 20)
        assert len(receiver.deliveries) == 1
        clock.ahead += timedelta(seconds=settings().lease_s + 1)
        async with running(store, clock) as runner:
            await receiver.wait_for(2)
            await until_quiet(store, runner, 1)
    first, second = receiver.deliveries
    assert first.id == second.id
    assert first.event == second.event


class _Crashing:
    """A store whose process dies when it should note a delivery."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def alert_delivered(self, alert: str, now: datetime) -> None:
        raise RuntimeError("killed")


async def test_two_runners_share_the_work_and_send_nothing_twice(store: Store) -> None:
    async with receiving() as receiver:
        await subscribe(store, receiver.url)
        async with running(store) as first, running(store) as second:
            for start in range(0, 200, 50):
                await Builder(store).commit(events=[event(number) for number in range(start, start + 50)])
            await receiver.wait_for(200)
            async with asyncio.timeout(20):
                while first.counts.delivered + second.counts.delivered < 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    ids = [delivery.event["id"] for delivery in receiver.deliveries]
    assert sorted(ids) == sorted(event(number).id for number in range(200))


async def test_a_deleted_subscription_ends_its_alerts(store: Store) -> None:
    clock = Clock()
    async with receiving(statuses=(500,)) as receiver, running(store, clock) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        await _failed(runner, 1)
        await store.subscriptions.delete("acme", "hook")
        clock.ahead += timedelta(hours=1)
        await asyncio.sleep(0.2)
    assert len(receiver.deliveries) == 1


async def test_private_addresses_and_http_are_refused(store: Store) -> None:
    clock = Clock()
    async with receiving() as receiver, running(store, clock, allow_private=False) as runner:
        await subscribe(store, receiver.url, "plain")
        await subscribe(store, receiver.url.replace("http:", "https:"), "private")
        await subscribe(store, f"https://localhost:{receiver.port}/hook", "named")
        await Builder(store).commit(events=[event(1)])
        await _failed(runner, 3)
    assert receiver.deliveries == []


async def test_a_redirect_is_not_followed(store: Store) -> None:
    async with receiving() as inner:
        headers = f"location: {inner.url}\r\n"
        async with receiving(statuses=(307,), headers=headers) as outer, running(store) as runner:
            await subscribe(store, outer.url)
            await Builder(store).commit(events=[event(1)])
            await _failed(runner, 1)
    assert inner.deliveries == []


async def test_connections_are_kept_for_the_next_alert(store: Store) -> None:
    peers: set[Any] = set()

    async def note_peer(_delivery: Any, writer: asyncio.StreamWriter) -> None:
        peers.add(writer.get_extra_info("peername"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with receiving(respond=note_peer) as receiver, running(store, at_once_per_endpoint=1) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(number) for number in range(20)])
        await until_quiet(store, runner, 20)
    assert len(peers) == 1


async def test_no_secret_is_in_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving(statuses=(500,)) as receiver, running(store) as runner:
        await subscribe(store, receiver.url)
        await Builder(store).commit(events=[event(1)])
        await _failed(runner, 1)
    assert "answered 500" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET.removeprefix("whsec_") not in caplog.text
