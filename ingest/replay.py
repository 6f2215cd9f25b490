"""The offline replay: a capture through the whole pipeline, over the in-memory store; no server, no clock, byte for byte the
same each time.

`now` is the instant of receipt of the messages themselves. They are taken in as they came, in slices of ten seconds, and the time
between them passes as it would have: the pipeline ticks through the gaps. Trackers are registered as they turn up, and with the
first message of each its routes of the plan, and its tenant's fences, become known.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from fleet.clock import MICROS_PER_S, from_micros
from fleet.errors import OutriderError
from fleet.fence import Fence
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.outcome import Outcome
from fleet.plan import parse_plan
from fleet.route import Route
from fleet.tenant import NO_SETTINGS, OwnSettings, Tenant
from geofence.proximity.settings import ProximitySettings
from ingest.fence_file import parse_fences
from ingest.formats import FORMATS
from ingest.pipeline import Pipeline, PipelineSettings
from ingest.protocol import Decoded
from ingest.proximity.watch import ProximityWatch
from ingest.reception import Reception
from ingest.registry import Registry
from ingest.repair import Repairs
from ingest.replay_output import ReplayOutput
from ingest.router import Router, selections
from ingest.screen import Screen
from mqttwire.capture import Recorded, read_capture
from store.memory import MemoryStore
from store.protocol import Commit

#: Of topics that name no tenant.
DEFAULT_TENANT: Final = "default"
#: Messages received within one such slice are one batch.
_SLICE_US: Final = 10 * MICROS_PER_S
_MOST_MESSAGES: Final = 5000
#: Messages a batch where they are shuffled: with each, most vehicles are folded again from the beginning.
_SHUFFLED: Final = 2000
#: Time passes in such ticks through a gap, and in longer ones through what is left of a long gap.
_TICK_US: Final = 10 * MICROS_PER_S
_FINE_US: Final = 2 * 3600 * MICROS_PER_S
_COARSE_TICK_US: Final = 600 * MICROS_PER_S

_PAGE: Final = 1000

Progress = Callable[[int], None]
Parsed = TypeVar("Parsed")


class ReplayError(OutriderError):
    """A file cannot be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """`shuffle`: the seed by which the messages are put into another order (each keeps its instant of receipt). `tenant_settings`
    are those of each tenant that turns up, `vehicle_settings` those of the vehicles of these trackers."""

    capture: Path
    out: Path
    fences: Path | None = None
    plan: Path | None = None
    shuffle: int | None = None
    tenant: str = DEFAULT_TENANT
    tenant_settings: OwnSettings = NO_SETTINGS
    vehicle_settings: Mapping[str, OwnSettings] = field(default_factory=dict)
    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    proximity: ProximitySettings = field(default_factory=ProximitySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySummary:
    """What came of it."""

    out: Path
    messages: int
    fixes: int
    duplicates: int
    vehicles: int
    events: Counter[str]
    visits: int
    etas: int
    refused: Counter[str]
    #: Routes of the plan whose vehicle never reported.
    routes_unseen: int

    def describe(self) -> str:
        """Some lines for the person at the keyboard."""
        lines = [
            f"{self.messages} messages of {self.vehicles} vehicles",
            f"{self.fixes} fixes, {self.duplicates} duplicates, {self.refused.total()} refused{_listed(self.refused)}",
            f"{self.events.total()} events{_listed(self.events)}",
            f"{self.visits} visits, {self.etas} ETAs, in {self.out}",
        ]
        if self.routes_unseen:
            lines.append(f"{self.routes_unseen} routes of the plan are of vehicles that never report")
        return "\n".join(lines)


def replay(options: ReplayOptions, show: Progress = lambda _: None) -> ReplaySummary:
    """Replay the capture and write what was found into `options.out`. `show` is told how many messages are done.

    Raises OutriderError: a file that cannot be read, written or understood.
    """
    plan = _parsed(options.plan, lambda data: parse_plan(data, tenant=options.tenant)) if options.plan else []
    fences = _parsed(options.fences, lambda data: parse_fences(data, tenant=options.tenant)) if options.fences else []
    return asyncio.run(_Replay(options, plan, fences).run(show))


class _Replay:
    def __init__(self, options: ReplayOptions, plan: Sequence[Route], fences: Sequence[Fence]) -> None:
        self._options = options
        self._routes: dict[str, list[Route]] = {}
        for route in plan:
            self._routes.setdefault(route.vehicle, []).append(route)
        self._fences = fences
        self._shuffled = None if options.shuffle is None else _shuffled(options.capture, options.shuffle)
        self._store = MemoryStore(clock=lambda: from_micros(self._now))
        # A message that was shuffled may be late by the whole recording: the horizon reaches over that as well.
        span_s = _span_s(self._shuffled or ())
        self._pipeline = Pipeline(replace(options.pipeline, late_horizon_s=options.pipeline.late_horizon_s + span_s))
        proximity = replace(options.proximity, horizon_s=options.proximity.horizon_s + span_s)
        self._proximity = ProximityWatch(self._store, proximity, self._pipeline.roster, looks_back=True)
        # Everything is judged when all is there.
        self._last_word = timedelta(seconds=proximity.delay_s)
        self._repairs = Repairs(self._store, self._pipeline)
        router = Router(selections(FORMATS), default_tenant=options.tenant)
        self._reception = Reception(router, Registry(), Screen())
        self._tenants: set[str] = set()
        self._seen: set[str] = set()
        self._now = 0
        self._messages = self._fixes = self._duplicates = 0

    async def run(self, show: Progress) -> ReplaySummary:
        try:
            with ReplayOutput(self._options.out) as output:
                for batch in self._batches():
                    await self._pass_time(batch.received, output)
                    await self._take(batch, output)
                    show(self._messages)
                await self._judge(from_micros(self._now) + self._last_word, output)
                await self._write_visits(output)
                return self._summary(output)
        except OSError as problem:
            raise ReplayError(f"{problem.filename or self._options.out}: {problem.strerror}") from problem
        finally:
            await self._store.close()

    def _batches(self) -> Iterator[MessageBatch]:
        """In slices of time; where they are shuffled, so many at a time."""
        messages = self._shuffled
        if messages is None:
            return _slices(read_capture(self._options.capture))
        return (_batch(messages[start : start + _SHUFFLED]) for start in range(0, len(messages), _SHUFFLED))

    async def _pass_time(self, received: Sequence[int], output: ReplayOutput) -> None:
        """Time goes on to the first of these messages; never back, whatever the order in which they come."""
        if self._now:
            for instant in _ticks(self._now, min(received)):
                self._now = instant
                await self._write(Commit(fixes=FixBatch.empty(), outcome=self._pipeline.tick(from_micros(instant))), output)
        self._now = max(self._now, *received)

    async def _take(self, batch: MessageBatch, output: ReplayOutput) -> None:
        decoded = self._reception.decode(batch)
        if await self._register(decoded):
            world = await self._store.world()
            self._reception.screen.obey(world.screening, self._reception.registry.vehicle)
            changed = self._pipeline.apply(world, from_micros(self._now))
            self._proximity.apply(world.proximity, world.fences)
            await self._write(Commit(fixes=FixBatch.empty(), outcome=changed), output)
        taken = self._reception.finish(batch, decoded)
        self._messages += len(batch)
        self._duplicates += taken.duplicates
        outcome = self._pipeline.step(taken.fixes, from_micros(self._now))
        outcome.extend(self._pipeline.tick(from_micros(self._now)))
        self._proximity.heard(taken.fixes)
        commit = Commit(
            fixes=taken.fixes,
            outcome=outcome,
            dead_letters=taken.dead_letters,
            anchors=self._pipeline.anchors(),
            messages=batch,
        )
        await self._write(commit, output)
        async for repaired in self._repairs.run(self._pipeline.steps, from_micros(self._now)):
            await self._write(repaired, output)
        await self._judge(from_micros(self._now), output)

    async def _judge(self, now: datetime, output: ReplayOutput) -> None:
        """Judge the pairs of vehicles, as far as that can be done by now."""
        is_more = True
        while is_more:
            is_more = await self._proximity.turn(now)
            await self._write(Commit(fixes=FixBatch.empty(), outcome=Outcome()), output)

    async def _register(self, decoded: Decoded) -> bool:
        """Take strangers in, with all that is planned for them; returns whether the world has changed by that."""
        strangers = self._reception.unknown(decoded)
        if not strangers:
            return False
        known = await self._store.register(strangers, quarantine=False)
        self._reception.registry.learn(known)
        self._pipeline.learn(known)
        tenants = dict.fromkeys(tenant for tenant, _ in strangers if tenant not in self._tenants)
        self._tenants.update(tenants)
        new_fences = [replace(fence, tenant=tenant) for tenant in tenants for fence in self._fences]
        for fence in new_fences:
            await self._store.fences.create(fence)
        routes = [replace(route, tenant=tenant) for tenant, ident in strangers for route in self._routes.get(ident, ())]
        self._seen.update(ident for _, ident in strangers)
        if routes:
            await self._store.import_routes(routes)
        has_settings = await self._set_up(tenants, strangers)
        return bool(new_fences or routes or has_settings)

    async def _set_up(self, tenants: Iterable[str], strangers: Iterable[tuple[str, str]]) -> bool:
        """Give them the settings that they are to have; returns whether there are any."""
        own, of_vehicles = self._options.tenant_settings, self._options.vehicle_settings
        new = list(tenants) if own != NO_SETTINGS else []
        for tenant in new:
            await self._store.tenants.replace(Tenant(id=tenant, settings=own))
        named = [(tenant, ident) for tenant, ident in strangers if ident in of_vehicles]
        for tenant, ident in named:
            vehicle = await self._store.vehicles.get(tenant, ident)
            await self._store.vehicles.replace(replace(vehicle, settings=of_vehicles[ident]))
        return bool(new or named)

    async def _write(self, commit: Commit, output: ReplayOutput) -> None:
        events, commit.proximity = self._proximity.take()
        commit.outcome.events += events
        if commit.outcome.is_empty and not (
            len(commit.fixes) or commit.dead_letters or commit.anchors or commit.stale_anchors or commit.proximity
        ):
            return
        committed = await self._store.commit(commit)
        self._proximity.written()
        self._fixes += committed.stored
        self._duplicates += committed.duplicates
        output.write_events(committed.new_events)
        output.write_etas(commit.outcome.etas)
        output.write_refused([*commit.dead_letters, *committed.refused])

    async def _write_visits(self, output: ReplayOutput) -> None:
        """As they stand in the end."""
        for tenant in sorted(self._tenants):
            after = None
            while page := await self._store.visits(tenant, limit=_PAGE, after=after):
                output.write_visits(page)
                after = page[-1].id

    def _summary(self, output: ReplayOutput) -> ReplaySummary:
        unseen = [route for ident, routes in self._routes.items() if ident not in self._seen for route in routes]
        return ReplaySummary(
            out=self._options.out,
            messages=self._messages,
            fixes=self._fixes,
            duplicates=self._duplicates,
            vehicles=len(self._reception.registry),
            events=output.events,
            visits=output.visits,
            etas=output.etas,
            refused=output.refused,
            routes_unseen=len(unseen),
        )


def _shuffled(capture: Path, seed: int) -> list[Recorded]:
    try:
        messages = list(read_capture(capture))
    except OSError as problem:
        raise ReplayError(f"{problem.filename or capture}: {problem.strerror}") from problem
    random.Random(seed).shuffle(messages)
    return messages


def _span_s(messages: Sequence[Recorded]) -> float:
    """From the first receipt to the last."""
    received = [message.received for message in messages]
    return (max(received) - min(received)) / MICROS_PER_S if received else 0.0


def _slices(recorded: Iterable[Recorded]) -> Iterator[MessageBatch]:
    """Batches of messages that were received in one slice of time, one after the other."""
    collected: list[Recorded] = []
    for message in recorded:
        if collected and (message.received // _SLICE_US != collected[0].received // _SLICE_US or len(collected) == _MOST_MESSAGES):
            yield _batch(collected)
            collected = []
        collected.append(message)
    if collected:
        yield _batch(collected)


def _batch(messages: Sequence[Recorded]) -> MessageBatch:
    return MessageBatch(
        topics=[message.topic for message in messages],
        payloads=[message.payload for message in messages],
        received=[message.received for message in messages],
    )


def _ticks(since: int, until: int) -> Iterator[int]:
    """Instants on a grid of their own between two instants of receipt: the same however messages are cut into batches."""
    instant = (since // _TICK_US + 1) * _TICK_US
    while instant < until:
        yield instant
        instant += _TICK_US if instant - since < _FINE_US else _COARSE_TICK_US


def _parsed(path: Path, parse: Callable[[bytes], list[Parsed]]) -> list[Parsed]:
    try:
        return parse(path.read_bytes())
    except OSError as problem:
        raise ReplayError(f"{path}: {problem.strerror}") from problem


def _listed(counts: Counter[str]) -> str:
    return " (" + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) + ")" if counts else ""
