"""Own settings of tenants and vehicles as the JSON that is kept: by subject, only what is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from fleet.fence import NO_FENCE_SETTINGS, FenceSettings
from fleet.movement_rules import NO_RULES, MovementRules, MovementScope
from fleet.place_rules import PlaceLearning, PlaceRules
from fleet.proximity_rules import NO_PROXIMITY_RULES, ProximityRules, ProximityScope
from fleet.screen_settings import NO_OVERRIDES, ScreenOverrides, ScreenScope
from fleet.tenant import OwnSettings

_SCREENING = frozenset(one.name for one in fields(ScreenOverrides))
_MOVEMENT = frozenset(one.name for one in fields(MovementRules))
_PROXIMITY = frozenset(one.name for one in fields(ProximityRules))
_PLACES = frozenset(one.name for one in fields(PlaceRules))
_FENCES = frozenset(one.name for one in fields(FenceSettings))

#: Tenant, vehicle (None: all of the tenant's), and what is set there.
Owned: TypeAlias = tuple[str, str | None, OwnSettings]


def settings_as_json(settings: OwnSettings) -> dict[str, Any]:
    subjects = {
        "screening": settings.screening.said(),
        "movement": settings.movement.said(),
        "proximity": settings.proximity.said(),
        "places": settings.places.said(),
        "fences": settings.fences.said(),
    }
    return {subject: said for subject, said in subjects.items() if said}


def settings_from_json(kept: Mapping[str, Any]) -> OwnSettings:
    """What this version does not know (a later one wrote it) is left out."""
    places = _known(kept, "places", _PLACES)
    if "learning" in places:
        places["learning"] = PlaceLearning(places["learning"])
    return OwnSettings(
        screening=ScreenOverrides(**_known(kept, "screening", _SCREENING)),
        movement=MovementRules(**_known(kept, "movement", _MOVEMENT)),
        proximity=ProximityRules(**_known(kept, "proximity", _PROXIMITY)),
        places=PlaceRules(**places),
        fences=FenceSettings(**_known(kept, "fences", _FENCES)),
    )


def _known(kept: Mapping[str, Any], subject: str, names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in kept.get(subject, {}).items() if name in names}


def screen_scopes(owned: Iterable[Owned]) -> list[ScreenScope]:
    """Who has screening settings of its own."""
    return [
        ScreenScope(tenant=tenant, vehicle=vehicle, overrides=settings.screening)
        for tenant, vehicle, settings in owned
        if settings.screening != NO_OVERRIDES
    ]


def movement_scopes(owned: Iterable[Owned]) -> list[MovementScope]:
    """Who has rules of movement of its own."""
    return [
        MovementScope(tenant=tenant, vehicle=vehicle, rules=settings.movement)
        for tenant, vehicle, settings in owned
        if settings.movement != NO_RULES
    ]


def proximity_scopes(owned: Iterable[Owned]) -> list[ProximityScope]:
    """Which tenants have rules of their own about pairs of vehicles."""
    return [
        ProximityScope(tenant=tenant, rules=settings.proximity)
        for tenant, vehicle, settings in owned
        if vehicle is None and settings.proximity != NO_PROXIMITY_RULES
    ]


def fence_defaults(owned: Iterable[Owned]) -> dict[str, FenceSettings]:
    """What tenants want of all of their fences, by tenant."""
    return {
        tenant: settings.fences for tenant, vehicle, settings in owned if vehicle is None and settings.fences != NO_FENCE_SETTINGS
    }
