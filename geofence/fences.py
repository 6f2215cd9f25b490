"""The engine of fences: a pure fold over each vehicle's fixes that finds visits, dwells and passes.

Most fixes are of vehicles that are in no fence, or in the same fences as before; for those nothing happens but that counts move,
and that is done for all of them at once. Only vehicles for which something may change are folded one by one (`geofence.visits`).
A step works on copies and keeps its results at the end, so that one that fails changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S, to_micros
from fleet.fix import FixBatch
from fleet.geodesy import METRES_PER_DEGREE, distances_m
from fleet.outcome import Outcome
from fleet.visit import Visit
from geofence.findings import Findings, evidence_of, say_exit
from geofence.grid import ramps
from geofence.membership import Hits, Ways, distances_outside_m, find_hits
from geofence.plan import FencePlan, PlannedFence
from geofence.roster import Roster
from geofence.rows import Rows, by_vehicle
from geofence.settings import GeofenceSettings
from geofence.slots import NO_SLOT, Int32s, Int64s, as_keys, grown
from geofence.stays import (
    CANDIDATE,
    CONFIRMED,
    ENDLESS,
    NEVER,
    NO_SEAT,
    PRESUMED_SILENT,
    REPORTING,
    SILENT,
    Stay,
    StayTable,
    packed,
    unpacked,
)
from geofence.visits import UNUSABLE, Limits, Sight, VisitFold

Booleans = npt.NDArray[np.bool_]

#: The last fix of each vehicle.
LAST: Final = np.dtype([("time", "<i8"), ("lat", "<f8"), ("lon", "<f8"), ("accuracy_m", "<f4"), ("flags", "<u2")])
_UNSEEN: Final = np.array((NEVER, np.nan, np.nan, np.nan, 0), LAST)
#: Ways are left out that are surely too long, too short or too slow, by a flat measure that is this much too generous.
_GENEROUS: Final = 1.05


@dataclass(slots=True)
class _Waiting:
    """Stays whose vehicle is outside, and for which nothing is decided yet: what becomes of their columns."""

    numbers: Int64s
    seats: Int32s
    rows: Int64s
    is_beyond: Booleans


@dataclass(slots=True)
class _Kept:
    """What a step is going to keep: counted hits with their seats, stays that wait, and new stays of vehicles that were folded."""

    stays: list[tuple[int, list[Stay]]]
    counted: tuple[Int64s, Int32s] | None = None
    waiting: _Waiting | None = None


class FenceEngine:
    """State by slot of the roster. `plan` may be shared between engines; it never changes."""

    def __init__(self, settings: GeofenceSettings, roster: Roster, plan: FencePlan | None = None) -> None:
        self._limits = Limits.of(settings)
        self._roster = roster
        self._plan = plan or FencePlan.empty()
        self._last: npt.NDArray[Any] = np.zeros(0, LAST)
        self._stays = StayTable()
        #: Visits whose fences were gone when their state was restored.
        self._orphans: list[tuple[str, Stay]] = []
        self._touched: set[int] = set()
        self._presumed: set[int] = set()

    @property
    def plan(self) -> FencePlan:
        return self._plan

    @property
    def vehicles_near(self) -> int:
        """Vehicles that are visiting a fence, or may be about to."""
        return int(np.count_nonzero(self._stays.counts))

    def step(self, batch: FixBatch, now: datetime) -> Outcome:
        findings = Findings(now)
        if not len(batch):
            return Outcome()
        slots = self._roster.assign(batch.vehicle)
        self._reserve()
        rows = by_vehicle(batch, slots)
        ways, gaps = self._ways(rows)
        hits = find_hits(self._plan, ways)
        kept = self._sort_out(rows, hits, gaps, findings)
        self._keep(rows, hits, kept)
        self._end_orphans(findings)
        return Outcome(events=findings.events, visits=findings.visits)

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

    def _tick(self, now: datetime, only: int | None) -> Outcome:
        findings = Findings(now)
        self._end_orphans(findings)
        for slot in self._silent(now, only):
            self._presume_silent(slot, findings)
        return Outcome(events=findings.events, visits=findings.visits)

    def _silent(self, now: datetime, only: int | None) -> list[int]:
        """Slots of vehicles with visits (of one vehicle, where given) that silence should have ended."""
        rows = self._stays.rows
        waits = (rows["phase"] == CONFIRMED) & (rows["silent"] != PRESUMED_SILENT)
        seats = np.flatnonzero(waits if only is None else waits & (rows["slot"] == only))
        silent_at = self._last["time"][rows["slot"][seats]] + self._limits.silence
        is_silent = (silent_at <= to_micros(now)) | (rows["silent"][seats] == SILENT)
        slots: list[int] = np.unique(rows["slot"][seats[is_silent]]).tolist()
        return slots

    def replan(self, plan: FencePlan, now: datetime) -> Outcome:
        """Work by another plan from now on. Visits of deleted fences end; where a fence has moved, membership is worked out anew
        from each vehicle's last fix."""
        findings = Findings(now)
        before, self._plan = self._plan, plan
        moved = {
            number
            for number in before.fences.keys() | plan.fences.keys()
            if not _is_same_area(before.fences.get(number), plan.fences.get(number))
        }
        if moved:
            self._leave_moved(before, moved, findings)
            self._enter_moved(moved, findings)
        return Outcome(events=findings.events, visits=findings.visits)

    # state in and out

    def snapshot(self, keys: Iterable[int]) -> dict[int, bytes]:
        wanted = as_keys(keys)
        slots = self._roster.assign(wanted)
        self._reserve()
        size = LAST.itemsize
        fixed = self._last[slots].tobytes()
        states = {key: fixed[at * size : (at + 1) * size] for at, key in enumerate(wanted.tolist())}
        for at in np.flatnonzero(self._stays.counts[slots]).tolist():
            states[int(wanted[at])] += self._packed(int(slots[at]))
        return states

    def restore(self, states: Mapping[int, bytes]) -> None:
        keys = as_keys(states)
        slots = self._roster.assign(keys)
        self._reserve()
        size = LAST.itemsize
        self._last[slots] = np.frombuffer(b"".join(state[:size] for state in states.values()), LAST)
        for slot, state in zip(slots.tolist(), states.values(), strict=True):
            if len(state) > size or self._stays.counts[slot]:
                self._stays.put(slot, self._unpacked(slot, state[size:]))

    def take_touched(self) -> list[int]:
        """Keys of vehicles whose state has changed since the last call, otherwise than by a step."""
        touched, self._touched = self._touched, set()
        return [int(self._roster.slots.keys[slot]) for slot in touched]

    def forget(self, key: int) -> None:
        slot = self._roster.slots.find_one(key)
        if slot != NO_SLOT and slot < len(self._last):
            self._last[slot] = _UNSEEN
            self._stays.put(slot, [])

    def forget_presumptions(self, key: int) -> None:
        """What the passing of time alone has said of a vehicle is unsaid: its state is that of its fixes."""
        slot = self._roster.slots.find_one(key)
        stays = self._stays.of(slot)
        for stay in stays:
            if stay.silent == PRESUMED_SILENT:
                stay.silent = REPORTING
        self._stays.put(slot, stays)
        self._orphans = [(name, stay) for name, stay in self._orphans if stay.slot != slot]

    def open_visits(self, key: int) -> list[Visit]:
        """The vehicle's visits that have not ended."""
        slot = self._roster.slots.find_one(key)
        if slot == NO_SLOT or slot >= len(self._last):
            return []
        findings = Findings(datetime.min)  # noqa: DTZ901 - events are not asked for
        findings.about(*self._roster.whose(slot))
        for stay in self._stays.of(slot):
            if stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
                fence = self._plan.fences[stay.fence].fence.id
                findings.visit(findings.visit_id(fence, stay.entered), fence, stay, None, evidence_of(stay))
        return findings.visits

    def is_settled(self, key: int) -> bool:
        """Whether nothing that later fixes bring about can be dated before the vehicle's last fix."""
        slot = self._roster.slots.find_one(key)
        if slot == NO_SLOT or slot >= len(self._last) or not self._stays.counts[slot]:
            return True
        last = int(self._last["time"][slot])
        return all(stay.phase == CONFIRMED and stay.last == last < stay.dwell_due for stay in self._stays.of(slot))

    # a step

    def _ways(self, rows: Rows) -> tuple[Ways, Int64s]:
        """The way to each fix where it may count as a pass, and the time since the fix before (0 for a first one)."""
        last, batch = self._last[rows.slots], rows.batch
        time, lat, lon, accuracy_m = (
            rows.before(last[name], getattr(batch, name)) for name in ("time", "lat", "lon", "accuracy_m")
        )
        has_before = time != NEVER
        gaps = np.where(has_before, rows.batch.time - time, 0)
        north = rows.batch.lat - lat
        east = rows.batch.lon - lon
        east = (east - 360.0 * np.rint(east / 360.0)) * np.cos(np.radians(rows.batch.lat))
        way_m = np.sqrt(north * north + east * east) * METRES_PER_DEGREE
        is_way = has_before & (gaps <= self._limits.gap) & (way_m <= self._limits.gap_m * _GENEROUS)
        is_way &= way_m * (MICROS_PER_S * _GENEROUS) >= gaps * self._plan.slowest_pass_mps
        is_way &= ~(way_m * _GENEROUS < accuracy_m + batch.accuracy_m)
        ways = Ways(
            tenants=self._roster.tenants(rows.slots),
            lat=rows.batch.lat,
            lon=rows.batch.lon,
            altitude_m=rows.batch.altitude_m,
            previous_lat=np.where(is_way, lat, rows.batch.lat),
            previous_lon=np.where(is_way, lon, rows.batch.lon),
            is_way=is_way,
        )
        return ways, gaps

    def _sort_out(self, rows: Rows, hits: Hits, gaps: Int64s, findings: Findings) -> _Kept:
        """Tell vehicles for which only columns move from those to be folded one by one, and fold those."""
        stay_counts = self._stays.counts[rows.vehicles]
        if not len(hits) and not stay_counts.any():
            return _Kept([])
        numbers = rows.vehicle_numbers[hits.rows]
        seats = self._stays.match(rows.slots[hits.rows], hits.fences)
        seated = np.flatnonzero((seats != NO_SEAT) & hits.inside)
        is_plain = self._is_plain(rows, hits, gaps, seats, seated)
        waiting = self._waiting(rows, gaps, stay_counts, seats[seated])
        size = len(rows.vehicles)
        # Every stay of a vehicle must be plain at every row, and nothing may be hit that it has no stay in.
        plain = np.bincount(numbers[seated[is_plain]], minlength=size) + np.bincount(waiting.numbers, minlength=size)
        strange = np.bincount(numbers[seats == NO_SEAT], minlength=size)
        is_steady = (plain == rows.counts * stay_counts) & (strange == 0)
        counted = seated[is_plain & is_steady[numbers[seated]]]
        chosen = is_steady[waiting.numbers]
        waiting = _Waiting(waiting.numbers[chosen], waiting.seats[chosen], waiting.rows[chosen], waiting.is_beyond[chosen])
        folded = self._fold(rows, hits, np.flatnonzero(~is_steady), numbers, findings)
        return _Kept(folded, (counted, seats[counted]), waiting)

    def _is_plain(self, rows: Rows, hits: Hits, gaps: Int64s, seats: Int32s, chosen: Int64s) -> Booleans:
        """Whether an inside hit surely does nothing but count: it is usable, its stay goes on and nothing is due."""
        batch, columns = rows.batch, self._plan.columns
        row, fence = hits.rows[chosen], hits.fences[chosen]
        stay = self._stays.rows[seats[chosen]]
        time = batch.time[row]
        fixes = stay["count"] + rows.counts[rows.vehicle_numbers[row]]
        waits = (fixes < columns.confirm_fixes[fence]) | (
            (time - stay["first"] < columns.confirm[fence]) & (batch.speed_mps[row] >= columns.confirm_speed_mps[fence])
        )
        settled = (stay["phase"] == CONFIRMED) & (stay["silent"] == REPORTING) & (time < stay["dwell_due"])
        quiet = (gaps[row] < self._limits.silence) & ~columns.has_calendar[fence]
        return np.asarray(self._is_usable(batch, row, fence) & quiet & (settled | ((stay["phase"] == CANDIDATE) & waits)))

    def _waiting(self, rows: Rows, gaps: Int64s, stay_counts: npt.NDArray[np.int16], inside: Int32s) -> _Waiting:
        """Of vehicles with one fix each: stays that the fix is outside of (they are not among the seats `inside`), where it is not
        enough to end them."""
        numbers, seats = self._stays.all_of(rows.vehicles, np.flatnonzero((stay_counts > 0) & (rows.counts == 1)))
        is_inside = np.zeros(len(self._stays.rows), np.bool_)
        is_inside[inside] = True
        outside = np.flatnonzero(~is_inside[seats])
        numbers, seats = numbers[outside], seats[outside]
        batch, columns, row = rows.batch, self._plan.columns, rows.starts[numbers]
        stay, time = self._stays.rows[seats], batch.time[row]
        fence = stay["fence"]
        possible = (stay["silent"] == REPORTING) & (gaps[row] < self._limits.silence) & columns.is_simple[fence]
        possible &= self._is_usable(batch, row, fence)
        outside_m = np.full(len(row), np.nan)
        outside_m[possible] = distances_outside_m(self._plan, fence[possible], batch.lat[row[possible]], batch.lon[row[possible]])
        out_since = np.where(stay["out_since"] == NEVER, time, stay["out_since"])
        # As `geofence.visits`: what the fix may be off by, where it says so, is no way outside.
        is_near = outside_m <= columns.exit_margin_m[fence] + np.nan_to_num(batch.accuracy_m[row].astype(np.float64))
        goes_on = (stay["phase"] == CONFIRMED) & (outside_m < self._limits.far_m) & (time - out_since < columns.exit[fence])
        chosen = np.flatnonzero(possible & (is_near | goes_on))
        return _Waiting(numbers[chosen], seats[chosen], row[chosen], ~is_near[chosen])

    def _is_usable(self, batch: FixBatch, row: Int64s, fence: Int32s) -> Booleans:
        return np.asarray(
            ((batch.flags[row] & UNUSABLE) == 0) & ~(batch.accuracy_m[row] > self._plan.columns.max_accuracy_m[fence])
        )

    def _fold(self, rows: Rows, hits: Hits, vehicles: Int64s, numbers: Int64s, findings: Findings) -> list[tuple[int, list[Stay]]]:
        """Fold these vehicles (positions in `rows.vehicles`) one by one; the new stays of those that have or had any."""
        if not len(vehicles):
            return []
        is_folded = np.zeros(len(rows.vehicles), np.bool_)
        is_folded[vehicles] = True
        inside, touched = _by_row(hits, np.flatnonzero(is_folded[numbers]))
        starts, counts, slots = rows.starts[vehicles], rows.counts[vehicles], rows.vehicles[vehicles]
        sights = _sights(rows.batch, starts, counts)
        previous = self._last[slots].tolist()
        stay_counts = self._stays.counts[slots].tolist()
        result, at = [], 0
        for number, (slot, start, count) in enumerate(zip(slots.tolist(), starts.tolist(), counts.tolist(), strict=True)):
            stays = self._stays.of(slot) if stay_counts[number] else []
            fold = self._fold_from(slot, previous[number], stays, findings)
            for row in range(start, start + count):
                fold.take(sights[at], inside.get(row, _NOTHING), touched.get(row, _NOTHING))
                at += 1
            if stay_counts[number] or fold.stays:
                result.append((slot, fold.stays))
        return result

    def _open_fold(self, slot: int, findings: Findings) -> VisitFold:
        return self._fold_from(slot, self._last[slot].item(), self._stays.of(slot), findings)

    def _fold_from(self, slot: int, last: tuple[Any, ...], stays: list[Stay], findings: Findings) -> VisitFold:
        findings.about(*self._roster.whose(slot))
        previous = None if last[0] == NEVER else Sight(*last)
        return VisitFold(self._plan, self._limits, findings, slot, stays, previous)

    def _keep(self, rows: Rows, hits: Hits, kept: _Kept) -> None:
        """Write the results of a step. From here on nothing is decided any more."""
        if kept.counted is not None and len(kept.counted[0]):
            self._count(rows, hits, *kept.counted)
        if kept.waiting is not None and len(kept.waiting.seats):
            self._wait(rows.batch, kept.waiting)
        for slot, stays in kept.stays:
            self._stays.put(slot, stays)
        ends, batch = rows.ends, rows.batch
        last = np.empty(len(ends), LAST)
        for name in ("time", "lat", "lon", "accuracy_m", "flags"):
            last[name] = getattr(batch, name)[ends]
        self._last[rows.vehicles] = last

    def _count(self, rows: Rows, hits: Hits, chosen: Int64s, seats: Int32s) -> None:
        """Move the columns of stays in which nothing changes but counts. Rows of a stay are in order of time."""
        batch, columns, stays = rows.batch, self._plan.columns, self._stays.rows
        row, fence = hits.rows[chosen], hits.fences[chosen]
        if rows.is_repeating:
            order = np.argsort(row, kind="stable")
            row, fence, seats = row[order], fence[order], seats[order]
        lat, lon = batch.lat[row], batch.lon[row]
        stays["last"][seats], stays["last_lat"][seats], stays["last_lon"][seats] = batch.time[row], lat, lon
        stays["after"][seats] = NEVER
        stays["out_since"][seats] = NEVER
        closest_m = distances_m(lat, lon, columns.lat[fence], columns.lon[fence]).astype(np.float32)
        if rows.is_repeating:
            np.add.at(stays["count"], seats, 1)
            np.fmax.at(stays["worst_m"], seats, batch.accuracy_m[row])
            np.minimum.at(stays["closest_m"], seats, closest_m)
        else:
            stays["count"][seats] += 1
            stays["worst_m"][seats] = np.fmax(stays["worst_m"][seats], batch.accuracy_m[row])
            stays["closest_m"][seats] = np.minimum(stays["closest_m"][seats], closest_m)

    def _wait(self, batch: FixBatch, waiting: _Waiting) -> None:
        """Note the first fix outside, and since when the outer edge has been passed."""
        stays, seats, row = self._stays.rows, waiting.seats, waiting.rows
        time = batch.time[row]
        out_since = stays["out_since"][seats]
        stays["out_since"][seats] = np.where(waiting.is_beyond, np.where(out_since == NEVER, time, out_since), NEVER)
        first = np.flatnonzero(stays["after"][seats] == NEVER)
        seats, row = seats[first], row[first]
        stays["after"][seats], stays["after_lat"][seats], stays["after_lon"][seats] = time[first], batch.lat[row], batch.lon[row]

    # silence, and changes of the plan

    def _presume_silent(self, slot: int, findings: Findings) -> None:
        fold = self._open_fold(slot, findings)
        silent_at = int(self._last["time"][slot]) + self._limits.silence
        for stay in fold.stays:
            if stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
                fold.presume_silent(stay, silent_at)
        self._stays.put(slot, fold.stays)
        self._presumed.add(slot)

    def _leave_moved(self, before: FencePlan, moved: set[int], findings: Findings) -> None:
        """End stays in fences that are gone, or not where the vehicle is any more."""
        rows = self._stays.rows
        affected = self._stays.seats_where(np.isin(rows["fence"], np.fromiter(moved, np.int32, len(moved))))
        for slot in np.unique(rows["slot"][affected]).tolist():
            fold = self._open_fold(slot, findings)
            fold.stays = [stay for stay in fold.stays if stay.fence not in moved or self._still_holds(stay, slot, before, fold)]
            self._put(slot, fold.stays)

    def _still_holds(self, stay: Stay, slot: int, before: FencePlan, fold: VisitFold) -> bool:
        now_planned, was_planned = self._plan.fences.get(stay.fence), before.fences[stay.fence]
        last = self._last[slot]
        if now_planned is None:
            fold.withdraw(stay, was_planned, "fence_deleted", int(last["time"]))
            return False
        if now_planned.shape.outside_m(float(last["lat"]), float(last["lon"])) <= now_planned.rules.exit_margin_m:
            return True
        fold.withdraw(stay, was_planned, "fence_changed", int(last["time"]))
        return False

    def _enter_moved(self, moved: set[int], findings: Findings) -> None:
        """Begin candidates where a last fix is in a fence that is new there."""
        changed = {number: self._plan.fences[number] for number in moved & self._plan.fences.keys()}
        slots = np.flatnonzero(self._last["time"] != NEVER).astype(np.int32)
        if not changed or not len(slots):
            return
        last = self._last[slots]
        lat, lon = last["lat"].copy(), last["lon"].copy()
        altitude_m = np.full(len(slots), np.nan, np.float32)
        still = np.zeros(len(slots), np.bool_)
        tenants = self._roster.tenants(slots)
        ways = Ways(tenants=tenants, lat=lat, lon=lon, altitude_m=altitude_m, previous_lat=lat, previous_lon=lon, is_way=still)
        hits = find_hits(FencePlan(changed, self._plan.numbers, []), ways)
        for row, number in zip(hits.rows.tolist(), hits.fences.tolist(), strict=True):
            slot = int(slots[row])
            fold = self._open_fold(slot, findings)
            if all(stay.fence != number for stay in fold.stays):
                time, place_lat, place_lon, accuracy_m, flags = self._last[slot].item()
                fold.begin(number, Sight(time, place_lat, place_lon, accuracy_m, flags))
                self._put(slot, fold.stays)

    def _put(self, slot: int, stays: list[Stay]) -> None:
        """Keep stays that changed otherwise than by a step."""
        self._stays.put(slot, stays)
        self._touched.add(slot)

    def _packed(self, slot: int) -> bytes:
        stays = self._stays.of(slot)
        return packed(stays, [self._plan.fences[stay.fence].fence.id for stay in stays])

    def _unpacked(self, slot: int, data: bytes) -> list[Stay]:
        """The stays, numbered by this plan. Visits of fences that have been deleted since end with the next step or tick."""
        found = []
        for stay, name in unpacked(data):
            number = self._plan.numbers.get((self._roster.whose(slot)[0], name))
            stay.slot = slot
            if number is not None and number in self._plan.fences:
                stay.fence = number
                found.append(stay)
            elif stay.phase == CONFIRMED and stay.silent != PRESUMED_SILENT:
                self._orphans.append((name, stay))
        return found

    def _end_orphans(self, findings: Findings) -> None:
        for name, stay in self._orphans:
            findings.about(*self._roster.whose(stay.slot))
            self._touched.add(stay.slot)
            say_exit(
                findings,
                name,
                stay,
                exited=stay.last,
                how="last_fix",
                is_uncertain=True,
                reason="fence_deleted",
                proved=int(self._last["time"][stay.slot]),
            )
        self._orphans = []

    def _reserve(self) -> None:
        count, size = len(self._roster), len(self._last)
        if count > size:
            self._last = grown(self._last, count)
            self._last[size:] = _UNSEEN
            self._stays.reserve(len(self._last))


