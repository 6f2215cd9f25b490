"""The shipped access rules on a real Mosquitto: a tracker speaks under its own name alone, and hears what is meant for it.

A broker does not say that it let nothing through, so each test sends what is forbidden first and what is allowed last on the
same connection: when the last has come, the others have been dropped.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import aiomqtt
import pytest

from ingest.formats import FORMATS
from outrider.embedded.mosquitto import ANONYMOUS_RULES
from tests.realparts.certificates import Authority
from tests.realparts.mosquitto import Mosquitto

USERS = {
    "worker": "w",
    "bridge": "b",
    "simulator": "s",
    "acme/van-7": "7",
    "acme/van-8": "8",
    "352093081452251": "i",
    "ann": "a",
    "ben/phone": "p",
}
Start = Callable[..., Mosquitto]


def client(broker: Mosquitto, user: str, **options: Any) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port, username=user, password=USERS[user], timeout=10, **options)


async def heard(by: aiomqtt.Client, last: str) -> list[str]:
    """Topics of what came in, up to the last one."""
    topics: list[str] = []
    async with asyncio.timeout(30):
        async for message in by.messages:
            topics.append(message.topic.value)
            if topics[-1] == last:
                break
    return topics


async def reports(broker: Mosquitto, user: str, forbidden: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """What the worker hears when a user publishes on these topics."""
    async with client(broker, "worker") as worker, client(broker, user) as tracker:
        await worker.subscribe("#", qos=1)
        for topic in [*forbidden, *allowed]:
            await tracker.publish(topic, b"{}", qos=1)
        return await heard(worker, allowed[-1])


@pytest.mark.parametrize(
    ("user", "allowed"),
    [
        (
            "acme/van-7",
            ["fleet/acme/van-7/fix", "fleet/acme/van-7/status", "fleet/acme/van-7/command/c1/reply"],
        ),
        ("352093081452251", ["352093081452251/data", "teltonika/352093081452251/data", "traccar/352093081452251"]),
        ("352093081452251", ["v1/devices/352093081452251/telemetry", "v1/devices/352093081452251/rpc/response/7"]),
        ("ann", ["owntracks/ann/phone", "owntracks/ann/tablet/event"]),
        ("ben/phone", ["owntracks/ben/phone", "owntracks/ben/phone/waypoint"]),
    ],
)
async def test_a_tracker_reports_under_its_own_name_alone(start_mosquitto: Start, user: str, allowed: list[str]) -> None:
    forbidden = [
        "fleet/acme/van-8/fix", "fleet/acme/van-8/status", "fleet/other/van-7/fix", "fleet/acme/van-7/command",
        "fleet/acme/van-8/command/c1/reply", "outrider/live/acme/positions", "9990000/data", "teltonika/9990000/data",
        "owntracks/eve/phone", "traccar/eve", "v1/devices/eve/telemetry", "v1/gateway/telemetry", "/hfp/v2/journey/x",
        "flespi/message/gw/devices/1", "v3/app@ttn/devices/eve/up", f"{user}", f"fleet/{user}",
    ]  # fmt: skip
    broker = start_mosquitto(users=USERS, shipped_acl=True)
    assert await reports(broker, user, forbidden, allowed) == allowed


@pytest.mark.parametrize(
    ("user", "own", "others"),
    [
        ("acme/van-7", "fleet/acme/van-7/command", "fleet/acme/van-8/command"),
        ("352093081452251", "352093081452251/commands", "9990000/commands"),
        ("352093081452251", "v1/devices/352093081452251/rpc/request/7", "v1/devices/eve/rpc/request/7"),
        ("ann", "owntracks/ann/phone/cmd", "owntracks/ben/phone/cmd"),
        ("ben/phone", "owntracks/ben/phone/cmd", "owntracks/ben/tablet/cmd"),
    ],
)
async def test_a_tracker_hears_its_own_commands_alone(start_mosquitto: Start, user: str, own: str, others: str) -> None:
    broker = start_mosquitto(users=USERS, shipped_acl=True)
    async with client(broker, user) as tracker, client(broker, "worker") as worker, client(broker, "acme/van-8") as neighbour:
        for wanted in ("#", own, others, "fleet/+/+/fix", "outrider/#"):
            await tracker.subscribe(wanted, qos=1)
        await neighbour.publish("fleet/acme/van-8/fix", b"{}", qos=1)
        await worker.publish("outrider/live/acme/positions", b"{}", qos=1)
        await worker.publish(others, b"{}", qos=1)
        await worker.publish(own, b"{}", qos=1)
        assert set(await heard(tracker, own)) == {own}


async def test_a_certificates_name_does_for_a_user_name(start_mosquitto: Start, authority: Authority) -> None:
    broker = start_mosquitto(tls=authority.server(), client_authority=authority.certificate, shipped_acl=True)

    def as_one(name: str) -> aiomqtt.Client:
        pair = authority.client(name)
        context = ssl.create_default_context(cafile=str(authority.certificate))
        context.load_cert_chain(pair.certificate, pair.key)
        return aiomqtt.Client(broker.host, broker.port, tls_context=context, timeout=10)

    async with as_one("worker") as worker, as_one("acme/van-7") as tracker:
        await worker.subscribe("fleet/#", qos=1)
        await tracker.subscribe("fleet/acme/van-8/command", qos=1)
        await tracker.subscribe("fleet/acme/van-7/command", qos=1)
        for topic in ("fleet/acme/van-8/fix", "fleet/acme/van-7/fix"):
            await tracker.publish(topic, b"{}", qos=1)
        assert await heard(worker, "fleet/acme/van-7/fix") == ["fleet/acme/van-7/fix"]
        for topic in ("fleet/acme/van-8/command", "fleet/acme/van-7/command"):
            await worker.publish(topic, b"{}", qos=1)
        assert await heard(tracker, "fleet/acme/van-7/command") == ["fleet/acme/van-7/command"]


EXAMPLES = {
    "native": ["fleet/acme/1/fix"],
    "hfp": ["/hfp/v2/journey/ongoing/vp/bus/0018/01029"],
    "owntracks": ["owntracks/ann/phone"],
    "teltonika": ["352093081452251/data", "teltonika/352093081452251/data"],
    "flespi": ["flespi/message/gw/devices/1"],
    "thingsboard": ["v1/devices/d/telemetry", "v1/gateway/telemetry"],
    "ttn": ["v3/app@ttn/devices/d/up"],
    "traccar": ["traccar/d"],
}


async def test_the_simulator_reports_in_every_format(start_mosquitto: Start) -> None:
    topics = [topic for one in FORMATS for topic in EXAMPLES[one.name]]
    broker = start_mosquitto(users=USERS, shipped_acl=True)
    assert await reports(broker, "simulator", ["outrider/live/acme/positions"], topics) == topics


async def test_a_bridge_brings_what_comes_from_elsewhere(start_mosquitto: Start) -> None:
    topics = [topic for name in ("flespi", "ttn", "hfp") for topic in EXAMPLES[name]] + ["v1/gateway/telemetry"]
    broker = start_mosquitto(users=USERS, shipped_acl=True)
    assert await reports(broker, "bridge", ["fleet/acme/1/fix", "traccar/d"], topics) == topics


def test_on_loopback_every_format_may_be_tried_without_an_account() -> None:
    filters = [line.split()[-1] for line in ANONYMOUS_RULES.splitlines() if line.startswith("topic write")]
    for topic in (topic for one in FORMATS for topic in EXAMPLES[one.name]):
        assert any(aiomqtt.Topic(topic).matches(wanted) for wanted in filters), topic
