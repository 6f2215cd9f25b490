"""Own settings of tenants and vehicles as the JSON that is kept: by subject, only what is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from fleet.movement_rules import NO_RULES, MovementRules, MovementScope
from fleet.screen_settings import NO_OVERRIDES, ScreenOverrides, ScreenScope
from fleet.tenant import OwnSettings

_SCREENING = frozenset(one.name for one in fields(ScreenOverrides))
_MOVEMENT = frozenset(one.name for one in fields(MovementRules))

#: Tenant, vehicle (None: all of the tenant's), and what is set there.
Owned: TypeAlias = tuple[str, str | None, OwnSettings]


def settings_as_json(settings: OwnSettings) -> dict[str, Any]:
    subjects = {"screening": settings.screening.said(), "movement": settings.movement.said()}
    return {subject: said for subject, said in subjects.items() if said}


def settings_from_json(kept: Mapping[str, Any]) -> OwnSettings:
    """What this version does not know (a later one wrote it) is left out."""
    screening = {name: value for name, value in kept.get("screening", {}).items() if name in _SCREENING}
    movement = {name: value for name, value in kept.get("movement", {}).items() if name in _MOVEMENT}
    return OwnSettings(screening=ScreenOverrides(**screening), movement=MovementRules(**movement))


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
