"""What a tenant wants of places that turn out to be somewhere else than planned."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final


class PlaceLearning(StrEnum):
    OFF = "off"
    #: What was learned is offered; a person decides.
    SUGGEST = "suggest"
    #: Pins move by themselves once enough visits agree.
    AUTOMATIC = "automatic"


#: Visits that have to agree before a pin moves by itself, and within how many metres.
DEFAULT_MIN_VISITS: Final = 5
DEFAULT_WITHIN_M: Final = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRules:
    """None: the product's default."""

    learning: PlaceLearning | None = None
    min_visits: int | None = None
    within_m: float | None = None

    def said(self) -> dict[str, Any]:
        """What is not left to the default, by field."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}

    @property
    def mode(self) -> PlaceLearning:
        return self.learning or PlaceLearning.SUGGEST

    @property
    def visits_to_move(self) -> int:
        return self.min_visits or DEFAULT_MIN_VISITS

    @property
    def metres_to_move(self) -> float:
        return self.within_m or DEFAULT_WITHIN_M


#: Leaves everything to the default.
NO_PLACE_RULES: Final = PlaceRules()
