"""The engine of fences: a pure fold over each vehicle's fixes that finds visits, dwells and passes.

Most fixes are of vehicles that are in no fence, or in the same fences as before; for those nothing happens but that counts move,
and that is done for all of them at once. Only fixes at which something may happen are folded one by one (`geofence.advance`).
A step works on copies and keeps its results at the end, so that one that fails changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from fleet.clock import to_micros
from fleet.fix import FixBatch
from fleet.outcome import Outcome
from fleet.visit import Visit
from geofence.advance import Advance
from geofence.fence_states import FenceStates
from geofence.findings import Findings, evidence_of, say_exit
from geofence.plan import FencePlan
from geofence.replanning import change_plan
from geofence.roster import Roster
from geofence.rows import Rows, by_vehicle
from geofence.scene import look
from geofence.settings import GeofenceSettings
from geofence.slots import NO_SLOT
from geofence.stays import CONFIRMED, ENDLESS, PRESUMED_SILENT, SILENT
from geofence.visits import Limits, VisitFold
from geofence.working import WorkingStays


class FenceEngine:
    """State by slot of the roster. `plan` may be shared between engines; it never changes. With `folds_all` every fix is folded by
    itself: the same is found, slowly, which is for tests."""

    def __init__(
        self, settings: GeofenceSettings, roster: Roster, plan: FencePlan | None = None, *, folds_all: bool = False
    ) -> None:
        self._limits = Limits.of(settings)
        self._roster = roster
        self._plan = plan or FencePlan.empty()
        self._states = FenceStates(roster)
        self._presumed: set[int] = set()
        self._folds_all = folds_all
        self._folded = 0

    @property
    def plan(self) -> FencePlan:
        return self._plan

    @property
    def vehicles_near(self) -> int:
        """Vehicles that are visiting a fence, or may be about to."""
        return int(np.count_nonzero(self._states.stays.counts))

    @property
    def folded(self) -> int:
        """How many fixes were folded one by one, counted once for each fence that they were folded for."""
        return self._folded

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        return self.take(by_vehicle(batch, self._roster.assign(batch.vehicle)), now) if len(batch) else Outcome()

    def take(self, rows: Rows, now: datetime) -> Outcome:
        """`step` for fixes by vehicle, with slots of the roster; at least one."""
        findings = Findings(now)
        self._states.reserve()
        if len(self._plan):
            self._advance(rows, findings)
        self._states.last.keep(rows)
        self._end_orphans(findings)
        return Outcome(events=findings.events, visits=findings.visits)

    def _advance(self, rows: Rows, findings: Findings) -> None:
        states = self._states
        scene = look(self._plan, self._limits, rows, states.last.before(rows), self._roster.tenants(rows.slots))
        stays = WorkingStays(states.stays, rows.vehicles)
        fold = VisitFold(self._plan, self._limits, findings)
        advance = Advance(scene, stays, fold, findings, self._roster, folds_all=self._folds_all)
        advance.run()
        stays.keep()
        self._folded += advance.folded

    def tick(self, now: datetime) -> Outcome:
        """Visits of vehicles that have fallen silent end, with an uncertain end."""
        return self._tick(now, None)

    def tick_one(self, key: int, now: datetime) -> Outcome:
        """`tick` for one vehicle."""
        return self._tick(now, self._roster.slots.find_one(key))

    def silent_by(self, now: datetime) -> dict[int, int]:
        """The vehicles that `tick` would call silent, as `take_presumed` would give them."""
        return {int(self._roster.slots.keys[slot]): ENDLESS for slot in self._silent(now, None)}

    def take_presumed(self) -> dict[int, int]:
        """Vehicles that ticks have called silent since the last call: by key, until when a fix would prove that wrong. Of a visit
        that silence has ended only folding again can tell, whenever the fix."""
        presumed, self._presumed = self._presumed, set()
        return {int(self._roster.slots.keys[slot]): ENDLESS for slot in presumed}

    def replan(self, plan: FencePlan, now: datetime) -> Outcome:
        """Work by another plan from now on. Visits of deleted fences end; where a fence has moved, membership is worked out anew
        from each vehicle's last fix."""
        findings = Findings(now)
        before, self._plan = self._plan, plan
        change_plan(self._states, before, plan, self._limits, findings)
        return Outcome(events=findings.events, visits=findings.visits)

    # state in and out

    def snapshot(self, keys: Iterable[int]) -> dict[int, bytes]:
        return self._states.snapshot(keys, self._plan)

    def restore(self, states: Mapping[int, bytes]) -> None:
        self._states.restore(states, self._plan)

    def take_touched(self) -> list[int]:
        """Keys of vehicles whose state has changed since the last call, otherwise than by a step."""
        touched, self._states.touched = self._states.touched, set()
        return [int(self._roster.slots.keys[slot]) for slot in touched]

    def forget(self, key: int) -> None:
        slot = self._states.slot_of(key)
        if slot != NO_SLOT:
            self._states.forget(slot)

    def forget_presumptions(self, key: int) -> None:
        """What the passing of time alone has said of a vehicle is unsaid: its state is that of its fixes."""
        self._states.forget_presumptions(self._roster.slots.find_one(key))

    def open_visits(self, key: int) -> list[Visit]:
        """The vehicle's visits that have not ended."""
        slot = self._states.slot_of(key)
        if slot == NO_SLOT:
            return []
        findings = Findings(datetime.min)  # noqa: DTZ901 - events are not asked for
        findings.about(*self._roster.whose(slot))
        for stay in self._states.stays.of(slot):
            if stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
                fence = self._plan.fences[stay.fence].fence.id
                findings.visit(findings.visit_id(fence, stay.entered), fence, stay, None, evidence_of(stay))
        return findings.visits

    def is_settled(self, key: int) -> bool:
        """Whether nothing that later fixes bring about can be dated before the vehicle's last fix."""
        slot = self._states.slot_of(key)
        return slot == NO_SLOT or self._states.is_settled(slot)

    # silence

    def _tick(self, now: datetime, only: int | None) -> Outcome:
        findings = Findings(now)
        self._end_orphans(findings)
        for slot in self._silent(now, only):
            self._presume_silent(slot, findings)
        return Outcome(events=findings.events, visits=findings.visits)

    def _silent(self, now: datetime, only: int | None) -> list[int]:
        """Slots of vehicles with visits (of one vehicle, where given) that silence should have ended."""
        rows = self._states.stays.rows
        waits = (rows["phase"] == CONFIRMED) & (rows["silent"] != PRESUMED_SILENT)
        seats = np.flatnonzero(waits if only is None else waits & (rows["slot"] == only))
        silent_at = self._states.last.time[rows["slot"][seats]] + self._limits.silence
        is_silent = (silent_at <= to_micros(now)) | (rows["silent"][seats] == SILENT)
        slots: list[int] = np.unique(rows["slot"][seats[is_silent]]).tolist()
        return slots

    def _presume_silent(self, slot: int, findings: Findings) -> None:
        fold, stays = VisitFold(self._plan, self._limits, findings), self._states.stays.of(slot)
        findings.about(*self._roster.whose(slot))
        silent_at = int(self._states.last.time[slot]) + self._limits.silence
        for stay in stays:
            if stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
                fold.presume_silent(stay, silent_at)
        self._states.stays.put(slot, stays)
        self._presumed.add(slot)

    def _end_orphans(self, findings: Findings) -> None:
        """Visits of fences that were deleted while the state was in a checkpoint end with the last fix inside."""
        orphans, self._states.orphans = self._states.orphans, []
        for name, stay in orphans:
            findings.about(*self._roster.whose(stay.slot))
            self._states.touched.add(stay.slot)
            say_exit(
                findings,
                name,
                stay,
                exited=stay.last,
                how="last_fix",
                is_uncertain=True,
                reason="fence_deleted",
                proved=int(self._states.last.time[stay.slot]),
            )
