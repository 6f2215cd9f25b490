"""Hands commands to the broker: claims what is due, publishes it at QoS 1, and writes down that the broker has it.

Answers do not come through here: the worker takes them in with everything else that trackers say, and the commit that holds them
closes their command (`Commit.answers`).

A crash between publishing and writing down publishes again when the lease is over, so a tracker may get a command twice: with
the same id, where its format has one. Any number of runners may work on one store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from fleet.command import Command
from mqttwire import Publisher
from mqttwire.errors import PublishRefused
from store.protocol import CommandStore, Unavailable

log = logging.getLogger(__name__)

_POLL_S: Final = 0.5
_AT_ONCE: Final = 100
#: Longer than a broker takes to acknowledge; after it the command is due again.
_LEASE_S: Final = 30.0


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
        due = await self._store.claim_commands(self._now(), limit=_AT_ONCE, lease_s=_LEASE_S)
        for command in due:
            await self._send(command)
        return len(due)

    async def _send(self, command: Command) -> None:
        downlink, left_s = command.downlink, (command.expires_at - self._now()).total_seconds()
        try:
            async with asyncio.timeout(_LEASE_S / 2):
                await self._publisher.deliver(downlink.topic, downlink.payload, expiry_s=max(1, round(left_s)))
        except PublishRefused as refusal:
            log.warning("the broker does not take command %s to %s/%s: %s", command.id, command.tenant, command.tracker, refusal)
            await self._store.command_failed(command.tenant, command.id, error=str(refusal))
        except TimeoutError:
            log.warning("the broker did not answer to command %s in time; it is sent again", command.id)
        else:
            await self._store.command_sent(command.tenant, command.id, self._now())
