"""Hands commands to the broker: claims what is due, publishes it at QoS 1, and writes down that the broker has it.

Answers do not come through here: the worker takes them in with everything else that trackers say, and the commit that holds them
closes their command (`Commit.answers`).

What happens when a process or a connection dies half-way depends on whether the tracker could tell a second command from the first:

1. The command carries an id (`downlink.encode.REPEATABLE`): published first, written down afterwards. After a crash in between it
   is published again when the lease is over, with the same id: at least once.
2. It carries none (a Teltonika text, a LoRaWAN payload): written down first, published afterwards, and never a second time: at most
   once. What may have been lost that way is not answered, and expires, or has failed.

Any number of runners may work on one store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from downlink.encode import REPEATABLE
from fleet.command import Command
from mqttwire import Publisher
from mqttwire.errors import DeliveryUnknown, PublishRefused
from store.protocol import CommandStore, Unavailable

log = logging.getLogger(__name__)

_POLL_S: Final = 0.5
_AT_ONCE: Final = 100
#: After it a command that was claimed and not written down as sent is due again.
_LEASE_S: Final = 30.0
#: A broker acknowledges within this time. What is begun in the first half of the lease is over before its end, so that nobody
#: else has claimed it by then.
_ANSWER_S: Final = _LEASE_S / 2
_NO_ANSWER: Final = "the broker did not answer in time; it may have the command all the same"


class CommandRunner:
    """`run` until cancelled. The publisher is open and stays the caller's."""

    def __init__(
        self, store: CommandStore, publisher: Publisher, clock: Callable[[], datetime], *, poll_s: float = _POLL_S
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._now = clock
        self._poll_s = poll_s

    async def run(self) -> None:
        while True:
            try:
                sent = await self._turn()
            except Unavailable as failure:
                log.warning("commands wait: the store is away (%s)", failure)
                sent = 0
            if sent < _AT_ONCE:
                await asyncio.sleep(self._poll_s)

    async def _turn(self) -> int:
        """Expire what nobody answered, send what is due; how many were due."""
        await self._store.expire_commands(self._now())
        if not self._publisher.is_connected:
            return 0  # what is claimed now would only wait here, and be published after it has expired
        claimed_at = self._now()
        due = await self._store.claim_commands(claimed_at, limit=_AT_ONCE, lease_s=_LEASE_S)
        for command in due:
            if self._now() - claimed_at > timedelta(seconds=_LEASE_S - _ANSWER_S):
                break  # the broker is slow: the rest is claimed anew when the lease is over
            await (self._send(command) if command.format in REPEATABLE else self._send_once(command))
        return len(due)

    async def _send(self, command: Command) -> None:
        try:
            await self._deliver(command, once=False)
        except PublishRefused as refusal:
            await self._failed(command, str(refusal))
        except TimeoutError:
            log.warning("the broker did not answer to command %s in time; it is sent again", command.id)
        else:
            await self._store.command_sent(command.tenant, command.id, self._now())

    async def _send_once(self, command: Command) -> None:
        await self._store.command_sent(command.tenant, command.id, self._now())
        try:
            await self._deliver(command, once=True)
        except (PublishRefused, DeliveryUnknown) as failure:
            await self._failed(command, str(failure))
        except TimeoutError:
            await self._failed(command, _NO_ANSWER)

    async def _deliver(self, command: Command, *, once: bool) -> None:
        downlink, left_s = command.downlink, (command.expires_at - self._now()).total_seconds()
        async with asyncio.timeout(_ANSWER_S):
            await self._publisher.deliver(downlink.topic, downlink.payload, expiry_s=max(1, round(left_s)), once=once)

    async def _failed(self, command: Command, why: str) -> None:
        log.warning("command %s to %s/%s has failed: %s", command.id, command.tenant, command.tracker, why)
        await self._store.command_failed(command.tenant, command.id, error=why)
