"""Which settings hold for a vehicle: field by field its own, else its tenant's, else the installation's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fleet.screen_settings import ScreenOverrides, ScreenScope, ScreenSettings

__all__ = ["EARLIEST_TIME_US", "ScreenOverrides", "ScreenRules", "ScreenSettings"]

#: Nothing reports from before: GPS receivers without a date say 1970 or 1980, and no fleet keeps older fixes.
EARLIEST_TIME_US: Final = 946_684_800_000_000  # 2000-01-01T00:00:00Z


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenRules:
    """The installation's settings, and what tenants and vehicles have of their own."""

    default: ScreenSettings = field(default_factory=ScreenSettings)
    tenants: Mapping[str, ScreenOverrides] = field(default_factory=dict)
    #: By (tenant, vehicle).
    vehicles: Mapping[tuple[str, str], ScreenOverrides] = field(default_factory=dict)

    @property
    def are_uniform(self) -> bool:
        """Whether one set of settings holds for all."""
        return not self.tenants and not self.vehicles

    def of(self, tenant: str, vehicle: str) -> ScreenSettings:
        settings = self.default
        for overrides in (self.tenants.get(tenant), self.vehicles.get((tenant, vehicle))):
            if overrides is not None:
                settings = settings.under(overrides)
        return settings

    def over(self, scopes: Iterable[ScreenScope]) -> ScreenRules:
        """The same installation with these tenants' and vehicles' settings in place of those before."""
        scopes = list(scopes)
        return ScreenRules(
            default=self.default,
            tenants={one.tenant: one.overrides for one in scopes if one.vehicle is None},
            vehicles={(one.tenant, one.vehicle): one.overrides for one in scopes if one.vehicle is not None},
        )
