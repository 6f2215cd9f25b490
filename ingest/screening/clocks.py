"""Clocks that are off by a constant: recognised (`clock_evidence`), corrected, and given up again when they are put right.

A message may come a second time (after a crash between commit and acknowledgement), also after the correction has changed, and has
to get the same instant as the first time, or its fix would be stored twice. Two rules see to that:

* A correction holds for the tracker's own instants from one later than all that were kept before it was found. What was
  kept as the tracker said it stays that way.
* The instants that were corrected are remembered (the last `REMEMBERED` of a vehicle, read back from the store at a restart): such
  a fix gets the offset that it had, whatever holds now.

What is in force is decided here and committed together with the first fixes that it changes. See docs/decisions/0007-ingest.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from fleet.clock import MICROS_PER_S, rfc3339_micros
from fleet.fix import FixBatch, Int64s
from fleet.screening import Flag
from ingest.formats.extras import with_extra
from ingest.screening.clock_evidence import LEAST_OFFSET_US, Streak, Suspicion, are_behind_by_a_zone, suspicion_of
from ingest.screening.limits import Limits
from ingest.screening.rules import EARLIEST_TIME_US

REMEMBERED: Final = 1024
#: Streaks that are followed at a time. Where more are suspicious than that, it is not their clocks.
MOST_STREAKS: Final = 10_000
#: No tracker's clock is this late; later instants are refused and prove nothing. 9000-01-01.
_LATEST_TIME_US: Final = 221_845_392_000_000_000
_WINDOW_US: Final = 300 * MICROS_PER_S
_SLICE_US: Final = 10 * MICROS_PER_S
#: A streak without a message for so long makes room for another.
_LONGEST_PAUSE_US: Final = 3600 * MICROS_PER_S
#: Where at least so many vehicles are off at once, and sent at least half of all fixes lately, our own clock is in doubt.
_DOUBTFUL_VEHICLES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Microseconds. `since` and `until` are instants of the tracker's own; `until` None: it is in force."""

    offset: int
    since: int
    until: int | None = None
    #: The receipt with which it was found, or found to be over.
    found: int

    def covers(self, time: int, left_alone: int) -> bool:
        """Whether a fix of this instant, never seen before, was measured by the wrong clock.

        After a clock that was ahead has been put right, it shows instants for a second time. Those are taken for right, unless
        they are ahead of their receipt.
        """
        if time < self.since or (self.offset < 0 and left_alone - self.offset > LEAST_OFFSET_US):
            return False  # a clock that is behind is not ahead of the receipt when it is put right: measured before it was wrong
        if self.until is None:
            return True
        if self.offset < 0 or time <= self.until - self.offset:
            return time <= self.until
        return time <= self.until and left_alone > LEAST_OFFSET_US


