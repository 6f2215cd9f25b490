"""A source, a store and a pipeline that do what a test tells them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from fleet.clock import to_micros
from fleet.event import Event, event_id
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.outcome import Outcome
from fleet.vehicle import Mounting
from ingest.formats import FORMATS
from ingest.live import LivePublisher
from ingest.pipeline import Pipeline
from ingest.reception import Reception
from ingest.registry import Registry
from ingest.router import Router, selections
from ingest.screen import Screen
from ingest.worker import Worker, WorkerSettings
from store.memory import MemoryStore
from store.records import Commit, Committed, World

NOW = datetime(2026, 2, 16, 16, 0, 0, tzinfo=UTC)


def native(second: float, lat: float = 60.17, lon: float = 24.94) -> bytes:
    """A native payload, so many seconds before NOW."""
    return b'{"time":%d,"lat":%r,"lon":%r}' % (to_micros(NOW - timedelta(seconds=second)) // 1000, lat, lon)


class ScriptedSource:
    """Hands over what `put` gave it; notes what was acknowledged, in order."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[MessageBatch | None] = asyncio.Queue()
        self.acknowledged: list[bytes] = []
        self.is_connected = True
        self.is_closed = False

    def put(self, *payloads: bytes, topic: str = "fleet/default/van-1/fix") -> None:
        self._waiting.put_nowait(
            MessageBatch(
                topics=[topic] * len(payloads),
                payloads=payloads,
                received=[to_micros(NOW)] * len(payloads),
                token=payloads,
            )
        )

    def end(self) -> None:
        self._waiting.put_nowait(None)

    async def batches(self) -> AsyncIterator[MessageBatch]:
        while (batch := await self._waiting.get()) is not None:
            yield batch

    async def ack(self, batch: MessageBatch) -> None:
        assert isinstance(batch.token, tuple)
        self.acknowledged += batch.token

    async def close(self) -> None:
        self.is_closed = True


class TroubledStore(MemoryStore):
    """A memory store whose commits can be made to fail, to hang, and to refuse values."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: deque[Exception] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuses: Callable[[Commit], Exception | None] = lambda _: None
        self.attempts: list[int] = []
        self.commits: list[Commit] = []

    async def commit(self, commit: Commit) -> Committed:
        self.attempts.append(len(commit.fixes))
        await self.gate.wait()
        if self.failures:
            raise self.failures.popleft()
        refusal = self.refuses(commit)
        if refusal is not None:
            raise refusal
        committed = await super().commit(commit)
        self.commits.append(commit)
        return committed

    @property
    def stored(self) -> list[tuple[int, float]]:
        """(seconds before NOW, lat) of all fixes, in order of commit."""
        return [
            ((to_micros(NOW) - time) // 1_000_000, lat)
            for commit in self.commits
            for time, lat in zip(commit.fixes.time.tolist(), commit.fixes.lat.tolist(), strict=True)
        ]


class PlainPipeline(Pipeline):
    """One event a fix; its state of a vehicle is how many fixes it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, int] = {}
        self.worlds: list[World] = []
        self.learnt: list[Mounting] = []
        self._changed: set[int] = set()
        self.failure: Exception | None = None

    def apply(self, world: World, now: datetime) -> Outcome:
        self.worlds.append(world)
        return Outcome()

    def learn(self, mountings: Iterable[Mounting]) -> None:
        self.learnt += mountings

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        if self.failure is not None:
            raise self.failure
        outcome = Outcome()
        for key, time in zip(batch.vehicle.tolist(), batch.time.tolist(), strict=True):
            self.seen[key] = self.seen.get(key, 0) + 1
            self._changed.add(key)
            occurred = NOW + timedelta(microseconds=time - to_micros(NOW))
            name = event_id("vehicle.moving", "default", str(key), occurred)
            outcome.events.append(
                Event(id=name, type="vehicle.moving", occurred_at=occurred, recorded_at=now, tenant="default", vehicle=str(key))
            )
        return outcome

    def tick(self, now: datetime) -> Outcome:
        return Outcome()

    def changed(self) -> npt.NDArray[np.int64]:
        return np.array(sorted(self._changed), np.int64)

    def teachers(self) -> Collection[int]:
        return ()

    def states(self, keys: Collection[int], *, with_learned: bool) -> dict[int, bytes]:
        self._changed -= set(keys)
        return {key: str(self.seen[key]).encode() for key in keys}

    def restore(self, states: Mapping[int, bytes]) -> None:
        self.seen.update({key: int(state) for key, state in states.items()})


class NotedFrames:
    """Keeps what was published live."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, bytes]] = []

    def offer(self, topic: str, payload: bytes) -> bool:
        self.frames.append((topic, payload))
        return True

    def on(self, ending: str) -> Sequence[bytes]:
        return [payload for topic, payload in self.frames if topic.endswith(ending)]


def reception() -> Reception:
    return Reception(Router(selections(FORMATS), default_tenant="default"), Registry(), Screen())


def worker(
    source: ScriptedSource,
    store: MemoryStore,
    *,
    pipeline: PlainPipeline | None = None,
    live: LivePublisher | None = None,
    settings: WorkerSettings | None = None,
) -> Worker:
    return Worker(
        source=source,
        store=store,
        pipeline=pipeline or PlainPipeline(),
        reception=reception(),
        live=live or NotedFrames(),
        settings=settings or WorkerSettings(),
        clock=lambda: NOW,
    )


async def until(holds: Callable[[], bool]) -> None:
    """Give way to the loop until something holds; the test's own timeout is the bound."""
    while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(0.005)
