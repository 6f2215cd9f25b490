"""Tenants, and what a tenant or a vehicle may have set for itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fleet.fence import NO_FENCE_SETTINGS, FenceSettings
from fleet.movement_rules import NO_RULES, MovementRules
from fleet.place_rules import NO_PLACE_RULES, PlaceRules
from fleet.proximity_rules import NO_PROXIMITY_RULES, ProximityRules
from fleet.screen_settings import NO_OVERRIDES, ScreenOverrides


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSettings:
    """Settings that hold for one tenant, or one vehicle, in place of those of the level above."""

    screening: ScreenOverrides = NO_OVERRIDES
    movement: MovementRules = NO_RULES
    #: Of a tenant only: of pairs of its vehicles, of places, and of all of its fences.
    proximity: ProximityRules = NO_PROXIMITY_RULES
    places: PlaceRules = NO_PLACE_RULES
    fences: FenceSettings = NO_FENCE_SETTINGS


#: Everything as the level above has it.
NO_SETTINGS = OwnSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Whose data it is. `id` is its name."""

    id: str
    settings: OwnSettings = NO_SETTINGS
    created_at: datetime | None = None
