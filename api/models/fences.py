"""Fences as the API shows them: a GeoJSON geometry, and how visits of it are confirmed and ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from api.models.base import Id, Incoming, Name, Outgoing, Tags, document
from fleet.calendar_text import read_calendar
from fleet.errors import InvalidValue
from fleet.fence import Fence, FenceSettings
from fleet.fence_group import MOST_GROUPS
from fleet.geojson import LARGEST_RADIUS_M, geometry_of, shape_of

_POINT = {"type": "Point", "coordinates": [13.3777, 52.5163]}

#: As CSS writes it.
Color = Annotated[str, StringConstraints(max_length=32, pattern=r"^[#()%,. a-zA-Z0-9]+$")]
Metres = Annotated[float, Field(gt=0, le=LARGEST_RADIUS_M)]
Altitude = Annotated[float, Field(ge=-1_000, le=50_000)]


def _each_once(groups: list[str]) -> list[str]:
    if len(set(groups)) < len(groups):
        raise ValueError("each group once")
    return groups


GroupIds = Annotated[list[Id], Field(max_length=MOST_GROUPS, examples=[["customers"]]), AfterValidator(_each_once)]


class SettingsBody(Incoming):
    """Members that are null are as the fence's groups', else the tenant's, else the product's default."""

    confirm_fixes: int | None = Field(None, ge=1, le=100, description="So many fixes inside confirm an entry")
    confirm_speed_mps: float | None = Field(None, ge=0, le=100, description="Slower than this confirms at once")
    confirm_s: float | None = Field(None, ge=0, le=86_400, description="So long inside confirms at any speed")
    exit_margin_m: float | None = Field(None, ge=0, le=100_000, description="Leaving counts beyond this distance from the edge")
    exit_s: float | None = Field(None, ge=0, le=86_400, description="So long beyond the margin ends the visit")
    max_accuracy_m: float | None = Field(None, gt=0, le=100_000, description="Worse fixes neither confirm nor end a visit")


class FenceBody(Incoming):
    id: Id | None = Field(None, examples=["depot"])
    name: Name | None = Field(None, description="For people; the id where it is missing", examples=["Depot"])
    geometry: dict[str, Any] = Field(
        description="GeoJSON Point (a circle, with `radius_m`), Polygon, MultiPolygon, or LineString (a corridor, with `radius_m`)",
        examples=[_POINT],
    )
    radius_m: Metres | None = Field(None, description="Of a Point or LineString", examples=[150.0])
    dwell_s: float | None = Field(None, gt=0, le=30 * 86_400, description="`fence.dwelled` is said after so long inside")
    settings: SettingsBody = Field(default_factory=lambda: SettingsBody.model_validate({}))
    calendar: Annotated[str, StringConstraints(max_length=100_000)] | None = Field(
        None, description="iCalendar text; the fence exists only during its occurrences"
    )
    min_altitude_m: Altitude | None = None
    max_altitude_m: Altitude | None = None
    max_speed_mps: float | None = Field(None, gt=0, le=1_000, description="Faster inside is `vehicle.overspeed`")
    tags: Tags = Field(default_factory=list)
    groups: GroupIds = Field(
        default_factory=list, description="Ids of its groups; of several that say something about a setting the first counts"
    )
    color: Color | None = Field(None, examples=["#2a9d8f"])
    extras: dict[str, Any] = Field(default_factory=dict, max_length=100)


class FenceOut(Outgoing):
    id: str
    tenant: str
    name: str
    geometry: dict[str, Any]
    radius_m: float | None
    dwell_s: float | None
    settings: SettingsBody
    calendar: str | None
    min_altitude_m: float | None
    max_altitude_m: float | None
    max_speed_mps: float | None
    tags: list[str]
    groups: list[str]
    color: str | None
    extras: dict[str, Any]


class FeatureCollectionOut(Outgoing):
    """GeoJSON (RFC 7946)."""

    type: str = Field(examples=["FeatureCollection"])
    features: list[dict[str, Any]] = Field(description="`id` and the fence's other members as `properties`")


class FencesImported(Outgoing):
    created: int
    replaced: int


def fence_of(tenant: str, id: str, body: FenceBody, previous: Fence | None) -> Fence:  # noqa: A002, ARG001 - the kind's form
    """Raises InvalidValue for a geometry that is no area, a calendar that is none, and altitudes that are upside down."""
    _check_calendar(body.calendar)
    _check_altitudes(body.min_altitude_m, body.max_altitude_m)
    return Fence(
        id=id,
        tenant=tenant,
        name=body.name or id,
        shape=shape_of(body.geometry, body.radius_m),
        dwell_s=body.dwell_s,
        settings=FenceSettings(**body.settings.model_dump()),
        calendar=body.calendar,
        min_altitude_m=body.min_altitude_m,
        max_altitude_m=body.max_altitude_m,
        max_speed_mps=body.max_speed_mps,
        tags=tuple(body.tags),
        groups=tuple(body.groups),
        color=body.color,
        extras=body.extras,
    )


def _check_calendar(text: str | None) -> None:
    if text is None:
        return
    try:
        read_calendar(text)
    except ValueError as problem:
        raise InvalidValue("calendar", str(problem).removeprefix("calendar: ")) from problem


def _check_altitudes(lowest_m: float | None, highest_m: float | None) -> None:
    if lowest_m is not None and highest_m is not None and lowest_m > highest_m:
        raise InvalidValue("max_altitude_m", f"{highest_m:g} is below min_altitude_m, {lowest_m:g}")


def fence_json(fence: Fence) -> dict[str, Any]:
    geometry, radius_m = geometry_of(fence.shape)
    return document(
        FenceOut,
        id=fence.id,
        tenant=fence.tenant,
        name=fence.name,
        geometry=geometry,
        radius_m=radius_m,
        dwell_s=fence.dwell_s,
        settings=asdict(fence.settings),
        calendar=fence.calendar,
        min_altitude_m=fence.min_altitude_m,
        max_altitude_m=fence.max_altitude_m,
        max_speed_mps=fence.max_speed_mps,
        tags=list(fence.tags),
        groups=list(fence.groups),
        color=fence.color,
        extras=fence.extras,
    )


def feature_of(fence: Fence) -> dict[str, Any]:
    """The fence as a GeoJSON Feature."""
    members = fence_json(fence)
    return {"type": "Feature", "id": members.pop("id"), "geometry": members.pop("geometry"), "properties": members}


def body_of_feature(feature: dict[str, Any]) -> dict[str, Any]:
    """What POST /v1/fences would take for a Feature. `tenant` is left out: it is the caller's."""
    properties = feature.get("properties") or {}
    known = {name: value for name, value in properties.items() if name in FenceBody.model_fields and value is not None}
    foreign = {name: value for name, value in properties.items() if name not in FenceOut.model_fields}
    extras = {**foreign, **known.pop("extras", {})}
    identity = feature.get("id", properties.get("id"))
    body = {**known, "geometry": feature.get("geometry"), "extras": extras}
    return body if identity is None else {**body, "id": str(identity)}