_NOTHING: Final[tuple[int, ...]] = ()


def _by_row(hits: Hits, chosen: Int64s) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Fences that these hits name, by row: inside, and touched by the way alone."""
    inside: dict[int, list[int]] = {}
    touched: dict[int, list[int]] = {}
    order = chosen[np.lexsort((hits.fences[chosen], hits.rows[chosen]))]
    for row, fence, is_inside in zip(
        hits.rows[order].tolist(), hits.fences[order].tolist(), hits.inside[order].tolist(), strict=True
    ):
        (inside if is_inside else touched).setdefault(row, []).append(fence)
    return inside, touched


def _sights(batch: FixBatch, starts: Int64s, counts: Int64s) -> list[Sight]:
    rows = ramps(starts, counts)
    columns = (batch.time, batch.lat, batch.lon, batch.accuracy_m, batch.flags, batch.speed_mps, batch.altitude_m)
    return list(map(Sight._make, zip(*(column[rows].tolist() for column in columns), strict=True)))


def _is_same_area(one: PlannedFence | None, other: PlannedFence | None) -> bool:
    if one is None or other is None or one is other:
        return one is other
    return (one.fence.shape, one.fence.calendar, one.fence.min_altitude_m, one.fence.max_altitude_m) == (
        other.fence.shape,
        other.fence.calendar,
        other.fence.min_altitude_m,
        other.fence.max_altitude_m,
    )
