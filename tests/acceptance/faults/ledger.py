"""A publisher that keeps a ledger: what was sent, and what the broker has acknowledged.

It runs in a thread of its own, so that a test can kill, freeze and cut in plain sequence while messages keep flowing.
What is sent while the broker is away waits for it, up to a bound; what it has not acknowledged is sent again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from mqttwire import BackoffLimits, MqttOptions, Publisher
from tests.acceptance.faults.traffic import Sent, Traffic

#: Messages a second.
RATE = 1_000
_TICK_S = 0.02
_MOST_OPEN = 4_000
_WITHIN_S = 120.0
_IMPATIENT = BackoffLimits(first_s=0.05, longest_s=0.5)


class Ledger:
    """Publishes from the first moment of the block. `finish` ends it; leaving the block without it gives the rest up."""

    def __init__(self, url: str, traffic: Traffic, *, rate: int = RATE) -> None:
        self._url = url
        self._traffic = traffic
        self._rate = rate
        self._flowing = threading.Event()
        self._flowing.set()
        self._is_ending = threading.Event()
        self._is_given_up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ledger")
        #: By number.
        self.sent: list[Sent] = []
        #: Number to the monotonic second of the broker's PUBACK.
        self.acknowledged: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_given_up.set()
        self._is_ending.set()
        self._thread.join()

    def pause(self) -> None:
        """Send nothing new, and return when the broker has acknowledged what was sent."""
        self._flowing.clear()
        self._wait_acknowledged()

    def go_on(self) -> None:
        self._flowing.set()

    def send(self, count: int) -> None:
        """Return when so many more have been sent; for a test that counts messages, not seconds."""
        wanted = len(self.sent) + count
        self._wait(lambda: len(self.sent) >= wanted)

    def finish(self) -> None:
        """Send nothing more, and return when the broker has acknowledged all of it."""
        self._is_ending.set()
        self._thread.join(_WITHIN_S)
        assert not self._thread.is_alive(), "the broker does not acknowledge what was published"
        if self._failure is not None:
            raise self._failure

    def acknowledged_before(self, instant_s: float) -> set[int]:
        """Numbers of the messages that the broker had taken by that monotonic second."""
        return {number for number, at_s in self.acknowledged.copy().items() if at_s <= instant_s}

    def _wait_acknowledged(self) -> None:
        time.sleep(2 * _TICK_S)
        self._wait(lambda: len(self.acknowledged) == len(self.sent))

    def _wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WITHIN_S
        while not holds():
            assert self._thread.is_alive(), f"the publisher has ended: {self._failure}"
            assert time.monotonic() < deadline, f"{len(self.sent) - len(self.acknowledged)} messages are not acknowledged"
            time.sleep(0.01)

    # -- in the thread

    def _run(self) -> None:
        try:
            asyncio.run(self._publish())
        except BaseException as problem:  # noqa: BLE001 - told to the test by `finish`
            self._failure = problem

    async def _publish(self) -> None:
        options = MqttOptions.from_url(self._url, backoff=_IMPATIENT, keep_alive_s=5)
        async with Publisher(options) as publisher:
            deliveries: set[asyncio.Task[None]] = set()
            due = 0.0
            while not self._is_ending.is_set():
                if self._flowing.is_set() and len(deliveries) < _MOST_OPEN:
                    due += self._rate * _TICK_S
                    while len(self.sent) < due:
                        self._send_one(publisher, deliveries)
                else:
                    due = float(len(self.sent))
                await asyncio.sleep(_TICK_S)
            while deliveries and not self._is_given_up.is_set():
                await asyncio.wait(deliveries, timeout=_TICK_S)
            for task in deliveries:
                task.cancel()
            await asyncio.gather(*deliveries, return_exceptions=True)

    def _send_one(self, publisher: Publisher, deliveries: set[asyncio.Task[None]]) -> None:
        message = self._traffic.message(len(self.sent))
        self.sent.append(message)
        task = asyncio.create_task(self._deliver(publisher, message))
        deliveries.add(task)
        task.add_done_callback(deliveries.discard)

    async def _deliver(self, publisher: Publisher, message: Sent) -> None:
        await publisher.deliver(message.topic, message.payload)
        self.acknowledged[message.number] = time.monotonic()
