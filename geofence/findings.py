"""Findings put into the words of the contract: events and visits with their evidence.

Every event says in `proved_at` by which instant of event time it was certain: a fix, or the end of a silence. Late-data
repair goes by it to tell what a stretch of fixes had brought about.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from fleet.clock import EPOCH, MICROS_PER_S, from_micros
from fleet.event import Event, content_id
from fleet.visit import Visit
from geofence.stays import NEVER, Stay

_MILLISECOND: Final = 1_000
_MINUTE: Final = 60 * MICROS_PER_S


def interpolated(start: int, end: int, fraction: float) -> int:
    """The instant at a fraction between two, whole milliseconds where that is still between them."""
    instant = start + int((end - start) * fraction)
    return max(start, instant - instant % _MILLISECOND)


def seconds(micros: int) -> float:
    """Microseconds as seconds, to the millisecond."""
    return round(micros / MICROS_PER_S, 3)


@lru_cache(maxsize=8_192)
def _minute(number: int) -> str:
    """Date, hour and minute of a minute since 1970."""
    return (EPOCH + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:").rjust(17, "0")


def instant_text(micros: int) -> str:
    """`fleet.clock.rfc3339_micros`, four times as fast: every finding says several instants, and most are of the last few hours."""
    minute, rest = divmod(micros, _MINUTE)
    if rest % _MILLISECOND:
        return f"{_minute(minute)}{rest // MICROS_PER_S:02d}.{rest % MICROS_PER_S:06d}Z"
    return f"{_minute(minute)}{rest // MICROS_PER_S:02d}.{rest % MICROS_PER_S // _MILLISECOND:03d}Z"


class Findings:
    """Gathers what is found about one vehicle at a time. `now` becomes `recorded_at`."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._tenant = ""
        self._vehicle = ""
        self.events: list[Event] = []
        self.visits: list[Visit] = []

    def about(self, tenant: str, vehicle: str) -> None:
        """What comes now is about this vehicle."""
        self._tenant, self._vehicle = tenant, vehicle

    def event(self, kind: str, occurred: int, data: dict[str, Any], *subject: str) -> str:
        """Add an event; returns its id."""
        identity = self._identity(kind, occurred, subject)
        self.events.append(
            Event(
                id=identity,
                type=kind,
                occurred_at=from_micros(occurred),
                recorded_at=self._now,
                tenant=self._tenant,
                vehicle=self._vehicle,
                data=data,
            )
        )
        return identity

    def _identity(self, kind: str, occurred: int, subject: tuple[str, ...]) -> str:
        """`fleet.event.event_id`."""
        return content_id(kind, self._tenant, self._vehicle, instant_text(occurred), *subject)

    def visit_id(self, fence: str, entered: int) -> str:
        return content_id(self._tenant, self._vehicle, fence, instant_text(entered))

    def visit(self, identity: str, fence: str, stay: Stay, exited: int | None, evidence: dict[str, Any]) -> None:
        """Add a visit as it is now; `identity` as by `visit_id`."""
        self.visits.append(
            Visit(
                id=identity,
                tenant=self._tenant,
                vehicle=self._vehicle,
                fence=fence,
                entered_at=from_micros(stay.entered),
                exited_at=None if exited is None else from_micros(exited),
                confirmed_at=from_micros(stay.confirmed),
                evidence=evidence,
            )
        )


def say_exit(
    findings: Findings, fence: str, stay: Stay, *, exited: int, how: str, is_uncertain: bool, reason: str, proved: int
) -> None:
    """A visit has ended: the event, and the visit with its evidence."""
    evidence = evidence_of(stay) | {"exit": how, "end_uncertain": is_uncertain}
    if stay.after != NEVER:
        evidence["first_fix_outside"] = instant_text(stay.after)
    visit = findings.visit_id(fence, stay.entered)
    data = {
        "fence": fence,
        "visit": visit,
        "entered_at": instant_text(stay.entered),
        "stayed_s": seconds(exited - stay.entered),
        "reason": reason,
        "end_uncertain": is_uncertain,
        "proved_at": instant_text(proved),
        "evidence": evidence,
    }
    findings.event("fence.exited", exited, data, *subject_of_exit(fence, reason, proved))
    findings.visit(visit, fence, stay, exited, evidence)


def subject_of_exit(fence: str, reason: str, proved: int) -> tuple[str, ...]:
    """What the id of an exit derives from. One by silence may turn out wrong and another follow that is dated alike: it has another
    id, as an id is told only once."""
    return (fence, reason, instant_text(proved)) if reason == "silence" else (fence,)


def evidence_of(stay: Stay) -> dict[str, Any]:
    """The fixes inside that prove a stay."""
    return {
        "fixes": stay.count,
        "first_fix": instant_text(stay.first),
        "last_fix": instant_text(stay.last),
        "closest_m": round(stay.closest_m, 1),
        "worst_accuracy_m": None if math.isnan(stay.worst_m) else round(stay.worst_m, 1),
        "entry": "first_fix" if stay.before == NEVER or stay.entered == stay.first else "interpolated",
    }
