"""What the ingest benchmark measures, each in a process of its own: a sink that only acknowledges, and the whole worker."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import cast

import numpy as np
import psutil

from fleet.fence import Circle, Fence
from fleet.message import MessageBatch
from ingest.formats import FORMATS
from ingest.metrics import ColumnHistogram, IngestMetrics
from ingest.pipeline import Pipeline
from ingest.protocol import Source
from ingest.reception import Reception
from ingest.registry import Registry
from ingest.router import Router, selections
from ingest.screen import Screen
from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt5 import Mqtt5Source
from ingest.sources.mqtt311 import Mqtt311Source
from ingest.worker import Worker, WorkerSettings
from mqttwire import MqttOptions, MqttVersion, Publisher
from store.open import open_store
from store.protocol import Commit, Committed, Store

FILTERS = ["fleet/+/+/fix"]
_LATENCIES_S = [round(0.001 * 1.1**step, 6) for step in range(110)]


class Counted:
    """A source that times what goes through it, and ends after so many messages were acknowledged.

    Times and CPU count from the first message to the last acknowledgement.
    """

    def __init__(self, source: Source, messages: int) -> None:
        self._source = source
        self._messages = messages
        self._process = psutil.Process()
        self._taken = self._acknowledged = self._batches = 0
        #: Messages by the token of their batch: the worker may hand a batch back in parts.
        self._sizes: dict[int, int] = {}
        self._began = (0.0, 0.0)
        self._ended = (0.0, 0.0)
        self._memory: list[int] = []

    async def batches(self) -> AsyncIterator[MessageBatch]:
        async for batch in self._source.batches():
            if not self._taken:
                self._began = (time.perf_counter(), time.process_time())
            self._taken += len(batch)
            self._sizes[id(batch.token)] = len(batch)
            yield batch
            if self._taken >= self._messages:
                return

    async def ack(self, batch: MessageBatch) -> None:
        await self._source.ack(batch)
        self._acknowledged += self._sizes.pop(id(batch.token))
        self._batches += 1
        if self._batches % 64 == 0:
            self._memory.append(self._process.memory_info().rss)
        self._ended = (time.perf_counter(), time.process_time())

    async def close(self) -> None:
        await self._source.close()

    @property
    def is_connected(self) -> bool:
        return self._source.is_connected

    @property
    def figures(self) -> dict[str, float]:
        seconds, cpu_s = self._ended[0] - self._began[0], self._ended[1] - self._began[1]
        messages = max(1, self._acknowledged)
        quarter = max(1, len(self._memory) // 4)
        early, late = self._memory[quarter - 1 : quarter], self._memory[-1:]
        return {
            "messages": self._acknowledged,
            "seconds": seconds,
            "messages_per_s": messages / seconds if seconds else 0.0,
            "cpu_us_per_message": cpu_s / messages * 1e6,
            "batch": messages / max(1, self._batches),
            "memory_start_mb": (early or [0])[0] / 2**20,
            "memory_end_mb": (late or [0])[0] / 2**20,
        }


class Timed:
    """A store that notes how long after its time each fix was committed."""

    def __init__(self, store: Store, metrics: IngestMetrics) -> None:
        self._store = store
        self.latency = ColumnHistogram("bench_latency_seconds", "From publishing to commit.", _LATENCIES_S, metrics.registry)
        self.fixes = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> Committed:
        committed = await self._store.commit(commit)
        if len(commit.fixes):
            self.latency.observe(np.maximum(time.time() - commit.fixes.time / 1e6, 0.0))
            self.fixes += committed.stored
        return committed


def source_of(kind: str, url: str) -> Source:
    if kind == "aiomqtt":
        return Mqtt311Source(MqttOptions.from_url(url, client_id="bench", version=MqttVersion.V311), FILTERS, SourceLimits())
    return Mqtt5Source(MqttOptions.from_url(url, client_id="bench", version=MqttVersion.V5), FILTERS, SourceLimits())


async def sink(kind: str, url: str, messages: int) -> None:
    """Acknowledge and forget."""
    source = Counted(source_of(kind, url), messages)
    announcing = asyncio.create_task(_announce(source))
    async for batch in source.batches():
        await source.ack(batch)
    await announcing
    await source.close()
    _report(source.figures)


async def work(kind: str, url: str, database_url: str, messages: int) -> None:
    """The whole worker: formats, registry, screening, engines, commits, live frames."""
    source = Counted(source_of(kind, url), messages)
    metrics = IngestMetrics()
    async with Publisher(MqttOptions.from_url(url, version=MqttVersion.V5)) as live:
        store = await open_store(database_url)
        timed = Timed(store, metrics)
        worker = Worker(
            source=source,
            store=cast("Store", timed),  # everything else goes to the store itself
            pipeline=Pipeline(),
            reception=Reception(Router(selections(FORMATS), default_tenant="bench"), Registry(), Screen()),
            live=live,
            settings=WorkerSettings(name="bench"),
            metrics=metrics,
        )
        announcing = asyncio.create_task(_announce(source))
        await worker.run()
        await announcing
        await store.close()
    value = metrics.registry.get_sample_value
    commits = value("outrider_ingest_commit_seconds_count") or 1
    _report(
        source.figures
        | {
            "fixes": timed.fixes,
            "commits": commits,
            "commit_ms": (value("outrider_ingest_commit_seconds_sum") or 0) / commits * 1000,
            "events": value("outrider_ingest_events_total") or 0,
            "p50_ms": timed.latency.quantile(0.5) * 1000,
            "p99_ms": timed.latency.quantile(0.99) * 1000,
        }
    )


async def prepare(database_url: str, vehicles: list[str], fences: int, square: tuple[float, float, float]) -> None:
    """A fleet that is known, and circles of 100 m to 300 m all over the square (south, west, side in degrees)."""
    store = await open_store(database_url)
    await store.register([("bench", ident) for ident in vehicles], quarantine=False)
    south, west, side_deg = square
    rng = np.random.default_rng(2)
    places = rng.random((fences, 3)).tolist()
    made = [
        Fence(
            id=f"fence-{number}",
            tenant="bench",
            name=f"Fence {number}",
            shape=Circle(lat=south + lat * side_deg, lon=west + lon * side_deg, radius_m=100 + 200 * size),
        )
        for number, (lat, lon, size) in enumerate(places)
    ]
    for start in range(0, len(made), 8):
        await asyncio.gather(*(store.fences.create(fence) for fence in made[start : start + 8]))
    await store.close()


async def _announce(source: Counted) -> None:
    while not source.is_connected:  # noqa: ASYNC110 - a source has no event for it
        await asyncio.sleep(0.01)
    print("subscribed", flush=True)


def _report(figures: Mapping[str, float]) -> None:
    print(json.dumps(figures), flush=True)
