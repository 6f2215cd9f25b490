"""Counting what the loop does: a few additions for each batch, none for a message."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from prometheus_client import Counter

from fleet.clock import MICROS_PER_S
from fleet.message import MessageBatch
from ingest.loop.prepared import Prepared
from ingest.loop.writing import Written
from ingest.metrics import IngestMetrics
from ingest.reception import Taken
from ingest.screening.clocks import Clocks


class Accounting:
    """Knows which metric means what."""

    def __init__(self, metrics: IngestMetrics) -> None:
        self._metrics = metrics
        self._database_failures = _total(metrics.database_failures)
        self._live_dropped = _total(metrics.live_dropped)
        self._world_loads = _total(metrics.world_reloads)
        self._repairs = _total(metrics.repairs)
        self._clock_doubts = _total(metrics.clock_doubts)
        self._checkpoints = _total(metrics.checkpoints)

    def taken(self, batch: MessageBatch, taken: Taken, dropped: int) -> None:
        """A chunk was decoded and screened; `dropped` of its dead letters are not kept."""
        metrics = self._metrics
        metrics.messages.inc(len(batch))
        metrics.message_bytes.inc(sum(map(len, batch.payloads)))
        metrics.fixes.inc(len(taken.fixes))
        metrics.duplicates.inc(taken.duplicates)
        for reason, count in taken.reasons.items():
            metrics.refused.labels(reason.value).inc(count)
        for flag, count in taken.flagged.items():
            metrics.flagged.labels((flag.name or "").lower()).inc(count)
        for clock in taken.clocks:
            metrics.clock_changes.labels("off" if clock.until is None else "right_again").inc()
        if dropped:
            metrics.dead_letters_dropped.inc(dropped)

    def written(self, prepared: Prepared, written: Written, took_s: float, now_us: int) -> None:
        """A commit was written."""
        metrics = self._metrics
        metrics.stored.inc(written.stored)
        metrics.duplicates.inc(written.duplicates)
        metrics.commit_s.observe(took_s)
        metrics.batch_fixes.observe(sum(map(len, prepared.fixes)))
        metrics.events.inc(len(prepared.outcome.events))
        if written.collided:
            metrics.collisions.inc()
        if written.refused:
            metrics.refused.labels("refused_by_database").inc(written.refused)
        for fixes in prepared.fixes:
            if len(fixes):
                metrics.lag_s.observe(np.maximum(now_us - fixes.received, 0) / MICROS_PER_S)

    def clocks(self, clocks: Clocks) -> None:
        """How many trackers' clocks are corrected now, and how many were left alone."""
        self._metrics.clocks_corrected.set(clocks.in_force)
        self._clock_doubts(clocks.doubts)

    def totals(self, database_failures: int, live_dropped: int, world_loads: int, repairs: int, checkpoints: int) -> None:
        """Totals that other parts keep."""
        self._database_failures(database_failures)
        self._live_dropped(live_dropped)
        self._world_loads(world_loads)
        self._repairs(repairs)
        self._checkpoints(checkpoints)


def _total(counter: Counter) -> Callable[[int], None]:
    """Brings a counter up to a total that somebody else counts."""
    known = 0

    def bring(total: int) -> None:
        nonlocal known
        if total > known:
            counter.inc(total - known)
            known = total

    return bring
