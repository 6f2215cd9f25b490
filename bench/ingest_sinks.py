"""What the ingest benchmark measures, each in a process of its own: a sink that only acknowledges, and the whole worker."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Final, cast

import numpy as np

from bench.ingest_memory import Watch
from bench.ingest_progress import Progress
from fleet.fence import Circle, Fence
from fleet.message import MessageBatch
from ingest.metrics import ColumnHistogram, IngestMetrics
from ingest.pipeline import Pipeline
from ingest.protocol import Source
from ingest.sources.mqtt5 import Mqtt5Source
from ingest.sources.mqtt311 import Mqtt311Source
from ingest.worker import Worker
from mqttwire import MqttOptions, MqttVersion, Publisher
from outrider.settings import Settings
from outrider.tiers.worker import pipeline_settings, reception_of, source_limits, worker_settings
from store.open import open_store
from store.protocol import Commit, Committed, Store

_LATENCIES_S: Final = [round(0.001 * 1.1**step, 6) for step in range(110)]
#: After the first commit: until then a fleet that was silent has set off, and its first chunk and states were made.
WARM_UP_S: Final = 5.0
_PATIENCE_S: Final = 86_400.0


class Counted:
    """A source that times what goes through it, and ends after so many messages were acknowledged.

    Times and CPU count from the first message to the last acknowledgement.
    """

    def __init__(self, source: Source, messages: int, progress: Progress | None = None) -> None:
        self._source = source
        self._messages = messages
        self._progress = progress
        self._taken = self._batches = 0
        self.acknowledged = 0
        #: Messages by the token of their batch: the worker may hand a batch back in parts.
        self._sizes: dict[int, int] = {}
        self._began = (0.0, 0.0)
        self._ended = (0.0, 0.0)

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
        self.acknowledged += self._sizes.pop(id(batch.token))
        if self._progress is not None:
            self._progress.acknowledged = self.acknowledged
        self._batches += 1
        self._ended = (time.perf_counter(), time.process_time())

    async def close(self) -> None:
        await self._source.close()

    @property
    def is_connected(self) -> bool:
        return self._source.is_connected

    @property
    def figures(self) -> dict[str, float]:
        seconds, cpu_s = self._ended[0] - self._began[0], self._ended[1] - self._began[1]
        messages = max(1, self.acknowledged)
        return {
            "messages": self.acknowledged,
            "seconds": seconds,
            "messages_per_s": messages / seconds if seconds else 0.0,
            "cpu_us_per_message": cpu_s / messages * 1e6,
            "batch": messages / max(1, self._batches),
        }


class Timed:
    """A store that notes how long after its time each fix was committed: all of them, and those after the warm-up.

    `is_live`: their times are those of publishing. Fixes that were kept for long are only counted.
    """

    def __init__(self, store: Store, metrics: IngestMetrics, *, is_live: bool) -> None:
        self._store = store
        self._is_live = is_live
        self._all, self._steady = (
            ColumnHistogram(f"bench_{name}_seconds", "From publishing to commit.", _LATENCIES_S, metrics.registry)
            for name in ("all", "steady")
        )
        self._first_at_s: float | None = None
        self.fixes = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> Committed:
        committed = await self._store.commit(commit)
        self.fixes += committed.stored
        if self._is_live and len(commit.fixes):
            now_s = time.time()
            self._first_at_s = self._first_at_s or now_s
            took_s = np.maximum(now_s - commit.fixes.time / 1e6, 0.0)
            self._all.observe(took_s)
            if now_s - self._first_at_s > WARM_UP_S:
                self._steady.observe(took_s)
        return committed

    @property
    def figures(self) -> dict[str, float]:
        """Steady ones are those of all where the run was over within the warm-up."""
        if not self._is_live:
            return {"fixes": self.fixes}
        all_ms = {f"p{share}_with_start_ms": self._all.quantile(share / 100) * 1000 for share in (50, 99)}
        steady = self._all if np.isnan(self._steady.quantile(0.5)) else self._steady
        return {f"p{share}_ms": steady.quantile(share / 100) * 1000 for share in (50, 99)} | all_ms | {"fixes": self.fixes}


def settings_of(url: str, database_url: str = "") -> Settings:
    """The product's defaults, but for where the broker and the database are."""
    return Settings(mqtt_url=url, database_url=database_url or None, mqtt_client_id="bench", default_tenant="bench")


def source_of(kind: str, url: str, settings: Settings) -> Source:
    """What the product would subscribe to, through this kind of source."""
    version = MqttVersion.V311 if kind == "aiomqtt" else MqttVersion.V5
    options = MqttOptions.from_url(url, client_id="bench", version=version)
    topics, limits = reception_of(settings).router.topics, source_limits(settings)
    return Mqtt311Source(options, topics, limits) if kind == "aiomqtt" else Mqtt5Source(options, topics, limits)


async def sink(kind: str, url: str, messages: int) -> None:
    """Acknowledge and forget."""
    source = Counted(source_of(kind, url, settings_of(url)), messages)
    announcing = asyncio.create_task(_announce(source))
    async for batch in source.batches():
        await source.ack(batch)
    await announcing
    await source.close()
    _report(source.figures)


async def work(
    kind: str, url: str, database_url: str, messages: int, *, is_patient: bool, progress: Progress | None = None
) -> None:
    """The whole worker as the product runs it: formats, registry, screening, engines, commits, checkpoints, live frames.

    `is_patient`: it calls no vehicle silent for a day. `progress`: where the publisher of stored and forwarded fixes sees what was
    acknowledged.
    """
    settings = settings_of(url, database_url)
    if is_patient:
        settings = settings.model_copy(update={"stale_after_s": _PATIENCE_S, "offline_after_s": 2 * _PATIENCE_S})
    source = Counted(source_of(kind, url, settings), messages, progress)
    metrics = IngestMetrics()
    async with Publisher(MqttOptions.from_url(url, version=MqttVersion.V5)) as live:
        store = await open_store(database_url)
        timed = Timed(store, metrics, is_live=progress is None)
        worker = Worker(
            source=source,
            store=cast("Store", timed),  # everything else goes to the store itself
            pipeline=Pipeline(pipeline_settings(settings)),
            reception=reception_of(settings),
            live=live,
            settings=worker_settings(settings),
            metrics=metrics,
        )
        watch = Watch(lambda: source.acknowledged, messages, is_started=lambda: worker.is_started)
        announcing, watching = asyncio.create_task(_announce(source)), asyncio.create_task(watch.run())
        await worker.run()
        watching.cancel()
        await announcing
        await store.close()
    worker.refresh_metrics()
    _report(source.figures | timed.figures | _counted(metrics) | watch.figures)


def _counted(metrics: IngestMetrics) -> dict[str, float]:
    value = metrics.registry.get_sample_value
    commits = value("outrider_ingest_commit_seconds_count") or 1
    return {
        "commits": commits,
        "commit_ms": (value("outrider_ingest_commit_seconds_sum") or 0) / commits * 1000,
        "events": value("outrider_ingest_events_total") or 0,
        "checkpoints": value("outrider_ingest_checkpoints_total") or 0,
    }


async def prepare(database_url: str, vehicles: list[str], fences: int, square: tuple[float, float, float]) -> None:
    """A fleet that is known, and circles of 100 m to 300 m all over the square (south, west, side in degrees)."""
    store = await open_store(database_url)
    for start in range(0, len(vehicles), 20_000):
        await store.register([("bench", ident) for ident in vehicles[start : start + 20_000]], quarantine=False)
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
