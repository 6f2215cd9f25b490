"""The worker: the loop that takes messages in, finds what they mean, writes it, and only then lets the source forget them.

    gather ─→ decode ─→ register strangers ─→ screen ─→ step ─┐ (while the commit before is under way)
                                                              └→ one commit ─→ acknowledge ─→ live

One commit is under way at a time, in order; decoding and the engines work on the next messages meanwhile. What waits is
bounded: one commit being written, one being prepared (`batch_messages` each), and beyond that the source's window. A crash at
any moment leaves messages unacknowledged, which come again; the store makes them harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

import orjson

from fleet.clock import MICROS_PER_S, to_micros
from fleet.message import MessageBatch
from geofence.proximity.settings import ProximitySettings
from ingest.connections import Signs
from ingest.deadletters import DeadLetterLimit
from ingest.live import LiveFrames, LivePublisher
from ingest.loop import process
from ingest.loop.accounting import Accounting
from ingest.loop.cancellation import obey_cancellation
from ingest.loop.checkpoints import Checkpoints
from ingest.loop.gathering import PART, Gatherer, joined
from ingest.loop.patience import Patience
from ingest.loop.prepared import Prepared, newest_receipt
from ingest.loop.refused_rules import RefusedRules
from ingest.loop.retries import Retries
from ingest.loop.sign import LONGEST_COMMIT_S, SIGN_TOPIC, Sign
from ingest.loop.strangers import register
from ingest.loop.takeup import take_up
from ingest.loop.watermark import Watermark
from ingest.loop.world import WorldWatch
from ingest.loop.writing import Writer
from ingest.metrics import IngestMetrics
from ingest.pipeline import Pipeline
from ingest.protocol import Source
from ingest.proximity.runner import ProximityRunner
from ingest.proximity.watch import ProximityWatch
from ingest.reception import Reception
from ingest.repair import Repairs
from store.protocol import Commit, Store, Unavailable

log = logging.getLogger(__name__)

_TICK_INTERVAL_S: Final = 1.0
#: Repairs may hold up the next commit for so long.
_REPAIR_AT_MOST_S: Final = 0.25
_RETRY_S: Final = 1.0
#: A commit that takes longer: messages wait at the broker, and that nothing comes in says nothing of trackers.
_SLOW_COMMIT_S: Final = 2.0
#: Shorter than a client waits whose session was taken over (`mqttwire.backoff`).
_CLAIM_INTERVAL_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What the worker's loop may be told."""

    #: Of this worker among others: its MQTT client id.
    name: str = "outrider-worker"
    #: Most messages in one transaction; of store-and-forward messages, as many as cost the same.
    batch_messages: int = 10_000
    checkpoint_interval_s: float = 10.0
    #: Trackers that nobody registered: quarantined, or taken in with a vehicle of their name.
    quarantine: bool = False
    #: Which vehicles are together, and when that is told.
    proximity: ProximitySettings = ProximitySettings()
    #: Beyond this many a second (and a burst of as many), dead letters are counted and not kept.
    dead_letters_per_s: float = 1_000.0
    #: Nothing else runs in the process: garbage collector and memory are set for the worker (`ingest.loop.process`).
    owns_process: bool = False
    #: At the end, the last write may take this long; what is not written comes again from the source.
    shutdown_grace_s: float = 10.0


def system_clock() -> datetime:
    return datetime.now(UTC)


