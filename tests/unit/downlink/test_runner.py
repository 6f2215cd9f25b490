"""Commands on their way to the broker while processes and connections die: which come twice, and which may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from downlink.encode import REPEATABLE, encode
from downlink.runner import CommandRunner
from fleet.command import Command, CommandStatus, Uplink
from mqttwire import BackoffLimits, MqttOptions, MqttVersion, Publisher
from store.memory import MemoryStore
from store.open import MEMORY_URL, open_store
from store.protocol import Unavailable
from tests.integration.ingest.sources.scripted import ScriptedBroker

NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)
UPLINKS = {
    "native": Uplink(tenant="acme", tracker="t", format="native", topic=""),
    "thingsboard": Uplink(tenant="acme", tracker="t", format="thingsboard", topic="v1/devices/t/telemetry"),
    "teltonika": Uplink(tenant="acme", tracker="t", format="teltonika", topic="t/data"),
    "owntracks": Uplink(tenant="acme", tracker="u/t", format="owntracks", topic="owntracks/u/t"),
    "ttn": Uplink(tenant="acme", tracker="t", format="ttn", topic="v3/a@t/devices/t/up"),
}
each_format = pytest.mark.parametrize("name", UPLINKS)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def command(name: str, id_: str = "c1") -> Command:
    uplink = UPLINKS[name]
    return Command(
        id=id_,
        tenant=uplink.tenant,
        tracker=uplink.tracker,
        format=name,
        command="0102",
        params={},
        downlink=encode(uplink, id_, "0102", {}),
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )


@pytest.fixture
async def store() -> MemoryStore:
    opened = await open_store(MEMORY_URL)
    assert isinstance(opened, MemoryStore)
    return opened


@asynccontextmanager
async def running(store: MemoryStore, broker: ScriptedBroker, clock: Clock) -> AsyncIterator[None]:
    options = MqttOptions.from_url(broker.url, version=MqttVersion.V5, backoff=BackoffLimits(first_s=0.02, longest_s=0.1))
    async with Publisher(options) as publisher:
        task = asyncio.create_task(CommandRunner(store, publisher, clock, poll_s=0.01).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def published(broker: ScriptedBroker, count: int) -> list[bytes]:
    """All that was published so far, on whichever connection; at least so many."""
    async with asyncio.timeout(20):
        while len(found := [p for guest in broker.guests for p in guest.packets if p[0] & 0xF0 == 0x30]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


async def status(store: MemoryStore, name: str, wanted: CommandStatus) -> Command:
    async with asyncio.timeout(20):
        while (found := await store.command("acme", UPLINKS[name].tracker, "c1")).status is not wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


@each_format
async def test_a_connection_that_breaks_before_the_broker_has_answered(store: MemoryStore, name: str) -> None:
    await store.add_command(command(name))
    async with ScriptedBroker() as broker, running(store, broker, Clock()):
        await published(broker, 1)
        broker.guests[0].writer.transport.abort()
        if name in REPEATABLE:
            both = await published(broker, 2)
            assert both[0][1:] == both[1][1:]
            broker.guests[-1].send(b"\x40\x02\x00\x01")
            await status(store, name, CommandStatus.SENT)
        else:
            failed = await status(store, name, CommandStatus.FAILED)
            assert failed.error.endswith("it may have it")
            async with asyncio.timeout(20):
                while len(broker.guests) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert len(await published(broker, 1)) == 1


@each_format
async def test_a_process_that_dies_before_the_broker_has_answered(store: MemoryStore, name: str) -> None:
    await store.add_command(command(name))
    clock = Clock()
    async with ScriptedBroker() as broker:
        async with running(store, broker, clock):
            await published(broker, 1)
        clock.now += timedelta(seconds=31)
        async with running(store, broker, clock):
            if name in REPEATABLE:
                await published(broker, 2)
            else:
                await asyncio.sleep(0.2)
                assert len(await published(broker, 1)) == 1
                assert (await store.command("acme", UPLINKS[name].tracker, "c1")).status is CommandStatus.SENT


async def test_without_an_id_nothing_is_sent_that_could_not_be_written_down(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.add_command(command("teltonika"))
    clock, write = Clock(), store.command_sent
    tried = asyncio.Event()

    async def away(*_: object) -> None:
        tried.set()
        raise Unavailable("gone")

    async with ScriptedBroker() as broker, running(store, broker, clock):
        monkeypatch.setattr(store, "command_sent", away)
        await asyncio.wait_for(tried.wait(), 20)
        assert await published(broker, 0) == []
        monkeypatch.setattr(store, "command_sent", write)
        clock.now += timedelta(seconds=31)
        assert len(await published(broker, 1)) == 1


async def test_what_a_slow_broker_leaves_no_time_for_is_left_to_the_next_claim(store: MemoryStore) -> None:
    """By the end of the lease somebody else may have claimed it."""
    for id_ in ("c1", "c2"):
        await store.add_command(command("native", id_))
    clock = Clock()
    async with ScriptedBroker() as broker, running(store, broker, clock):
        assert len(await published(broker, 1)) == 1
        clock.now += timedelta(seconds=16)
        broker.guests[0].send(b"\x40\x02\x00\x01")
        await status(store, "native", CommandStatus.SENT)
        await asyncio.sleep(0.1)
        assert len(await published(broker, 1)) == 1
        clock.now += timedelta(seconds=15)
        first, second = await published(broker, 2)
    assert [json.loads(packet[packet.index(b"{") :])["id"] for packet in (first, second)] == ["c1", "c2"]
