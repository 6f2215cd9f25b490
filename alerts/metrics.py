"""What the alert sender counts, for Prometheus, and whether it is well. No label names a tenant, a subscription or an endpoint.

How much waits is asked of the store now and then, not at each scrape: a scrape must be answered while the database is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.runner import AlertRunner
from store.protocol import AlertBacklog, AlertStore, Unavailable

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 5.0
_COUNTS: Final = {
    "attempts": "Requests sent to endpoints, or tried to",
    "delivered": "Alerts that their endpoint took",
    "failed": "Attempts that failed",
    "retried": "Attempts that were not an alert's first",
    "given_up": "Alerts that are not tried again",
    "disabled": "Subscriptions that were disabled because of their endpoint",
    "store_failures": "Times that the database could not be reached",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSign:
    """How the alert sender is, for `/readyz`."""

    is_store_reachable: bool
    waiting: int
    oldest_age_s: float

    @property
    def is_ready(self) -> bool:
        return self.is_store_reachable

    def as_json(self) -> dict[str, Any]:
        detail = "current" if self.is_store_reachable else "the database cannot be reached"
        return asdict(self) | {"ready": self.is_ready, "detail": detail}


class AlertMetrics(Collector):
    """`watch` keeps the backlog up to date; `registry` is what is scraped."""

    def __init__(self, runner: AlertRunner, store: AlertStore, now: Callable[[], datetime]) -> None:
        self.registry = CollectorRegistry()
        self._runner = runner
        self._store = store
        self._now = now
        self._backlog = AlertBacklog(waiting=0, oldest=None)
        self._is_store_reachable = False
        self.registry.register(self)

    async def watch(self, every_s: float = _LOOK_EVERY_S) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Ask the store what waits."""
        try:
            self._backlog = await self._store.alert_backlog()
        except Unavailable as error:
            self._is_store_reachable = False
            log.debug("what waits is not known: %s", error)
        else:
            self._is_store_reachable = True

    def sign(self) -> AlertSign:
        return AlertSign(
            is_store_reachable=self._is_store_reachable, waiting=self._backlog.waiting, oldest_age_s=self._oldest_age_s()
        )

    def collect(self) -> Iterable[Metric]:
        for name, text in _COUNTS.items():
            yield CounterMetricFamily(f"outrider_alerts_{name}", text, value=getattr(self._runner.counts, name))
        yield GaugeMetricFamily("outrider_alerts_under_way", "Requests under way now", self._runner.under_way)
        yield GaugeMetricFamily("outrider_alerts_waiting", "Alerts neither delivered nor given up", self._backlog.waiting)
        yield GaugeMetricFamily(
            "outrider_alerts_oldest_age_seconds", "Since the oldest of them was due first", self._oldest_age_s()
        )
        yield GaugeMetricFamily("outrider_alerts_store_reachable", "1 while the database is reached", int(self._is_store_reachable))

    def _oldest_age_s(self) -> float:
        """It grows while the database is away, too."""
        oldest = self._backlog.oldest
        return 0.0 if oldest is None else max(0.0, (self._now() - oldest).total_seconds())