@dataclass(slots=True)
class _Clock:
    """A vehicle whose clock is, or was, off. `corrected`: tracker's instant to offset, oldest first."""

    correction: Correction
    corrected: dict[int, int] = field(default_factory=dict)

    @property
    def offset_in_force(self) -> int:
        return self.correction.offset if self.correction.until is None else 0

    def offset_for(self, time: int, received: int) -> int:
        known = self.corrected.get(time)
        if known is not None:
            return known
        return self.correction.offset if self.correction.covers(time, time - received) else 0

    def remember(self, time: int, offset: int) -> None:
        self.corrected[time] = offset
        if len(self.corrected) > REMEMBERED:
            del self.corrected[next(iter(self.corrected))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """A vehicle's clock was found to be off (or right again): to be committed with the fixes that show it."""

    vehicle: int
    correction: Correction


class Clocks:
    """By the store's key of the vehicle."""

    def __init__(self) -> None:
        self._clocks: dict[int, _Clock] = {}
        self._streaks: dict[int, Streak] = {}
        self._watched: Int64s | None = None
        #: A slice of receipt each: when it began, fixes heard, fixes of vehicles that seem to be off.
        self._heard: deque[list[int]] = deque()
        #: Corrections that were proven and not begun, because too many clocks were off at once.
        self.doubts = 0

    @property
    def count(self) -> int:
        """How many clocks are, or were, off."""
        return len(self._clocks)

    @property
    def in_force(self) -> int:
        """How many clocks are corrected now."""
        return sum(clock.correction.until is None for clock in self._clocks.values())

    def known(self, vehicle: int) -> Correction | None:
        clock = self._clocks.get(vehicle)
        return clock.correction if clock is not None else None

    def adopt(self, vehicle: int, correction: Correction, corrected: Mapping[int, int]) -> None:
        """What the store knows of a vehicle's clock; `corrected` are its last corrected instants (the tracker's) and offsets."""
        self._clocks[vehicle] = _Clock(correction, dict(sorted(corrected.items())[-REMEMBERED:]))
        self._watched = None

    def move(self, to: Mapping[int, int]) -> None:
        """Trackers have been mounted elsewhere: vehicle before to vehicle now. Those that are not named are forgotten."""
        self._clocks = {now: self._clocks[before] for before, now in to.items() if before in self._clocks}
        self._streaks.clear()
        self._watched = None

    def correct(self, fixes: FixBatch, limits: Limits) -> list[ClockChange]:
        """Put instants right (in place: time, flags, extras), in order of receipt."""
        ahead = fixes.time - fixes.received
        looked_at = ((ahead > LEAST_OFFSET_US) | are_behind_by_a_zone(ahead)) & (fixes.time < _LATEST_TIME_US)
        if self._clocks or self._streaks:
            looked_at |= np.isin(fixes.vehicle, self._watch())
        looked_at &= limits.correct_clock & (fixes.time >= EARLIEST_TIME_US)
        rows = np.flatnonzero(looked_at & ((fixes.flags & np.uint16(Flag.TIME_OF_RECEIPT)) == 0)).tolist()
        self._hear(int(fixes.received[-1]), len(fixes))
        changes: list[ClockChange] = []
        for of_message in _messages(fixes, rows):
            changes += self._message(fixes, of_message, int(limits.future_us[of_message[0]]))
        return changes

    def _watch(self) -> Int64s:
        if self._watched is None:
            self._watched = np.array([*self._clocks, *self._streaks], np.int64)
        return self._watched

    def _message(self, fixes: FixBatch, rows: list[int], future: int) -> list[ClockChange]:
        """One message of one vehicle: its newest fix is evidence, and all of its fixes are put right."""
        vehicle = int(fixes.vehicle[rows[0]])
        newest = max(rows, key=lambda row: int(fixes.time[row]))
        correction = self._judge(vehicle, int(fixes.time[newest]), int(fixes.received[newest]), future)
        clock = self._clocks.get(vehicle)
        if clock is not None:
            for row in rows:
                _put_right(fixes, row, clock)
        return [] if correction is None else [ClockChange(vehicle=vehicle, correction=correction)]

    def _judge(self, vehicle: int, time: int, received: int, future: int) -> Correction | None:
        """What this message says of the clock; a correction that begins, or ends, with it."""
        clock = self._clocks.get(vehicle)
        if clock is not None and time in clock.corrected:
            return None
        offset = clock.offset_in_force if clock is not None else 0
        ahead = time - offset - received
        if clock is not None and offset < 0 and time - received >= -LEAST_OFFSET_US and ahead > LEAST_OFFSET_US:
            return self._end(clock, vehicle, received)
        streak = self._follow(vehicle, suspicion_of(ahead, time - received, offset), time, received, ahead)
        if streak is None or not streak.is_proof:
            return None
        if streak.suspicion is Suspicion.PUT_RIGHT and clock is not None:
            return self._end(clock, vehicle, received)
        if self._is_our_clock_in_doubt():
            self.doubts += 1
            return None
        return self._begin(vehicle, streak, offset, received, future)

    def _follow(self, vehicle: int, suspicion: Suspicion | None, time: int, received: int, ahead: int) -> Streak | None:
        streak = self._streaks.get(vehicle)
        if suspicion is None:
            if streak is not None:
                self._drop_streak(vehicle)
            return None
        self._heard[-1][2] += 1
        if streak is not None and streak.fits(suspicion, time, ahead):
            streak.add(time, received, ahead)
            return streak
        if streak is None:
            if len(self._streaks) >= MOST_STREAKS and not self._forget_old_streaks(received):
                return None
            self._watched = None
        self._streaks[vehicle] = Streak.begin(suspicion, time, received, ahead)
        return self._streaks[vehicle]

    def _forget_old_streaks(self, received: int) -> bool:
        """Make room; False where there is none to make."""
        fresh = {vehicle: one for vehicle, one in self._streaks.items() if one.last_received >= received - _LONGEST_PAUSE_US}
        self._streaks, self._watched = fresh, None
        return len(fresh) < MOST_STREAKS

    def _drop_streak(self, vehicle: int) -> None:
        self._streaks.pop(vehicle, None)
        self._watched = None

    def _begin(self, vehicle: int, streak: Streak, offset: int, received: int, future: int) -> Correction | None:
        """Where no message of the streak can have been kept (all were refused as FUTURE), it holds from the first of them on."""
        self._drop_streak(vehicle)
        total = offset + streak.offset_us
        before = self._clocks.get(vehicle)
        if abs(total) < LEAST_OFFSET_US:
            return self._end(before, vehicle, received) if before is not None else None
        since = streak.first_time if streak.least_ahead > future else streak.last_time + 1
        correction = Correction(offset=total, since=since, found=received)
        self._clocks[vehicle] = _Clock(correction, before.corrected if before is not None else {})
        return correction

    def _end(self, clock: _Clock, vehicle: int, received: int) -> Correction:
        self._drop_streak(vehicle)
        last = max(clock.corrected, default=clock.correction.since)
        clock.correction = replace(clock.correction, until=last, found=received)
        return clock.correction

    def _hear(self, received: int, fixes: int) -> None:
        """Count what was heard lately."""
        if not self._heard or received >= self._heard[-1][0] + _SLICE_US:
            self._heard.append([received, 0, 0])
        self._heard[-1][1] += fixes
        while self._heard[0][0] < received - _WINDOW_US:
            self._heard.popleft()

    def _is_our_clock_in_doubt(self) -> bool:
        """Whether so many are off that it is rather this machine's clock, or everything comes in late."""
        last = self._heard[-1][0]
        off = sum(one.messages > 1 and one.last_received >= last - _WINDOW_US for one in self._streaks.values())
        return off >= _DOUBTFUL_VEHICLES and 2 * sum(heard[2] for heard in self._heard) >= sum(heard[1] for heard in self._heard)


def _messages(fixes: FixBatch, rows: list[int]) -> Iterable[list[int]]:
    """The rows by message and vehicle, in order of receipt."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        groups.setdefault((int(fixes.message[row]), int(fixes.vehicle[row])), []).append(row)
    return (groups[place] for place in sorted(groups))


def _put_right(fixes: FixBatch, row: int, clock: _Clock) -> None:
    time = int(fixes.time[row])
    offset = clock.offset_for(time, int(fixes.received[row]))
    if not offset:
        return
    clock.remember(time, offset)
    fixes.time[row] = time - offset
    fixes.flags[row] |= np.uint16(Flag.CLOCK_CORRECTED)
    fixes.extras[row] = with_extra(fixes.extras[row], "device_time", rfc3339_micros(time))
