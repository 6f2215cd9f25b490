"""Tenants, and the settings that a tenant or a vehicle may have for itself, as the API shows them."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from api.models.base import Incoming, Outgoing, document, instant_text
from api.models.fences import SettingsBody as FenceSettingsBody
from fleet.calendar_text import read_calendar
from fleet.fence import FenceSettings
from fleet.movement_rules import MovementRules
from fleet.place_rules import PlaceLearning, PlaceRules
from fleet.places import MAX_SPREAD_M, MIN_VISITS
from fleet.proximity_rules import LEAST_NEAR_M, LEAST_NEAR_S, MOST_NEAR_M, MOST_NEAR_S, ProximityRules
from fleet.screen_settings import ScreenOverrides
from fleet.tenant import OwnSettings, Tenant

_Day = Annotated[float, Field(ge=0, le=86_400)]
_Age = Annotated[float, Field(ge=0, le=100 * 366 * 86_400)]
_Speed = Annotated[float, Field(gt=0, le=1_000)]
_Near = Annotated[float, Field(ge=0, le=1_000)]
_Far = Annotated[float, Field(ge=0, le=100_000)]


class ScreeningBody(Incoming):
    """What is left out, or null, is as the level above has it: the vehicle's tenant, the installation."""

    future_tolerance_s: _Day | None = Field(None, description="Later than receipt by more than this is refused")
    oldest_age_s: _Age | None = Field(None, description="Older than this at receipt is refused; 0: any age")
    teleport_speed_mps: _Speed | None = Field(None, description="Faster than this between two fixes is suspicious")
    teleport_slack_m: _Far | None = Field(None, description="So far apart two fixes may be whatever the time between")
    refuse_teleports: bool | None = Field(None, description="Refuse teleports instead of flagging them")
    worst_accuracy_m: _Far | None = Field(None, description="Worse than this is suspicious; 0: any accuracy")
    refuse_inaccurate: bool | None = Field(None, description="Refuse them instead of flagging them")
    null_island_m: _Far | None = Field(None, description="Nearer than this to 0 N 0 E is refused; 0: it is a place")
    refuse_swapped: bool | None = Field(
        None, description="Refuse what fits the last place only when swapped, instead of flagging it"
    )
    correct_week_rollover: bool | None = Field(None, description="Put instants right that are off by GPS weeks")
    correct_clock: bool | None = Field(None, description="Recognise and correct a clock that is off by a constant")
    static_drift_m: _Near | None = Field(None, description="A standing vehicle's fixes that wander no further are flagged; 0: none")


def _calendar(text: str) -> str:
    if text:
        read_calendar(text)
    return text


_Calendar = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_calendar)]


class MovementBody(Incoming):
    """What is left out, or null, is as the level above has it: the vehicle's tenant, the installation."""

    speed_limit_mps: Annotated[float, Field(ge=0, le=1_000)] | None = Field(
        None, description="Faster for some time is `vehicle.overspeed`, where no fence has a lower limit; 0: as fast as it likes"
    )
    allowed_hours: _Calendar | None = Field(
        None, description="iCalendar text: moving outside of its events is `vehicle.unauthorised`; empty: at any time"
    )
    watch_towing: bool | None = Field(None, description="Moving with the ignition off is `vehicle.unauthorised`")


class SettingsBody(Incoming):
    screening: ScreeningBody = Field(default_factory=ScreeningBody)
    movement: MovementBody = Field(default_factory=MovementBody)


class ProximityBody(Incoming):
    """What is left out, or null, is as the installation has it: not watched, 60 s, everywhere."""

    near_m: Annotated[float, Field(le=MOST_NEAR_M)] | None = Field(
        None, description="Two vehicles no further apart are together, `vehicle.proximity`; from 15 m on, 0: nobody is watched"
    )
    near_s: Annotated[float, Field(ge=LEAST_NEAR_S, le=MOST_NEAR_S)] | None = Field(None, description="For so long at least")
    except_tag: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="What happens inside of fences with this tag does not count; empty: everything counts"
    )

    @field_validator("near_m")
    @classmethod
    def _is_worth_it(cls, near_m: float | None) -> float | None:
        if near_m is not None and near_m != 0 and near_m < LEAST_NEAR_M:
            raise ValueError(f"must be 0, or at least {LEAST_NEAR_M:g}: positions are not worth less")
        return near_m


class PlacesBody(Incoming):
    """What is left out, or null, is the product's default: `suggest`, 5 visits, 25 m."""

    learning: PlaceLearning | None = Field(
        None, description="Of places whose pin is wrong: `off`, `suggest` (a person accepts), `automatic` (pins move by themselves)"
    )
    min_visits: Annotated[int, Field(ge=MIN_VISITS, le=100)] | None = Field(
        None, description="So many visits have to agree before a pin moves by itself"
    )
    within_m: Annotated[float, Field(gt=0, le=MAX_SPREAD_M)] | None = Field(
        None, description="Visits agree that lie within this of their median, if half of all do"
    )


class TenantSettingsBody(SettingsBody):
    proximity: ProximityBody = Field(default_factory=lambda: ProximityBody.model_validate({}))
    places: PlacesBody = Field(default_factory=PlacesBody)
    fences: FenceSettingsBody = Field(default_factory=lambda: FenceSettingsBody.model_validate({}))


class SettingsOut(Outgoing):
    """Only what is set here."""

    screening: dict[str, float | bool] = Field(examples=[{"refuse_teleports": True}])
    movement: dict[str, float | bool | str] = Field(examples=[{"speed_limit_mps": 22.2}])


class TenantSettingsOut(SettingsOut):
    """Only what is set here."""

    proximity: dict[str, float | str] = Field(examples=[{"near_m": 50.0, "except_tag": "depot"}])
    places: dict[str, float | str] = Field(examples=[{"learning": "automatic"}])
    fences: dict[str, float] = Field(examples=[{"exit_margin_m": 30.0}])


class TenantBody(Incoming):
    settings: TenantSettingsBody = Field(default_factory=TenantSettingsBody)


class TenantOut(Outgoing):
    id: str
    settings: TenantSettingsOut
    created_at: str | None = Field(description="RFC 3339 UTC")


def settings_of(body: SettingsBody) -> OwnSettings:
    screening = {one.name: getattr(body.screening, one.name) for one in fields(ScreenOverrides)}
    movement = {one.name: getattr(body.movement, one.name) for one in fields(MovementRules)}
    if not isinstance(body, TenantSettingsBody):
        return OwnSettings(screening=ScreenOverrides(**screening), movement=MovementRules(**movement))
    return OwnSettings(
        screening=ScreenOverrides(**screening),
        movement=MovementRules(**movement),
        proximity=ProximityRules(**body.proximity.model_dump()),
        places=PlaceRules(**body.places.model_dump()),
        fences=FenceSettings(**body.fences.model_dump()),
    )


def settings_json(settings: OwnSettings) -> dict[str, Any]:
    return document(SettingsOut, screening=settings.screening.said(), movement=settings.movement.said())


def tenant_settings_json(settings: OwnSettings) -> dict[str, Any]:
    """Those that a vehicle may have as well, and those of a tenant alone."""
    own = {
        "proximity": settings.proximity.said(),
        "places": settings.places.said(),
        "fences": settings.fences.said(),
    }
    return document(TenantSettingsOut, **settings_json(settings), **own)


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    settings = tenant_settings_json(tenant.settings)
    return document(TenantOut, id=tenant.id, settings=settings, created_at=instant_text(tenant.created_at))
