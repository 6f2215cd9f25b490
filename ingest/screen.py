"""Screening: what cannot be is refused with a counted reason, what is merely suspicious is kept and flagged.

Pure: no clock (the instant of receipt is in the fixes), no I/O. It remembers each vehicle's last place (`Places`), so one
screen sees all fixes of a vehicle. The order of the tests decides which reason a fix with several faults gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S
from fleet.fix import FixBatch, Float64s, Int32s, Int64s
from fleet.screen_settings import ScreenScope
from fleet.screening import Flag, Reason
from ingest.protocol import Refusal
from ingest.screening.clocks import ClockChange, Clocks
from ingest.screening.drift import Drift
from ingest.screening.faults import Faults
from ingest.screening.jumps import Jumps, Ordered, Verdicts
from ingest.screening.limits import Limits, LimitsOf
from ingest.screening.normalise import normalise
from ingest.screening.places import Places
from ingest.screening.rules import EARLIEST_TIME_US, ScreenRules

Bools = npt.NDArray[np.bool_]

#: GPS week numbers have ten bits (IS-GPS-200, 20.3.3.3.1.1).
ROLLOVER_US: Final = 1024 * 7 * 86_400 * MICROS_PER_S
#: A fix counts as a victim of the rollover when, put right, it is no older than this at its receipt.
ROLLOVER_MOST_AGE_US: Final = 14 * 86_400 * MICROS_PER_S
#: Weeks are counted from here: 1980-01-06T00:00:00Z.
GPS_EPOCH_US: Final = 315_964_800 * MICROS_PER_S


@dataclass(slots=True, kw_only=True)
class Screened:
    """What is left of the fixes; each row that is missing is in `refused`, or was a duplicate."""

    fixes: FixBatch
    refused: list[Refusal] = field(default_factory=list)
    #: Fixes of a vehicle and time that came before, in this batch or as the newest one.
    duplicates: int = 0
    #: How many of the kept fixes have which flag.
    flagged: dict[Flag, int] = field(default_factory=dict)
    #: Clocks that were found to be off with these fixes, or to be right again.
    clocks: list[ClockChange] = field(default_factory=list)


class Screen:
    """Tests fixes against the rules; keeps where each vehicle was last, and what is known of its tracker's clock."""

    def __init__(self, rules: ScreenRules | None = None, vehicle_of: Callable[[int], tuple[str, str]] | None = None) -> None:
        """`vehicle_of` tells (tenant, vehicle) of a key; it is asked only where rules differ between vehicles.

        Raises ValueError for rules that differ without it.
        """
        self._rules = rules or ScreenRules()
        self._limits = LimitsOf(self._rules, vehicle_of)
        self._places = Places()
        self._jumps = Jumps(self._places)
        self._drift = Drift()
        self.clocks = Clocks()

    def obey(self, scopes: Iterable[ScreenScope], vehicle_of: Callable[[int], tuple[str, str]]) -> None:
        """Tenants and vehicles have these settings of their own from now on, and no others."""
        rules = self._rules.over(scopes)
        if rules != self._rules:
            self._rules, self._limits = rules, LimitsOf(rules, vehicle_of)

    def remember(self, keys: Int64s, time: Int64s, lat: Float64s, lon: Float64s) -> None:
        """The newest stored fix of each vehicle (distinct keys), at start."""
        self._places.remember(keys, time, lat, lon)

    def screen(self, fixes: FixBatch) -> Screened:
        """`fixes` have their vehicle; they may be changed in place, and are returned as they are where nothing is taken out."""
        if not len(fixes):
            return Screened(fixes=fixes)
        limits = self._limits.of(fixes.vehicle)
        normalise(fixes)
        _snap_weeks(fixes, limits)
        clocks = self.clocks.correct(fixes, limits)
        faults = Faults(fixes)
        _find_impossible(fixes, limits, faults)
        duplicates = self._follow(fixes, limits, faults)
        kept = fixes.take(~(faults.mask | duplicates)) if faults.any or duplicates.any() else fixes
        return Screened(
            fixes=kept,
            refused=faults.refusals(),
            duplicates=int(duplicates.sum()),
            flagged=_count_flags(kept.flags),
            clocks=clocks,
        )

    def _follow(self, fixes: FixBatch, limits: Limits, faults: Faults) -> Bools:
        """Compare each vehicle's fixes with one another and with its last place: marks jumps, swaps and drift, returns the
        duplicates."""
        duplicates = np.zeros(len(fixes), np.bool_)
        order = _order(fixes, faults)
        vehicle, time = self._places.slots(fixes.vehicle[order]), fixes.time[order]
        repeated = time == self._places.time[vehicle]
        repeated[1:] |= (vehicle[1:] == vehicle[:-1]) & (time[1:] == time[:-1])
        if repeated.any():
            duplicates[order[repeated]] = True
            order, vehicle, time = order[~repeated], vehicle[~repeated], time[~repeated]
        of_order = limits.take(order)
        verdicts = self._jumps.judge(
            Ordered(
                vehicle=vehicle,
                time=time,
                lat=fixes.lat[order],
                lon=fixes.lon[order],
                speed_mps=of_order.teleport_speed_mps,
                slack_m=of_order.teleport_slack_m,
            )
        )
        if verdicts.jumped:
            rows = order[verdicts.jumped]
            fixes.flags[rows] |= np.uint16(Flag.TELEPORT)
            faults.mark(rows[limits.refuse_teleports[rows]], Reason.TELEPORT)
        if verdicts.swapped:
            rows = order[verdicts.swapped]
            fixes.flags[rows] |= np.uint16(Flag.SWAPPED)
            faults.mark(rows[limits.refuse_swapped[rows]], Reason.SWAPPED)
        self._mark_drift(fixes, limits, order, vehicle, verdicts)
        return duplicates

    def _mark_drift(
        self, fixes: FixBatch, limits: Limits, order: npt.NDArray[np.intp], vehicle: Int32s, verdicts: Verdicts
    ) -> None:
        """What jumped says nothing of where its vehicle stands."""
        if verdicts.jumped or verdicts.swapped:
            others = np.delete(np.arange(len(order)), verdicts.jumped + verdicts.swapped)
            order, vehicle = order[others], vehicle[others]
        drifting = self._drift.find(fixes, order, vehicle, limits.static_drift_m[order])
        fixes.flags[drifting] |= np.uint16(Flag.STATIC_DRIFT)


