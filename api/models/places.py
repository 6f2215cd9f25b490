"""Places as the API shows them: where they are by what vehicles did there."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from api.models.base import Incoming, Outgoing, document
from fleet.clock import rfc3339
from fleet.places import KnownPlace


class PlaceOut(Outgoing):
    id: str = Field(description="What stops name as their `place`")
    tenant: str
    lat: float | None = Field(description="Learned; null while there are too few visits, or they disagree")
    lon: float | None
    visits: int = Field(description="Visits of different stops with a stand")
    reached: int = Field(description="Of them, those that counted as arrivals; at the others the vehicle stood beside the circle")
    spread_m: float = Field(description="Median distance of the stands from their median")
    pin_m: float = Field(description="Median distance of the stands from the pins that they were planned with")
    first_at: str
    last_at: str


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


def place_json(place: KnownPlace) -> dict[str, Any]:
    return document(
        PlaceOut,
        id=place.id,
        tenant=place.tenant,
        lat=place.lat,
        lon=place.lon,
        visits=place.visits,
        reached=place.reached,
        spread_m=place.spread_m,
        pin_m=place.pin_m,
        first_at=rfc3339(place.first_at),
        last_at=rfc3339(place.last_at),
    )
