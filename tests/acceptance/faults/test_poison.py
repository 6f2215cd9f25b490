"""Poison: values that pass every check of ours and that the database refuses all the same. Each is found among thousands of good
ones, by halves, and becomes a dead letter; the good ones are stored, and nothing waits."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from mqttwire import MqttOptions, Publisher
from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.rig import Rig
from tests.acceptance.worker_process import query, until

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

POISONS = 7
#: Stands for whatever a database may refuse: a rule of its own, which no screening knows.
RULE = "ALTER TABLE fixes ADD CONSTRAINT not_so_high CHECK (altitude_m IS NULL OR altitude_m < 8000)"


def test_poison_among_good_messages(start_rig: StartRig) -> None:
    with start_rig() as rig:
        with psycopg.connect(rig.database_url) as connection:
            connection.execute(RULE)
        rig.keep_flowing(1_000)
        sent = [poison(rig, number) for number in range(POISONS)]
        asyncio.run(publish(rig, sent))
        until(lambda: buried(rig) == sorted(sent), rig.worker)
        rig.keep_flowing(1_000)
        rig.settle()
        forget_poison(rig)
        rig.verdict()


def forget_poison(rig: Rig) -> None:
    """It is settled, and the judge knows of the fleet's own messages alone. That its vehicles came online stays said: they did."""
    with psycopg.connect(rig.database_url) as connection:
        connection.execute("DELETE FROM dead_letters WHERE reason = 'refused_by_database'")
        gone = "DELETE FROM events WHERE vehicle LIKE 'poison-%' AND type = 'vehicle.online' RETURNING seq"
        connection.execute(f"WITH gone AS ({gone}) DELETE FROM outbox USING gone WHERE event_seq = gone.seq")


def poison(rig: Rig, number: int) -> bytes:
    """A fix of a vehicle of its own, among the times of the others."""
    at_ms = rig.ledger.sent[0].at_us // 1000 + 3_000 + number * 5_000
    return b'{"time":%d,"lat":60.0,"lon":24.0,"altitude_m":%d}' % (at_ms, 9_000 + number)


async def publish(rig: Rig, payloads: list[bytes]) -> None:
    async with Publisher(MqttOptions.from_url(rig.broker.url)) as publisher:
        for number, payload in enumerate(payloads):
            await publisher.deliver(f"fleet/default/poison-{number}/fix", payload)


def buried(rig: Rig) -> list[bytes]:
    statement = "SELECT payload FROM dead_letters WHERE reason = 'refused_by_database'"
    return sorted(bytes(payload) for (payload,) in query(rig.database_url, statement))
