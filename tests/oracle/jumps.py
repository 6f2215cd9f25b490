"""Which fixes a vehicle can have been at, told the plain way (`geofence/jumps.py` has the rules)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from fleet.fix import Fix
from fleet.geodesy import distance_m

MOST_MPS = 100.0
SLACK_M = 500.0
MAX_ACCURACY_M = 50.0


def without_wild(fixes: Sequence[Fix]) -> list[Fix]:
    """The fixes in order of time, those left out that are not believed. Inaccurate ones are not judged."""
    kept: list[Fix] = []
    trusted: list[Fix] = []
    suspects: list[Fix] = []
    for fix in sorted(fixes, key=lambda fix: fix.time):
        if fix.accuracy_m is not None and fix.accuracy_m > MAX_ACCURACY_M:
            kept.append(fix)
            continue
        if not trusted or is_reachable(trusted[-1], fix):
            is_believed = True
        elif suspects and is_reachable(suspects[-1], fix):
            suspects.append(fix)
            is_believed = len(suspects) >= 3 and fix.time - suspects[0].time >= timedelta(seconds=60)
        elif is_swapped(fix, trusted):
            is_believed = False
        else:
            suspects = [fix]
            is_believed = False
        if is_believed:
            trusted += suspects[:-1] if suspects and suspects[-1] is fix else []
            trusted.append(fix)
            suspects = []
            kept.append(fix)
    return kept


def is_reachable(earlier: Fix, later: Fix) -> bool:
    way_m = distance_m(earlier.lat, earlier.lon, later.lat, later.lon)
    return way_m <= SLACK_M + MOST_MPS * (later.time - earlier.time).total_seconds()


def is_swapped(fix: Fix, trusted: Sequence[Fix]) -> bool:
    """A single first place may be the one that is swapped."""
    return len(trusted) > 1 and abs(fix.lon) <= 90 and is_reachable(trusted[-1], replace(fix, lat=fix.lon, lon=fix.lat))
