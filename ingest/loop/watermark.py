"""What time it is for the engines, as far as silence is concerned.

Whether a vehicle is silent can only be told by somebody who listens. While the source is not connected, while nothing is taken from
it because the database is being waited for, or while it hands over what it kept during an outage, vehicles seem silent that
are not; an engine that went by the clock would say of a whole fleet that it is offline, and take it back a minute later. So
time goes on like this:

1. nobody listens: it stands still;
2. messages come in: it is the newest instant that any of them tells of, never later than the clock;
3. somebody listens, and nothing has come in for a while: it goes on at the pace of a steady clock, from where the machine's clock
   stood at the first look, or from what was heard since, whichever is later.

It never goes back. A step of the machine's clock, in either direction, is no silence and does not end one: 3. does not follow it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from fleet.clock import from_micros
from fleet.fix import FixBatch

#: Listening and nothing for so long: nothing is waiting to be heard.
QUIET_S: Final = 10.0


class Watermark:
    """Monotonic seconds are handed in, as is the clock's instant."""

    def __init__(self) -> None:
        self._heard_at_s = 0.0
        self._is_listening = False
        self._newest_us = 0
        self._instant: datetime | None = None
        #: An instant and the monotonic second at which it was right.
        self._steady: tuple[datetime, float] | None = None

    def heard(self, fixes: FixBatch, now_s: float) -> None:
        """A batch came in; its fixes are screened, so none is of a future that cannot be."""
        self._heard_at_s = now_s
        if len(fixes):
            self._newest_us = max(self._newest_us, int(fixes.time.max()))

    def instant(self, now: datetime, now_s: float, *, is_listening: bool) -> datetime | None:
        """The engines' time; None where it has not begun."""
        if is_listening and not self._is_listening:
            self._heard_at_s = now_s
        self._is_listening = is_listening
        candidate = self._candidate(now, now_s, self._steady_instant(now, now_s))
        if candidate is not None and (self._instant is None or candidate > self._instant):
            self._instant = candidate
        return self._instant

    def _candidate(self, now: datetime, now_s: float, steady: datetime) -> datetime | None:
        if not self._is_listening:
            return None
        if now_s - self._heard_at_s >= QUIET_S:
            return steady
        return min(now, from_micros(self._newest_us)) if self._newest_us else None

    def _steady_instant(self, now: datetime, now_s: float) -> datetime:
        """The clock as it was at the first look, carried on; further where something was heard that is newer: a clock that was
        behind at the start and was put right may be believed as far as trackers agree with it."""
        if self._steady is None:
            self._steady = (now, now_s)
        instant = self._steady[0] + timedelta(seconds=now_s - self._steady[1])
        heard = min(now, from_micros(self._newest_us))
        if heard > instant:
            self._steady = (heard, now_s)
        return max(instant, heard)
