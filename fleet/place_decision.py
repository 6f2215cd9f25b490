"""Decisions about where a place is: kept for the place, so that they hold for plans that come later. The newest one holds.

What was merely learned is derived (`fleet.places`); this is what somebody, or the tenant's rule of automatic moves, made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.route import Stop, StopStatus

#: Who decides where no person did.
LEARNING = "learning"
#: A stop that is none of these was reached, or given up: it stays where it was.
OPEN = frozenset({StopStatus.PLANNED, StopStatus.APPROACHING})


class PlaceStep(StrEnum):
    #: A person said where it is. Stays until a person says otherwise.
    ACCEPTED = "accepted"
    #: Moved by itself, since enough visits agreed.
    LEARNED = "learned"
    #: A person wants the plan's own pins; nothing moves by itself.
    WITHDRAWN = "withdrawn"
    #: Late data took away the visits that a learned position rested on.
    TAKEN_BACK = "taken_back"

    @property
    def is_a_persons(self) -> bool:
        return self in (PlaceStep.ACCEPTED, PlaceStep.WITHDRAWN)

    @property
    def has_position(self) -> bool:
        return self in (PlaceStep.ACCEPTED, PlaceStep.LEARNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDecision:
    """`lat` and `lon` are given where the step has a position, else the plan's own pins hold."""

    tenant: str
    #: What stops name as their `place`.
    id: str
    step: PlaceStep
    lat: float | None = None
    lon: float | None = None
    #: How many visits spoke for it.
    visits: int = 0
    #: Name of the key that was used, or `LEARNING`.
    by: str
    at: datetime
    #: How many stops that were still to come it has moved.
    stops: int = 0

    def may_follow(self, current: PlaceDecision | None) -> bool:
        """Whether it counts after `current`: what a person said is never undone by learning."""
        if self.step.is_a_persons:
            return True
        if self.step is PlaceStep.TAKEN_BACK:
            return current is not None and current.step is PlaceStep.LEARNED
        return current is None or not current.step.is_a_persons

    def applied(self, stop: Stop) -> Stop:
        """The stop where this decision puts it."""
        planned = stop.as_planned()
        return planned if self.lat is None or self.lon is None else planned.moved_to(self.lat, self.lon)