def _order(fixes: FixBatch, faults: Faults) -> npt.NDArray[np.intp]:
    """The rows that are not refused, by vehicle and time; of two with the same, the one that came first goes first."""
    order = np.lexsort((fixes.time, fixes.vehicle))
    return order[~faults.mask[order]] if faults.any else order


def _snap_weeks(fixes: FixBatch, limits: Limits) -> None:
    """Instants that are whole rounds of 1024 weeks too early are put right and flagged (in place)."""
    time, received = fixes.time, fixes.received
    old = (time >= GPS_EPOCH_US) & (time <= received - (ROLLOVER_US - limits.future_us)) & limits.correct_week_rollover
    if not old.any():
        return
    rows = np.flatnonzero(old)
    rounds = (received[rows] + limits.future_us[rows] - time[rows]) // ROLLOVER_US
    snapped = time[rows] + rounds * ROLLOVER_US
    is_fresh = snapped >= received[rows] - ROLLOVER_MOST_AGE_US
    fixes.time[rows[is_fresh]] = snapped[is_fresh]
    fixes.flags[rows[is_fresh]] |= np.uint16(Flag.WEEK_ROLLOVER_CORRECTED)


def _find_impossible(fixes: FixBatch, limits: Limits, faults: Faults) -> None:
    """Faults that show in a fix by itself."""
    lat, lon, time = fixes.lat, fixes.lon, fixes.time
    ahead_us = time - fixes.received  # NO_TIME wraps round; it is refused as too early before this is asked
    is_inside = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0)
    is_null_island = (np.abs(lat) < limits.null_island_deg) & (np.abs(lon) < limits.null_island_deg)
    is_in_time = (time >= EARLIEST_TIME_US) & (ahead_us <= limits.future_us) & (-ahead_us <= limits.oldest_us)
    is_inaccurate = fixes.accuracy_m > limits.worst_accuracy_m
    if not (is_inside & ~is_null_island & is_in_time).all():
        faults.mark(~(np.isfinite(lat) & np.isfinite(lon)), Reason.NOT_A_NUMBER)
        faults.mark(~is_inside & (np.abs(lat) <= 180.0) & (np.abs(lon) <= 90.0), Reason.SWAPPED)
        faults.mark(~is_inside, Reason.OUT_OF_RANGE)
        faults.mark(is_null_island, Reason.NULL_ISLAND)
        faults.mark(time < EARLIEST_TIME_US, Reason.INVALID_TIME)
        faults.mark(ahead_us > limits.future_us, Reason.FUTURE)
        faults.mark(-ahead_us > limits.oldest_us, Reason.TOO_OLD)
    if is_inaccurate.any():
        fixes.flags[is_inaccurate] |= np.uint16(Flag.INACCURATE)
        faults.mark(is_inaccurate & limits.refuse_inaccurate, Reason.INACCURATE)


def _count_flags(flags: npt.NDArray[np.uint16]) -> dict[Flag, int]:
    if not flags.any():
        return {}
    present = Flag(int(np.bitwise_or.reduce(flags)))
    counts = {flag: int(np.count_nonzero(flags & np.uint16(flag))) for flag in present}
    return {flag: count for flag, count in counts.items() if count}
