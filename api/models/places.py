"""Places as the API shows them: where they are by what vehicles did there, and what was decided about that."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from api.models.base import Incoming, Outgoing, document, instant_text
from fleet.clock import rfc3339
from fleet.place_decision import PlaceDecision, PlaceStep
from fleet.place_learning import is_offered
from fleet.place_rules import PlaceRules
from fleet.places import KnownPlace


class DecisionOut(Outgoing):
    step: PlaceStep = Field(description="`accepted` and `withdrawn` by a person, `learned` and `taken_back` by themselves")
    lat: float | None = Field(description="Where stops at the place are gone by; null: by the plan's own pins")
    lon: float | None
    visits: int = Field(description="So many visits were known then")
    by: str = Field(description="The key that was used, or `learning`")
    at: str
    stops: int = Field(description="How many stops that were still to come it has moved")


class PlaceOut(Outgoing):
    id: str = Field(description="What stops name as their `place`")
    tenant: str
    lat: float | None = Field(description="Learned; null while there are too few visits, or they disagree")
    lon: float | None
    visits: int = Field(description="Visits of different stops with a stand")
    reached: int = Field(description="Of them, those that counted as arrivals; at the others the vehicle stood beside the circle")
    spread_m: float | None = Field(description="Median distance of the stands from their median")
    pin_m: float | None = Field(description="Median distance of the stands from where the stops were gone by")
    first_at: str | None
    last_at: str | None
    decision: DecisionOut | None = Field(description="What holds for stops at the place, also of plans that come later")
    offered: bool = Field(description="Whether what was learned waits for somebody to accept it")


class HistoryOut(DecisionOut):
    number: int


class AcceptBody(Incoming):
    """Where the place is; what was learned, where nothing is given."""

    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> AcceptBody:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon go together")
        return self


class Accepted(Outgoing):
    id: str
    lat: float
    lon: float
    stops: int = Field(description="How many stops that are still to come were moved there")


class Withdrawn(Outgoing):
    id: str
    stops: int = Field(description="How many stops that are still to come were moved back to the plan's own pins")


def place_json(
    tenant: str, place: str, known: KnownPlace | None, decision: PlaceDecision | None, rules: PlaceRules
) -> dict[str, Any]:
    """What is known of a place, and what was decided; one of the two there is."""
    return document(
        PlaceOut,
        id=place,
        tenant=tenant,
        **_known_json(known),
        decision=None if decision is None else decision_json(decision),
        offered=known is not None and is_offered(known, decision, rules),
    )


def _known_json(known: KnownPlace | None) -> dict[str, Any]:
    if known is None:
        return {"visits": 0, "reached": 0} | dict.fromkeys(("lat", "lon", "spread_m", "pin_m", "first_at", "last_at"))
    return {
        "lat": known.lat,
        "lon": known.lon,
        "visits": known.visits,
        "reached": known.reached,
        "spread_m": known.spread_m,
        "pin_m": known.pin_m,
        "first_at": rfc3339(known.first_at),
        "last_at": rfc3339(known.last_at),
    }


def decision_json(decision: PlaceDecision) -> dict[str, Any]:
    return document(
        DecisionOut,
        step=decision.step,
        lat=decision.lat,
        lon=decision.lon,
        visits=decision.visits,
        by=decision.by,
        at=instant_text(decision.at),
        stops=decision.stops,
    )


def history_json(numbered: tuple[int, PlaceDecision]) -> dict[str, Any]:
    number, decision = numbered
    return {"number": number, **decision_json(decision)}
