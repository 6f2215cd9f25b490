"""What a broker that was killed still has for the worker: the messages on its disk, read by a twin that starts from a copy of it.

Nothing of the broker under test is touched. The twin gets the file as the kill left it, a client connects to the twin with the
worker's client id, and takes over the worker's session there: what it is handed is exactly what the broker would have handed to the
worker, had it been started again at that moment. A message that is published to the twin afterwards marks the end, since a
session's messages are handed over in order.
"""

from __future__ import annotations

import asyncio

from mqttwire import MqttOptions, MqttVersion, Publisher
from mqttwire.inbox import Inbox
from mqttwire.opener import Opener
from mqttwire.packets import SessionWish
from tests.acceptance.faults.ledger import Ledger
from tests.realparts.mosquitto import Mosquitto, running_mosquitto

#: The worker's client id, and so its session's, where no setting says otherwise.
CLIENT_ID = "outrider-worker"
_END = ("fleet/default/-/fix", b"end")
_WITHIN_S = 60.0


def forgotten(broker: Mosquitto, ledger: Ledger, killed_at_s: float) -> set[int]:
    """Numbers of messages that the killed broker had acknowledged by that monotonic second, and no longer has.

    The worker may have been handed some of them before; the judge counts as lost by the broker only what is not in the store.
    """
    held = held_by(broker)
    taken = ledger.acknowledged_before(killed_at_s)
    return {sent.number for sent in ledger.sent[:] if sent.number in taken and (sent.topic, sent.payload) not in held}


def held_by(broker: Mosquitto) -> set[tuple[str, bytes]]:
    """Topic and payload of the messages in the worker's session. Raises AssertionError where even the session is gone."""
    with running_mosquitto() as twin:
        twin.stop()
        twin.adopt(broker)
        twin.start()
        return asyncio.run(_drain(twin.url))


async def _drain(url: str) -> set[tuple[str, bytes]]:
    options = MqttOptions.from_url(url, client_id=CLIENT_ID, version=MqttVersion.V5)
    inbox = Inbox(max_messages=20_000, max_bytes=1 << 28)
    wish = SessionWish(clean_start=False, expiry_s=60, receive_max=20_000)
    held: set[tuple[str, bytes]] = set()
    async with asyncio.timeout(_WITHIN_S):
        connection = await Opener(options, inbox, wish)()
        assert connection.server.session_present, "the broker has not even the session: it was killed before its first save"
        async with Publisher(MqttOptions.from_url(url)) as publisher:
            await publisher.deliver(*_END)
        while _END not in held:
            messages = await inbox.take(20_000)
            assert messages is not None
            held.update(zip(messages.topics, messages.payloads, strict=True))
            inbox.release(messages)
        await connection.close()
    return held - {_END}