class Worker:
    """One source, one store, one pipeline. `run` returns when the source has ended, or is cancelled."""

    def __init__(
        self,
        *,
        source: Source,
        store: Store,
        pipeline: Pipeline,
        reception: Reception,
        live: LivePublisher,
        settings: WorkerSettings | None = None,
        metrics: IngestMetrics | None = None,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._settings = settings or WorkerSettings()
        self._source = source
        self._store = store
        self._pipeline = pipeline
        self._reception = reception
        self._publisher = live
        self._clock = clock
        self.metrics = metrics or IngestMetrics()
        self._patience = Patience()
        self._writer = Writer(store, self._patience, whose=reception.registry.vehicle)
        self._world = WorldWatch(store, self._patience)
        self._refused_rules = RefusedRules()
        self._retries = Retries(store, self._patience)
        self._live = LiveFrames(live, vehicles_of=reception.registry.vehicles, clock=_monotonic)
        self._limit = DeadLetterLimit(self._settings.dead_letters_per_s)
        self._accounting = Accounting(self.metrics)
        self._repairs = Repairs(store, pipeline)
        self._checkpoints = Checkpoints(pipeline, interval_s=self._settings.checkpoint_interval_s)
        self._proximity = ProximityRunner(ProximityWatch(store, self._settings.proximity, pipeline.roster))
        self._watermark = Watermark()
        #: The last of the pipeline's steps that is in the store.
        self._committed_step = 0
        self._ready = Prepared()
        self._busy: asyncio.Task[None] | None = None
        self._oldest_busy_us = 0
        self._writing_since_s: float | None = None
        self._ticked_at_s = 0.0
        #: The source has ended: nothing more will come.
        self._has_heard_all = False
        self.is_started = False
        #: No other worker does this work.
        self._is_alone = False

    # -- running

    async def run(self) -> None:
        """Take up the work, and work. A background task that fails ends it; the source is closed in any case."""
        try:
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(self._world.listen(), name="ingest-listen"),
                    group.create_task(self._world.load(), name="ingest-load-world"),
                    group.create_task(self._retries.watch(), name="ingest-watch-retries"),
                ]
                await self._take_up()
                background.append(group.create_task(self._keep_claim(), name="ingest-keep-claim"))
                background.append(group.create_task(self._proximity.run(), name="ingest-proximity"))
                await self._work()
                for task in background:
                    task.cancel()
        except* Exception as failures:
            raise failures.exceptions[0] from failures
        finally:
            await self._source.close()

    async def _keep_claim(self) -> None:
        """Find out that another worker has the work also while there is nothing to commit, before the broker would take us back."""
        while True:
            await asyncio.sleep(_CLAIM_INTERVAL_S)
            try:
                await self._store.check_claim()
            except Unavailable as failure:
                log.warning("the claim to the work cannot be confirmed, trying again: %s", failure)

    async def _take_up(self) -> None:
        await self._patience.until_reached(lambda: self._store.claim(self._settings.name))
        self._is_alone = True
        world = await self._world.first()
        now = self._clock()
        await take_up(self._store, self._pipeline, self._reception, world, self._patience, self._writer, now)
        self._refused_rules.tell(self._pipeline.refused_rules)
        await self._proximity.take_up(self._store, world, self._patience)
        self._committed_step = self._pipeline.steps
        lost = await self._patience.until_reached(self._store.disconnected)
        self._pipeline.hear(self._reception.connections.remember(lost))
        self._ticked_at_s = _monotonic()
        self._checkpoints.start(self._ticked_at_s)
        if self._settings.owns_process:
            process.settle()
        self.is_started = True
        log.info("took up the work: %d trackers known", len(self._reception.registry))

    async def _work(self) -> None:
        gatherer = Gatherer(self._source.batches())
        try:
            while not (self._has_heard_all and self._is_done):
                obey_cancellation()
                room = max(1, self._settings.batch_messages - self._ready.weight)
                parts = await gatherer.chunk(self._busy, room, self._time_to_wake_s())
                self._has_heard_all = gatherer.has_ended
                await self._collect()
                if parts:
                    self._ready.add(await self._prepare(parts))
                await self._try_again()
                self._keep_time()
                await self._hand_over(must_wait=self._has_heard_all)
        except asyncio.CancelledError:
            await gatherer.close()
            await self._wind_up()
            raise
        await self._write_last()

    @property
    def _is_done(self) -> bool:
        """Whether everything that was taken is written, and what it made of earlier findings."""
        return self._busy is None and self._ready.is_empty and not self._has_repairs

    @property
    def _has_repairs(self) -> bool:
        """Whether vehicles can be folded again now. Not before the engines' time has begun: a fleet whose messages still wait at
        the broker would be called silent."""
        return self._repair_instant() is not None and bool(self._repairs.due(self._committed_step))

    def _repair_instant(self) -> datetime | None:
        return self._engines_now() or (self._clock() if self._has_heard_all else None)

    def _time_to_wake_s(self) -> float:
        """Until the next tick, or the next live frame if that comes first; none while a checkpoint only waits for a commit."""
        if self._checkpoints.is_under_way and self._busy is None:
            return 0.0
        until_tick_s = max(0.0, self._ticked_at_s + _TICK_INTERVAL_S - _monotonic())
        until_frame_s = self._live.due_in_s
        return until_tick_s if until_frame_s is None else min(until_tick_s, until_frame_s)

    # -- from messages to something that can be written

    async def _prepare(self, parts: Sequence[MessageBatch], *, is_retry: bool = False) -> Prepared:
        """Decode, register, screen, step: all that comes before the commit. What is tried again is kept in any case."""
        batch = joined(parts)
        decoded = self._reception.decode(batch)
        await _give_way()
        strangers = self._reception.unknown(decoded)
        if strangers:
            known = await register(self._store, self._patience, strangers, quarantine=self._settings.quarantine)
            self._reception.registry.learn(known)
            self._pipeline.learn(known)
        taken = self._reception.finish(batch, decoded)
        await _give_way()
        self._watermark.heard(taken.fixes, _monotonic())
        outcome = self._pipeline.step(taken.fixes, self._clock())
        # What is tried again came in long ago: nobody is connected because of it.
        signs = Signs() if is_retry else self._reception.connections.take(decoded.heard, taken.fixes, batch)
        self._pipeline.hear(signs.lost)
        letters, dropped = (taken.dead_letters, 0) if is_retry else self._limit.admit(taken.dead_letters, newest_receipt(parts))
        self._accounting.taken(batch, taken, dropped)
        return Prepared(
            batches=list(parts),
            fixes=[taken.fixes],
            outcome=outcome,
            dead_letters=list(letters),
            clocks=taken.clocks,
            answers=taken.answers,
            uplinks=taken.uplinks,
            connections=signs.connections,
            duplicates=taken.duplicates,
        )

    async def _try_again(self) -> None:
        """Take in dead letters that somebody wants to be tried again."""
        taken = self._retries.take()
        if taken is not None:
            batch, numbers = taken
            prepared = await self._prepare([batch], is_retry=True)
            prepared.retried += numbers
            self._ready.add(prepared)

    def _keep_time(self) -> None:
        """What is due because time has passed, or because the world has changed."""
        world = self._world.take()
        if world is not None:
            self._reception.know(world)
            self._ready.outcome.extend(self._pipeline.apply(world, self._clock()))
            self._proximity.know(world)
            self._refused_rules.tell(self._pipeline.refused_rules)
        now_s = _monotonic()
        if now_s - self._ticked_at_s >= _TICK_INTERVAL_S:
            self._ticked_at_s = now_s
            instant = self._engines_now()
            if instant is not None:
                self._ready.outcome.extend(self._pipeline.tick(instant))
                self._proximity.tick(instant)
            self._publisher.offer(SIGN_TOPIC, orjson.dumps(self.sign().as_json()))
        if self._live.due_in_s == 0.0:
            self._live.flush()

    def _engines_now(self) -> datetime | None:
        """See `Watermark`; None where it has not begun."""
        return self._watermark.instant(self._clock(), _monotonic(), is_listening=self._is_listening)

    @property
    def _is_listening(self) -> bool:
        """Whether what trackers say would be heard now: not while the source is away, nor while the database holds all up."""
        return self._source.is_connected and not self._patience.is_waiting and self._commit_s < _SLOW_COMMIT_S

    @property
    def _commit_s(self) -> float:
        """How long the commit under way has been so."""
        return _monotonic() - self._writing_since_s if self._writing_since_s is not None else 0.0

    # -- writing

    async def _hand_over(self, *, must_wait: bool) -> None:
        """Give what is ready to the writer if it is free, or has to be waited for because there is no more room."""
        if self._busy is not None and (must_wait or self._ready.weight >= self._settings.batch_messages):
            await asyncio.wait({self._busy})
            await self._collect()
        if self._busy is not None:
            return
        self._ready.checkpoint = self._checkpoints.take(_monotonic(), sum(map(len, self._ready.fixes)))
        if not self._ready.is_empty or self._has_repairs or self._proximity.has_news:
            self._start(self._ready)

    def _start(self, prepared: Prepared) -> None:
        self._ready = Prepared()
        prepared.step = self._pipeline.steps
        prepared.anchors = self._pipeline.anchors()
        self._proximity.board(prepared)
        # Dead letters that are tried again came in long ago; nobody has been waiting for them since.
        is_timed = prepared.batches and not prepared.retried
        self._oldest_busy_us = prepared.batches[0].received[0] if is_timed else 0
        self._busy = asyncio.create_task(self._deliver(prepared), name="ingest-commit")

    async def _deliver(self, prepared: Prepared) -> None:
        """Write, acknowledge, tell."""
        if not prepared.has_nothing_to_write:
            began_s = self._writing_since_s = _monotonic()
            written = await self._writer.write(prepared.commit())
            self._writing_since_s = None
            self._proximity.watch.written()
            if prepared.checkpoint is not None:
                self._checkpoints.written(written.batch)
            self._accounting.written(prepared, written, _monotonic() - began_s, to_micros(self._clock()))
            events = prepared.outcome.events
            self._live.committed(prepared.fixes, prepared.outcome.etas, {event.tenant for event in events}, written.seq)
        for batch in prepared.batches:
            if batch.token is not PART:
                await self._source.ack(batch)
        self.metrics.acknowledged.inc(prepared.messages)
        self._committed_step = prepared.step
        await self._repair()

    async def _repair(self) -> None:
        """Fold vehicles with late fixes again, as far as their fixes are in the store, for a moment: the rest has its turn
        after the next commit. No batch is written meanwhile, so what is found goes in between in order."""
        began_s = _monotonic()
        now = self._repair_instant()
        if now is None:
            return
        try:
            repairs = cast("AsyncGenerator[Commit]", self._repairs.run(self._committed_step, now))
            async with aclosing(repairs) as commits:
                async for commit in commits:
                    written = await self._writer.write(commit)
                    outcome = commit.outcome
                    self._live.committed([], outcome.etas, {event.tenant for event in outcome.events}, written.seq)
                    self.metrics.events.inc(len(outcome.events))
                    if _monotonic() - began_s > _REPAIR_AT_MOST_S:
                        break
        except Unavailable as failure:
            log.warning("late fixes wait, because the database cannot be reached: %s", failure)
            await asyncio.sleep(_RETRY_S)

    async def _collect(self) -> None:
        """Take note of a commit that is done; its failure is ours."""
        if self._busy is not None and self._busy.done():
            done, self._busy = self._busy, None
            await done

    async def _wind_up(self) -> None:
        """Finish the commit under way and write what is ready, even while being cancelled, but not for ever."""
        last = asyncio.create_task(self._write_last(), name="ingest-last-commit")
        try:
            await asyncio.shield(asyncio.wait_for(last, self._settings.shutdown_grace_s))
        except TimeoutError:
            log.warning("the last commit was not written in time; its messages come again")
        except asyncio.CancelledError:
            await asyncio.wait({last}, timeout=self._settings.shutdown_grace_s)
            raise

    async def _write_last(self) -> None:
        if self._busy is not None:
            await asyncio.wait({self._busy})
            await self._collect()
        for checkpoint in self._checkpoints.last():
            self._ready.checkpoint = checkpoint
            await self._write_ready()
        if not self._ready.is_empty or self._proximity.has_news:
            await self._write_ready()
        self._live.flush()

    async def _write_ready(self) -> None:
        self._start(self._ready)
        if self._busy is not None:
            await self._busy

    # -- saying how it is

    def sign(self) -> Sign:
        """How the worker is just now."""
        waiting_us = self._oldest_busy_us if self._busy is not None and self._oldest_busy_us else 0
        lag_s = max(0.0, (to_micros(self._clock()) - waiting_us) / MICROS_PER_S) if waiting_us else 0.0
        return Sign(
            worker=self._settings.name,
            is_started=self.is_started,
            is_standing_by=not self._is_alone,
            is_source_connected=self._source.is_connected,
            is_store_reachable=not self._patience.is_waiting,
            lag_s=lag_s,
            commit_s=self._commit_s,
            in_flight=self._ready.messages,
        )

    def refresh_metrics(self) -> None:
        """Bring the gauges up to date, before they are read."""
        sign = self.sign()
        self.metrics.trackers.set(len(self._reception.registry))
        self._accounting.clocks(self._reception.screen.clocks)
        self.metrics.waits_for_database.set(not sign.is_store_reachable or sign.commit_s > LONGEST_COMMIT_S)
        self.metrics.source_connected.set(sign.is_source_connected)
        self.metrics.repairs_due.set(len(self._pipeline.late))
        self.metrics.in_flight.set(getattr(self._source, "in_flight", sign.in_flight))
        self.metrics.reconnects.set(getattr(self._source, "reconnects", 0))
        self.metrics.sessions_lost.set(getattr(self._source, "sessions_lost", 0))
        self._accounting.totals(
            self._patience.failures, self._live.dropped, self._world.loads, self._repairs.done, self._checkpoints.rounds
        )


async def _give_way() -> None:
    """Let the commit under way send its next statement: it has several, and each would wait for a whole chunk's work."""
    await asyncio.sleep(0)


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
