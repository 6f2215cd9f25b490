"""The fixes on either side of instants, found among columns in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.fix import FixBatch
from fleet.fixes_around import NO_FIX, FixesAround, Reach


def fixes_around(fixes: FixBatch, instants: Sequence[int], reach: Reach) -> FixesAround:
    """See `fleet.fixes_around`; instants in microseconds, increasing. Of two fixes of a vehicle and instant there must be one."""
    fixes = fixes.take(~(fixes.accuracy_m > reach.worst_accuracy_m))
    fixes = fixes.take(np.lexsort((fixes.time, fixes.vehicle)))
    return FixesAround.concatenate([_at(fixes, instant, reach) for instant in instants])


def _at(fixes: FixBatch, instant: int, reach: Reach) -> FixesAround:
    is_before = (fixes.time <= instant) & (fixes.time >= instant - round(reach.before_s * MICROS_PER_S))
    is_after = (fixes.time > instant) & (fixes.time <= instant + round(reach.after_s * MICROS_PER_S))
    before, after = np.flatnonzero(is_before), np.flatnonzero(is_after)
    keys = fixes.vehicle[before]
    before = before[np.append(keys[1:] != keys[:-1], True)] if len(keys) else before
    followers, first = np.unique(fixes.vehicle[after], return_index=True)
    place = np.searchsorted(followers, fixes.vehicle[before])
    has_after = np.isin(fixes.vehicle[before], followers)
    rows = after[first[place[has_after]]]
    after_time = np.full(len(before), NO_FIX, np.int64)
    after_lat, after_lon = np.full(len(before), np.nan), np.full(len(before), np.nan)
    after_time[has_after], after_lat[has_after], after_lon[has_after] = fixes.time[rows], fixes.lat[rows], fixes.lon[rows]
    return FixesAround(
        instant=np.full(len(before), instant, np.int64),
        vehicle=fixes.vehicle[before],
        before_time=fixes.time[before],
        before_lat=fixes.lat[before],
        before_lon=fixes.lon[before],
        before_speed_mps=fixes.speed_mps[before],
        after_time=after_time,
        after_lat=after_lat,
        after_lon=after_lon,
    )
