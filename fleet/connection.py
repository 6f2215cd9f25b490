"""Whether a tracker is connected to its broker, as its birth message and its last will say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """`since`: when that was received. A connection broke earlier: the broker waits (keep alive, will delay) before it says so."""

    tenant: str
    tracker: str
    is_online: bool
    since: datetime
