"""What the worker counts, for Prometheus. All names are here; nothing is done for each message, only for each batch.

Scraped from the worker's own port; `outrider_` prefixes every name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_SIZES: Final = (1, 10, 30, 100, 300, 1_000, 2_000, 5_000, 10_000, 20_000)


class ColumnHistogram(Collector):
    """A histogram that takes in whole columns: one search in the bounds for all values, not a call for each."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = np.array(bounds)
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0
        registry.register(self)

    def observe(self, values: npt.NDArray[np.float64]) -> None:
        slots = np.searchsorted(self._bounds, values, side="left")
        self._counts += np.bincount(slots, minlength=len(self._counts))
        self._sum += float(values.sum())

    def quantile(self, share: float) -> float:
        """The upper bound of the bucket that holds this share of the values; infinite beyond the last, NaN without values."""
        total = int(self._counts.sum())
        if not total:
            return float("nan")
        slot = int(np.searchsorted(np.cumsum(self._counts), share * total, side="left"))
        return float(self._bounds[slot]) if slot < len(self._bounds) else float("inf")

    def collect(self) -> Iterator[Any]:
        cumulative = np.cumsum(self._counts).tolist()
        buckets = [(str(bound), count) for bound, count in zip(self._bounds.tolist(), cumulative[:-1], strict=True)]
        buckets.append(("+Inf", cumulative[-1]))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


class IngestMetrics:
    """One registry, all the worker's metrics."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()

        def counter(name: str, what: str, labels: Sequence[str] = ()) -> Counter:
            return Counter(f"outrider_ingest_{name}", what, labels, registry=self.registry)

        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"outrider_ingest_{name}", what, registry=self.registry)

        self.messages = counter("messages", "Messages taken from the source.")
        self.message_bytes = counter("message_bytes", "Bytes of their payloads.")
        self.acknowledged = counter("acknowledged", "Messages acknowledged to the source.")
        self.fixes = counter("fixes", "Fixes that passed screening.")
        self.stored = counter("stored", "Fixes that were new in the store.")
        self.duplicates = counter("duplicates", "Fixes that were there already.")
        self.refused = counter("refused", "Messages and fixes refused, by reason.", ["reason"])
        self.flagged = counter("flagged", "Fixes kept though suspicious, by flag.", ["flag"])
        self.clock_changes = counter("clock_changes", "Trackers' clocks found to be off by a constant, or right again.", ["found"])
        self.clock_doubts = counter("clock_doubts", "Clocks left alone because so many were off that ours may be wrong.")
        self.dead_letters_dropped = counter("dead_letters_dropped", "Dead letters beyond the limit a second: counted, not kept.")
        self.events = counter("events", "Events found.")
        self.repairs = counter("repairs", "Vehicles folded again because of late fixes.")
        self.world_reloads = counter("world_reloads", "Reloads of fences, routes and mountings.")
        self.checkpoints = counter("checkpoints", "Checkpoints written.")
        self.collisions = counter("collisions", "Commits that met rows already stored and took the slow path.")
        self.live_dropped = counter("live_dropped", "Live frames dropped for newer ones.")
        self.database_failures = counter("database_failures", "Times that the database could not be reached.")
        self.commit_s = Histogram(
            "outrider_ingest_commit_seconds", "Time of one transaction.", buckets=_SECONDS, registry=self.registry
        )
        self.batch_fixes = Histogram(
            "outrider_ingest_batch_fixes", "Fixes in one transaction.", buckets=_SIZES, registry=self.registry
        )
        self.lag_s = ColumnHistogram(
            "outrider_ingest_lag_seconds", "From the receipt of a fix to its commit.", _SECONDS, self.registry
        )
        self.repairs_due = gauge("repairs_due", "Vehicles that wait to be folded again.")
        self.in_flight = gauge("in_flight", "Messages taken and not acknowledged.")
        self.trackers = gauge("trackers", "Trackers known.")
        self.clocks_corrected = gauge("clocks_corrected", "Trackers whose clock is corrected now.")
        self.waits_for_database = gauge("waits_for_database", "1 while the database cannot be reached.")
        self.source_connected = gauge("source_connected", "1 while the source is connected.")
        self.reconnects = gauge("source_reconnects", "Times that the source connected anew.")
        self.sessions_lost = gauge("source_sessions_lost", "Times that the broker had forgotten our session.")
