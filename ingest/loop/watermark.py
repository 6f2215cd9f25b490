"""What time it is for the engines, as far as silence is concerned.

Whether a vehicle is silent can only be told by somebody who hears. While the source is not connected, or hands over what it
kept during an outage, vehicles seem silent that are not; an engine that went by the clock would say of a whole fleet that it is
offline, and take it back a minute later. So time goes on like this:

1. not connected: it stands still;
2. messages come in: it is the newest instant that any of them tells of, never later than the clock;
3. connected, and nothing has come in for a while: it is the clock's.

It never goes back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from fleet.clock import from_micros
from fleet.fix import FixBatch

#: Connected and nothing for so long: nothing is waiting to be heard.
QUIET_S: Final = 10.0


class Watermark:
    """Monotonic seconds are handed in, as is the clock's instant."""

    def __init__(self) -> None:
        self._heard_at_s = 0.0
        self._is_connected = False
        self._newest_us = 0
        self._instant: datetime | None = None

    def heard(self, fixes: FixBatch, now_s: float) -> None:
        """A batch came in; its fixes are screened, so none is of a future that cannot be."""
        self._heard_at_s = now_s
        if len(fixes):
            self._newest_us = max(self._newest_us, int(fixes.time.max()))

    def instant(self, now: datetime, now_s: float, *, is_connected: bool) -> datetime | None:
        """The engines' time; None where it has not begun."""
        if is_connected and not self._is_connected:
            self._heard_at_s = now_s
        self._is_connected = is_connected
        candidate = self._candidate(now, now_s)
        if candidate is not None and (self._instant is None or candidate > self._instant):
            self._instant = candidate
        return self._instant

    def _candidate(self, now: datetime, now_s: float) -> datetime | None:
        if not self._is_connected:
            return None
        if now_s - self._heard_at_s >= QUIET_S:
            return now
        return min(now, from_micros(self._newest_us)) if self._newest_us else None
