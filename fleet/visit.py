"""A vehicle's confirmed stay in a fence, with the fixes that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """`id` derives from tenant, vehicle, fence and `entered_at`. `exited_at` is None while the vehicle is inside."""

    id: str
    tenant: str
    vehicle: str
    fence: str
    entered_at: datetime
    exited_at: datetime | None = None
    #: When it became certain, in event time: the fix that confirmed the entry.
    confirmed_at: datetime | None = None
    #: Set where late data took the visit back; it stays in the store, and in no list.
    retracted: bool = False
    #: fixes inside, first and last fix, closest to the centre, worst accuracy, `end_uncertain` ...
    evidence: dict[str, Any] = field(default_factory=dict)
