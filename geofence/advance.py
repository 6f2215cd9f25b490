"""Moves a step's stays on, in rounds: in columns up to the first row at which something may happen, which is folded alone.

A stay is of one vehicle and one fence, and nothing that it does depends on another. So each goes its own way through its vehicle's
rows: most are through after the first round, and every other round takes on only what is behind a folded row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from geofence.beginnings import beginnings, candidates
from geofence.findings import Findings
from geofence.roster import Roster
from geofence.scene import Scene
from geofence.sifting import sift
from geofence.slots import Int64s
from geofence.stays import NEVER, Stay
from geofence.visits import Seen, Sight, VisitFold
from geofence.working import WorkingStays

_NO_STAY = -1


@dataclass(slots=True)
class _Round:
    """What is still to be gone through: stays, with the row from which each goes on, and hits of fences without a stay."""

    stays: list[Int64s] = field(default_factory=list)
    since: list[Int64s] = field(default_factory=list)
    hits: list[Int64s] = field(default_factory=list)

    def go_on(self, stays: Int64s, since: Int64s) -> None:
        self.stays.append(stays)
        self.since.append(since)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cases:
    """Rows to be folded: of a stay (by number) or of none, and of a fence."""

    stays: Sequence[int]
    rows: Int64s
    fences: Int64s
    is_inside: Sequence[bool]
    is_touched: Sequence[bool]
    outside_m: Sequence[float]


class Advance:
    """`folded` counts the rows of stays and of hits that were folded one by one. `folds_all`: nothing is moved in columns."""

    def __init__(
        self, scene: Scene, stays: WorkingStays, fold: VisitFold, findings: Findings, roster: Roster, *, folds_all: bool
    ) -> None:
        self._scene = scene
        self._stays = stays
        self._fold = fold
        self._findings = findings
        self._roster = roster
        self._folds_all = folds_all
        #: Of each folded row that found something: its place in the order of finding, and what was found up to then.
        self._marks: list[tuple[int, int, int, int, int, int]] = []
        self._next = _Round()
        self.folded = 0

    def run(self) -> None:
        """Take in all rows. `stays` hold what has become of them; nothing else has changed."""
        scene, stays = self._scene, self._stays
        numbers = np.arange(len(stays))
        is_free = np.ones(len(scene.hits), np.bool_)
        claimed = self._move_on(numbers, scene.rows.starts[stays.vehicle])
        is_free[claimed[claimed >= 0]] = False
        self._begin(np.flatnonzero(is_free))
        while self._next.stays or self._next.hits:
            this, self._next = self._next, _Round()
            if this.stays:
                self._move_on(np.concatenate(this.stays), np.concatenate(this.since))
            if this.hits:
                self._begin(np.sort(np.concatenate(this.hits)))
        self._put_in_order()

    def _move_on(self, numbers: Int64s, since: Int64s) -> Int64s:
        """Move stays on from the row `since` each; returns all hits of their fences."""
        if not len(numbers):
            return numbers
        scene, stays = self._scene, self._stays
        sifted = sift(scene, stays.rows, numbers, since, scene.ends[stays.vehicle[numbers]], folds_all=self._folds_all)
        stops = sifted.stops
        if len(stops):
            number = numbers[sifted.stay[stops]]
            self._fold_each(
                _Cases(
                    stays=number.tolist(),
                    rows=sifted.row[stops],
                    fences=stays.rows["fence"][number],
                    is_inside=sifted.is_inside[stops].tolist(),
                    is_touched=[False] * len(stops),
                    outside_m=sifted.outside_m[stops].tolist(),
                )
            )
        return sifted.hit

    def _begin(self, hits: Int64s) -> None:
        """Go through hits of fences without a stay, those of each vehicle and fence up to the first that begins one."""
        if not len(hits):
            return
        scene = self._scene
        found = beginnings(scene, hits, folds_all=self._folds_all)
        if len(found.plain):
            rows = scene.hits.rows[found.plain]
            vehicle = scene.rows.vehicle_numbers[rows]
            numbers = self._stays.add(candidates(scene, found.plain), vehicle)
            goes_on = rows < scene.ends[vehicle]
            if goes_on.any():
                self._next.go_on(numbers[goes_on], rows[goes_on] + 1)
        if len(found.folded):
            inside = scene.hits.inside[found.folded]
            self._fold_each(
                _Cases(
                    stays=[_NO_STAY] * len(found.folded),
                    rows=scene.hits.rows[found.folded],
                    fences=scene.hits.fences[found.folded].astype(np.int64),
                    is_inside=inside.tolist(),
                    is_touched=(~inside).tolist(),
                    outside_m=[np.nan] * len(found.folded),
                )
            )

    def _fold_each(self, cases: _Cases) -> None:
        rows, findings = self._scene.rows, self._findings
        vehicles = rows.vehicle_numbers[cases.rows]
        columns = zip(
            cases.stays,
            cases.rows.tolist(),
            cases.fences.tolist(),
            cases.is_inside,
            cases.is_touched,
            cases.outside_m,
            *self._sights(cases.rows),
            rows.slots[cases.rows].tolist(),
            vehicles.tolist(),
            self._scene.ends[vehicles].tolist(),
            strict=True,
        )
        for number, row, fence, is_inside, is_touched, outside_m, fix, previous, slot, vehicle, end in columns:
            events, visits = len(findings.events), len(findings.visits)
            findings.about(*self._roster.whose(slot))
            before = self._stays.of(number) if number != _NO_STAY else None
            after = self._fold.take(before, Seen(slot, fence, fix, previous, is_inside, is_touched, outside_m))
            if len(findings.events) > events or len(findings.visits) > visits:
                self._marks.append((row, fence, events, len(findings.events), visits, len(findings.visits)))
            kept = self._note(number, after, vehicle)
            if row < end:
                self._look_behind(kept if after is not None else _NO_STAY, fence, row, end, is_touched)
        self.folded += len(cases.stays)

    def _note(self, number: int, after: Stay | None, vehicle: int) -> int:
        if number != _NO_STAY:
            self._stays.put(number, after)
        elif after is not None:
            return self._stays.add_one(after, vehicle)
        return number

    def _look_behind(self, number: int, fence: int, row: int, end: int, was_touched: bool) -> None:
        """What comes behind a folded row is for the next round. (What is behind a mere pass has its place in this one.)"""
        if number != _NO_STAY:
            self._next.go_on(np.array([number]), np.array([row + 1]))
        elif not was_touched:
            hits = self._scene.hits_from(fence, row + 1, end)
            if len(hits):
                self._next.hits.append(hits)

    def _sights(self, rows: Int64s) -> tuple[list[Sight], list[Sight | None]]:
        """The fix of each row, and the one before it."""
        batch, before = self._scene.rows.batch, self._scene.before
        fixes = (batch.time, batch.lat, batch.lon, batch.accuracy_m, batch.flags, batch.speed_mps, batch.altitude_m)
        lasts = (before.time, before.lat, before.lon, before.accuracy_m, before.flags)
        seen = list(map(Sight._make, zip(*(column[rows].tolist() for column in fixes), strict=True)))
        known = zip(*(column[rows].tolist() for column in lasts), strict=True)
        return seen, [None if last[0] == NEVER else Sight(*last) for last in known]

    def _put_in_order(self) -> None:
        """What was found, in order of rows and fences, whatever the round in which it was found."""
        marks = sorted(self._marks)
        if marks != self._marks:
            events, visits = self._findings.events, self._findings.visits
            events[:] = [event for mark in marks for event in events[mark[2] : mark[3]]]
            visits[:] = [visit for mark in marks for visit in visits[mark[4] : mark[5]]]
