"""Sends a capture again, over real MQTT: message by message in the recorded order, at the recorded pace or a multiple of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from firmware_sim.drive import Progress, Transmit
from fleet.clock import MICROS_PER_S

#: Longest silence of a recording that is waited for in full, in seconds of replay; a longer one is cut to this.
LONGEST_PAUSE_S = 60.0


class Captured(Protocol):
    """One recorded message; `received` in microseconds since 1970 UTC."""

    @property
    def received(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...


async def replay(
    messages: Iterable[Captured],
    transmit: Transmit,
    *,
    speed: float,
    progress: Progress,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Send all messages; `speed` 1 is the recorded pace, 10 is ten times as fast, 0 as fast as the broker takes them."""
    clock = asyncio.get_running_loop().time
    previous: int | None = None
    due_s = clock()
    for message in messages:
        if speed > 0 and previous is not None:
            gap_s = max(0, message.received - previous) / MICROS_PER_S / speed
            due_s += min(gap_s, LONGEST_PAUSE_S)
            if (wait_s := due_s - clock()) > 0:
                await sleep(wait_s)
        previous = message.received
        await transmit(message.topic, message.payload)
        progress.messages += 1
