"""The plain way, for comparison: point in polygon, and set difference with the fences of the last position.

That is how Traccar does it, and most of what is in use: a position that is older than the last one is stored but not looked at,
there is no dwell, no hysteresis, no confirmation and no regard for accuracy. The first time that a van enters a stop's circle
while its route is under way is its arrival. (A circle is a polygon here as well: the test is the same.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.arrivals_round import Door
from bench.arrivals_tracker import Fixes


def arrivals(planned: Sequence[Door], fixes: Fixes, begins_s: float) -> dict[str, float]:
    """Seconds of the day, by id of the stop. `begins_s`: when the route starts."""
    order = np.lexsort((fixes.seconds, fixes.sent_s)) if not fixes.newest_first else np.lexsort((-fixes.seconds, fixes.sent_s))
    seconds = fixes.seconds[order]
    in_order = seconds >= np.maximum.accumulate(seconds)
    order, seconds = order[in_order], seconds[in_order]
    found: dict[str, float] = {}
    for door in planned:
        inside = np.hypot(fixes.east_m[order] - door.east_m, fixes.north_m[order] - door.north_m) <= door.radius_m
        entered = inside & ~np.concatenate([[False], inside[:-1]]) & (seconds >= begins_s)
        if entered.any():
            found[door.id] = float(seconds[int(np.argmax(entered))])
    return found
