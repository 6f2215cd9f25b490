"""The pipeline: fixes in, findings out. Pure: no I/O, no clock; the same object in the worker, in the offline replay and in tests.

The intake puts each vehicle's fixes into order (`pipeline_intake`), the engines fold them (`pipeline_engines`). A late fix makes
its vehicle *due*: the engines forget it, its fixes wait in the store, and `repair` folds them again from an anchor and gives the
difference to what was published (`pipeline_diff`). The same way is taken when a fix proves wrong what was said because time had
passed (the vehicle was not silent, its fixes were on their way), and when a step fails half-way, so that no half state is
ever gone on with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S, from_micros, to_micros
from fleet.event import Event
from fleet.fix import FixBatch, Int64s
from fleet.mountings import Mountings
from fleet.movement_rules import MovementScope
from fleet.outcome import Outcome
from fleet.vehicle import Mounting
from geofence.movement.silence import LOST
from geofence.roster import Roster
from geofence.stops.engine import LEARNED_KEY
from ingest.pipeline_diff import Published, Span, difference, instant, standing
from ingest.pipeline_engines import Engines, EngineSettings, last_of
from ingest.pipeline_intake import NEVER, Intake, Late
from store.records import Anchor, World

_ONE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    engines: EngineSettings = EngineSettings()
    #: Fixes older than their vehicle's newest one by more than this change nothing any more; they are stored and counted.
    late_horizon_s: float = 48 * 3600.0
    #: Event time between two anchors of a vehicle.
    anchor_interval_s: float = 2 * 3600.0


class _VehicleRecord(msgspec.Struct, array_like=True):
    """One vehicle in a checkpoint."""

    intake: bytes
    engines: bytes


class Pipeline:
    """Call order: `apply` (the first world), `restore`, `step` for what came since, `caught_up`; then `step` and `tick` as things
    come."""

    def __init__(self, settings: PipelineSettings | None = None) -> None:
        settings = settings or PipelineSettings()
        self._roster = Roster()
        self._intake = Intake(
            self._roster,
            horizon=round(settings.late_horizon_s * MICROS_PER_S),
            anchor_interval=round(settings.anchor_interval_s * MICROS_PER_S),
        )
        self._engines = Engines(settings.engines, self._roster)
        self._anchors: list[Anchor] = []
        self._world = World()
        #: The vehicles that have routes, and the keys of those that there are.
        self._routed: frozenset[tuple[str, str]] = frozenset()
        self._keys: dict[tuple[str, str], int] = {}
        #: Vehicles whose trackers were disconnected a moment ago, and when: they may be back at once.
        self._lost: dict[int, int] = {}
        self._grace = round(settings.engines.movement.disconnected_s * MICROS_PER_S)

    @property
    def roster(self) -> Roster:
        """Whose the keys are; for those who only look."""
        return self._roster

    # what is known of the world

    def apply(self, world: World, now: datetime) -> Outcome:
        """The plan is this from now on. What that changes at once (visits of fences that are gone) is in the outcome."""
        known, self._world = self._world, world
        if world.mountings is not known.mountings:
            self._roster.take_in(Mountings.of(world.mountings))
        if world.routes is not known.routes:
            self._routed = frozenset((route.tenant, route.vehicle) for route in world.routes)
            self._keys = dict(world.route_keys)
            self._engines.set_routes(world.routes, self._keys)
        if world.movement is not known.movement:
            self._engines.set_rules(world.movement)
        return Outcome() if world.fences is known.fences else self._engines.set_fences(world.fences, now)

    @property
    def refused_rules(self) -> Sequence[tuple[MovementScope, str]]:
        """Whose allowed hours cannot be read, and why: they are held to the rest of their rules."""
        return self._engines.refused_rules

    def learn(self, mountings: Iterable[Mounting]) -> None:
        """These trackers were registered since the world was loaded."""
        columns = Mountings.of(mountings)
        self._roster.take_in(columns)
        new = columns.keys_of(self._routed)
        if new.items() - self._keys.items():
            self._keys |= new
            self._engines.set_routes(self._world.routes, self._keys)

    # what comes in

    @property
    def steps(self) -> int:
        """How many steps there were: what `Late.step` counts."""
        return self._intake.steps

    @property
    def duplicates(self) -> int:
        return self._intake.duplicates

    @property
    def too_old(self) -> int:
        """Fixes beyond the late-data horizon."""
        return self._intake.too_old

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        """Take in fixes in any order. Late ones change nothing yet: see `late`."""
        admitted = self._intake.admit(batch)
        self._engines.forget(admitted.new_due)
        if not len(admitted.batch):
            return Outcome()
        try:
            return self._in_waves(admitted.batch, admitted.newest, now)
        except BaseException:
            self._start_over(admitted.batch)
            raise

    def hear(self, lost: Mapping[int, int | None]) -> None:
        """These vehicles' trackers were disconnected at that instant (microseconds since 1970 UTC); None: they are connected again,
        or something has come in of them since. What comes of it is found by a later tick."""
        for key, at in lost.items():
            if at is None:
                self._lost.pop(key, None)
            else:
                self._lost[key] = at

    def tick(self, now: datetime) -> Outcome:
        """What the passing of time alone brings about."""
        outcome = self._engines.tick(now)
        outcome.extend(self._disconnect(now))
        self._intake.presume(self._engines.take_presumed())
        return outcome

    def caught_up(self, now: datetime) -> None:
        """The work of another worker has been taken up: checkpoint and the fixes since are in. What that worker has said because
        time had passed, after its last checkpoint, is not in them, so what a tick could have said until now is taken for said."""
        self._intake.presume(self._engines.silent_by(now))

    # late data

    @property
    def late(self) -> list[Late]:
        """Vehicles to be folded again, earliest first. They stay here until `repair` has done it."""
        return sorted(self._intake.due.values(), key=lambda late: late.since)

    def repair(self, late: Late, anchor: Anchor | None, fixes: FixBatch, published: Published, now: datetime) -> Outcome:
        """Fold a vehicle again and find the difference to what was published.

        `anchor` is the newest one before `late.since`, None where there is none; `fixes` are all stored fixes of the vehicle
        after it; `published` all that was published since the `earliest` instant of the anchor. A vehicle of which more has
        come in since `late` was asked for stays due, and nothing is found.
        """
        if self._intake.due.get(late.key) != late:
            return Outcome()
        try:
            found, anchors = self._fold_again(late.key, anchor, fixes, disconnections(published.events), now)
        except BaseException:
            self._engines.forget([late.key])
            raise
        span = Span(after=earliest(anchor), folded=instant(late.folded), fences=self._fences_of(late.key))
        outcome = difference(published, found, self._engines.open_visits(late.key), span, now)
        self._intake.repaired(late.key, fixes.time)
        self._intake.presume(self._engines.take_presumed())
        self._anchors += anchors
        return outcome

    def whose(self, key: int) -> tuple[str, str] | None:
        """(tenant, vehicle) of a key; None where it was never named."""
        return self._roster.whose(self._roster.slots.find_one(key)) if self._roster.knows(key) else None

    @property
    def vehicles_near_fences(self) -> int:
        """Vehicles that are visiting a fence, or may be about to."""
        return self._engines.vehicles_near_fences

    # state

    def changed(self) -> Int64s:
        """Keys of the vehicles that changed since `states` was asked for them."""
        self._intake.touch(self._engines.take_touched())
        return self._intake.changed()

    def teachers(self) -> Collection[int]:
        """Vehicles from which something was learned since that was asked for."""
        return self._engines.teachers

    def states(self, keys: Collection[int], *, with_learned: bool) -> dict[int, bytes]:
        """The states of these vehicles, and of what was learned from all (under `LEARNED_KEY`, where routes are known)."""
        wanted = list(keys)
        engines = self._engines.snapshot(wanted)
        encode = msgspec.msgpack.Encoder().encode
        records = {
            key: encode(_VehicleRecord(intake, engines[key]))
            for key, intake in zip(wanted, self._intake.snapshot(np.array(wanted, np.int64)), strict=True)
        }
        learned = self._engines.learned() if with_learned else None
        return records if learned is None else {LEARNED_KEY: learned, **records}

    def checkpoint(self) -> dict[int, bytes]:
        """The states of all vehicles that changed, at once."""
        changed = self.changed().tolist()
        return self.states(changed, with_learned=True) if changed else {}

    def restore(self, states: Mapping[int, bytes]) -> None:
        """Go on from checkpoints. `apply` comes first."""
        decoder = msgspec.msgpack.Decoder(_VehicleRecord)
        records = {key: decoder.decode(state) for key, state in states.items() if key != LEARNED_KEY}
        keys = np.fromiter(records, np.int64, len(records))
        self._intake.restore(keys, [record.intake for record in records.values()])
        self._engines.restore({key: record.engines for key, record in records.items()})
        if LEARNED_KEY in states:
            self._engines.restore_learned(states[LEARNED_KEY])

    def anchors(self, keys: Collection[int] | None = None) -> list[Anchor]:
        """The anchors that were reached since the last call (of these vehicles, where given); to be written with the fixes that
        they include, a later one in place of an earlier one of the same vehicle and time."""
        taken = [anchor for anchor in self._anchors if keys is None or anchor.key in keys]
        self._anchors = [anchor for anchor in self._anchors if keys is not None and anchor.key not in keys]
        return taken

    # within

    def _fences_of(self, key: int) -> frozenset[str]:
        whose = self.whose(key)
        return frozenset() if whose is None else self._engines.plan.ids_of(whose[0])

    def _in_waves(self, batch: FixBatch, newest: Int64s, now: datetime) -> Outcome:
        """Step, and take a vehicle's anchor whenever its fixes reach one: the rows behind it wait for the next wave."""
        boundaries = self._intake.boundaries(batch.vehicle, batch.time)
        is_first = np.ones(len(batch), np.bool_)
        is_first[1:] = batch.vehicle[1:] != batch.vehicle[:-1]
        before = np.append(NEVER, boundaries[:-1])
        before[is_first] = np.where(newest == NEVER, NEVER, newest)[is_first]
        # A first fix ever reaches no anchor: there is nothing before it.
        reached = (boundaries > before) & (before != NEVER)
        if not reached.any():
            return self._engines.step(batch, now)
        self._take_anchors(batch, boundaries, reached & is_first)
        waves = np.cumsum(reached & ~is_first)
        waves = waves - np.maximum.accumulate(np.where(is_first, waves, 0))
        outcome = Outcome()
        for wave in range(int(waves.max()) + 1):
            rows = waves == wave
            if wave:
                self._take_anchors(batch, boundaries, rows & reached & ~is_first)
            outcome.extend(self._engines.step(batch.take(rows), now))
        return outcome

    def _take_anchors(self, batch: FixBatch, boundaries: Int64s, rows: npt.NDArray[np.bool_]) -> None:
        """Take the anchors that these rows have reached, of vehicles of which nothing is pending: what is found after such an
        anchor is dated after its last fix, and what was found before it is not."""
        reached = zip(batch.vehicle[rows].tolist(), boundaries[rows].tolist(), strict=True)
        settled = {key: time for key, time in reached if self._engines.is_settled(key)}
        records = self._engines.snapshot(list(settled))
        # The store counts an anchor's own instant as folded; a boundary belongs to what comes after it.
        self._anchors += [Anchor(key=key, time=from_micros(time - _ONE), state=records[key]) for key, time in settled.items()]

    def _disconnect(self, now: datetime) -> Outcome:
        """Those that have not come back for long enough. A vehicle that is due has its turn when it was folded again."""
        outcome, until = Outcome(), to_micros(now) - self._grace
        due = [key for key, at in self._lost.items() if at <= until and key not in self._intake.due]
        for key, last in zip(due, self._engines.last_instants(due), strict=True):
            # A clock that is ahead, within bounds, has the last fix after the last will.
            if max(self._lost[key], last) <= until:
                outcome.extend(self._engines.disconnected(key, max(self._lost.pop(key), last), now))
        return outcome

    def _fold_again(
        self, key: int, anchor: Anchor | None, fixes: FixBatch, lost: Sequence[int], now: datetime
    ) -> tuple[Outcome, list[Anchor]]:
        kept, self._anchors = self._anchors, []
        try:
            self._engines.return_to(key, anchor.state if anchor is not None else None)
            self._engines.know_lost(key, lost)
            found = Outcome()
            if len(fixes):
                newest = np.full(len(fixes), NEVER if anchor is None else to_micros(anchor.time))
                found.extend(self._in_waves(fixes, newest, now))
            found.extend(self._engines.tick_one(key, now))
            return found, self._anchors
        finally:
            self._engines.know_lost(key, ())
            self._anchors = kept

    def _start_over(self, batch: FixBatch) -> None:
        """A step has failed: nobody knows how far its vehicles' states have come."""
        keys, first = np.unique(batch.vehicle, return_index=True)
        self._intake.make_due(keys, batch.time[first])
        self._engines.forget(keys.tolist())


def disconnections(events: Sequence[Event]) -> list[int]:
    """When a vehicle's connection was lost, as far as that has been told and stands: fixes alone do not say it."""
    told = (event for event in standing(events) if event.type == "vehicle.offline" and event.data.get("cause") == LOST)
    return sorted(to_micros(event.occurred_at) for event in told)


def earliest(anchor: Anchor | None) -> datetime:
    """What was published of a vehicle since then has to be at hand to fold it again from this anchor: its last fix."""
    return instant(last_of(anchor.state) if anchor is not None else NEVER)
