"""What movement is held to: an installation's rules, and those that a tenant or a vehicle has of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementRules:
    """None: as the level above has it (a vehicle's tenant, the installation); of the installation itself: not watched."""

    #: Faster than this, for some time, is speeding, where no fence has a lower limit. 0: as fast as it likes.
    speed_limit_mps: float | None = None
    #: iCalendar text (RFC 5545 VEVENTs): when the vehicle may move. Empty: at any time.
    allowed_hours: str | None = None
    #: Whether moving with the ignition off is told (towing, theft). Needs trackers that report the ignition.
    watch_towing: bool | None = None

    def under(self, own: MovementRules) -> MovementRules:
        """These rules with what `own` says in their place."""
        return replace(self, **own.said())

    def said(self) -> dict[str, Any]:
        """What is not left to the level above, by field."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}


#: Leaves everything to the level above.
NO_RULES = MovementRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementScope:
    """The rules that a tenant, or one of its vehicles, has of its own."""

    tenant: str
    #: None: all of the tenant's vehicles.
    vehicle: str | None = None
    rules: MovementRules
