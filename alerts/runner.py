"""Sends what is due: claims alerts from the outbox, posts them, and writes down what became of them.

Crashes are harmless: what was claimed and not marked is due again when its lease ends, with the same webhook-id. Any number of
runners may work on one outbox. A slow endpoint has its own few places; while those are taken its alerts are not claimed, so it
keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from alerts.decide import Answer, Delivered, Disable, Retry, decide
from alerts.message import webhook_body
from alerts.sender import Sender
from alerts.settings import AlertSettings
from alerts.signing import BadSignature, sign
from fleet.clock import rfc3339
from fleet.subscription import Alert, SubscriptionStatus
from store.protocol import AlertStore, NotFound, Unavailable

Endpoint: TypeAlias = tuple[str, str]

_STORE_RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class AlertCounts:
    """For metrics; they only grow."""

    attempts: int = 0
    delivered: int = 0
    #: Attempts that failed; those that were not their alert's first.
    failed: int = 0
    retried: int = 0
    #: Alerts that are not tried again.
    given_up: int = 0
    #: Subscriptions.
    disabled: int = 0
    store_failures: int = 0


class AlertRunner:
    def __init__(
        self,
        store: AlertStore,
        settings: AlertSettings,
        clock: Callable[[], datetime] = _utc_now,
        *,
        sender: Sender | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._settings = settings
        self._now = clock
        self._sender = sender
        self._jitter = jitter
        self._under_way: dict[asyncio.Task[None], Endpoint] = {}
        self._failure: BaseException | None = None
        self._freed = asyncio.Event()
        self.counts = AlertCounts()

    @property
    def under_way(self) -> int:
        """Alerts that are being sent."""
        return len(self._under_way)

    async def run(self) -> None:
        """Until cancelled; then attempts under way are broken off and left to their lease."""
        async with self._sender or Sender(self._settings) as sender:
            try:
                while not self._is_cancelled():
                    await self._turn(sender)
            finally:
                await self._break_off()

    @staticmethod
    def _is_cancelled() -> bool:
        """Whether somebody cancelled us and it did not come through: `asyncio.wait_for`, with which the database driver waits,
        swallows a cancellation that comes in the same moment as what it waited for (up to Python 3.11, bpo-37658)."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    async def _turn(self, sender: Sender) -> None:
        """Claim a few and start them; where fewer were due, wait until a place is free or it is time to look again."""
        if self._failure is not None:
            raise self._failure
        self._freed.clear()
        # no more than one endpoint's share at a time, so that one endpoint has at most twice its share under way
        wanted = min(self._settings.at_once_per_endpoint, self._settings.at_once - len(self._under_way))
        alerts = await self._claim(wanted) if wanted > 0 else []
        for alert in alerts:
            self._start(sender, alert)
        if wanted <= 0 or len(alerts) < wanted:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.poll_s):
                    await self._freed.wait()

    async def _claim(self, wanted: int) -> list[Alert]:
        taken = Counter(self._under_way.values())
        busy = [endpoint for endpoint, number in taken.items() if number >= self._settings.at_once_per_endpoint]
        try:
            return await self._store.claim_alerts(self._now(), limit=wanted, lease_s=self._settings.lease_s, busy=busy)
        except Unavailable as error:
            self._store_is_away(error)
            return []

    def _start(self, sender: Sender, alert: Alert) -> None:
        task = asyncio.create_task(self._handle(sender, alert), name=f"alert-{alert.id[:8]}")
        self._under_way[task] = (alert.tenant, alert.subscription.id)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
        self._freed.set()

    async def _break_off(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)  # each ends by itself, if late

    # -- one alert

    async def _handle(self, sender: Sender, alert: Alert) -> None:
        if alert.subscription.status is not SubscriptionStatus.ACTIVE:
            self.counts.given_up += 1
            await self._write(lambda: self._store.alert_failed(alert.id, self._now(), error="disabled", retry_at=None))
            return
        self.counts.attempts += 1
        self.counts.retried += alert.attempts > 0
        answer = await self._attempt(sender, alert)
        match decide(answer, alert.attempts, self._now(), self._jitter()):
            case Delivered():
                self.counts.delivered += 1
                await self._write(lambda: self._store.alert_delivered(alert.id, self._now()))
            case Retry(at=at, why=why):
                self.counts.failed += 1
                _log.info("alert %s to %s: %s; again at %s", alert.id[:8], _name(alert), why, rfc3339(at))
                await self._write(lambda: self._store.alert_failed(alert.id, self._now(), error=why, retry_at=at))
            case Disable(why=why):
                await self._disable(alert, why)

    async def _attempt(self, sender: Sender, alert: Alert) -> Answer:
        body = webhook_body(alert.event)
        timestamp_s = int(self._now().timestamp())
        try:
            signature = sign(alert.subscription.secrets, alert.id, timestamp_s, body)
        except BadSignature as error:
            return Answer(error=str(error))
        headers = {
            "content-type": "application/json",
            "webhook-id": alert.id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signature,
        }
        return await sender.post(alert.subscription.url, headers, body)

    async def _disable(self, alert: Alert, why: str) -> None:
        self.counts.failed += 1
        self.counts.given_up += 1
        self.counts.disabled += 1
        _log.warning("webhook subscription %s is disabled: %s", _name(alert), why)
        await self._write(lambda: self._store.alert_failed(alert.id, self._now(), error=why, retry_at=None))
        await self._write(lambda: self._store.disable_subscription(alert.tenant, alert.subscription.id, why))

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        """Until the store has it. What is lost by a crash here is sent once more, with the same id."""
        while True:
            try:
                await write()
            except NotFound:
                return  # the subscription was deleted meanwhile, and its alerts with it
            except Unavailable as error:
                self._store_is_away(error)
                await asyncio.sleep(_STORE_RETRY_S)
            else:
                return

    def _store_is_away(self, error: Unavailable) -> None:
        self.counts.store_failures += 1
        _log.warning("alerts wait: the store is away (%s)", error)


def _name(alert: Alert) -> str:
    return f"{alert.tenant}/{alert.subscription.id}"
