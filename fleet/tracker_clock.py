"""What is known of a tracker's clock that is off by a constant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerClock:
    """A correction: the true instant of a fix is the tracker's own instant less `offset_s`.

    It holds for the tracker's own instants from `since` on, and where the clock was put right meanwhile to `until`.
    """

    tenant: str
    tracker: str
    #: Positive: the clock is ahead.
    offset_s: int
    since: datetime
    until: datetime | None = None
    #: Receipt of the message with which it was found, or found to be over.
    found_at: datetime
