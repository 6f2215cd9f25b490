"""How strict screening is, for the installation, a tenant or a vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: Nothing reports from before: GPS receivers without a date say 1970 or 1980, and no fleet keeps older fixes.
EARLIEST_TIME_US: Final = 946_684_800_000_000  # 2000-01-01T00:00:00Z


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSettings:
    """What is impossible is refused, what is merely suspicious is kept and flagged; the limits between."""

    #: A tracker's clock may be ahead of the receipt by this much; beyond, the fix is refused (FUTURE).
    future_tolerance_s: float = 300.0
    #: A fix older than this at its receipt is refused (TOO_OLD). None: a tracker may send what it kept for any time.
    oldest_age_s: float | None = None
    #: Faster than this between two fixes is suspicious (TELEPORT). 100 m/s is more than any train or delivery drone does.
    teleport_speed_mps: float = 100.0
    #: What two fixes may be apart whatever the time between: noise, a tunnel's end, clocks that tick in whole seconds.
    teleport_slack_m: float = 500.0
    refuse_teleports: bool = False
    #: A fix that claims to be worse than this is suspicious (INACCURATE). None: any accuracy will do.
    worst_accuracy_m: float | None = None
    refuse_inaccurate: bool = False
    #: GPS counts weeks modulo 1024; receivers with old firmware are wrong by whole rounds of 19.6 years. Snapped and flagged.
    correct_week_rollover: bool = True
    #: Refuse a fix whose latitude and longitude, swapped, fit where the vehicle is, and as given do not.
    refuse_swapped: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenRules:
    """The settings that hold for a vehicle: its own, else its tenant's, else the installation's."""

    default: ScreenSettings = field(default_factory=ScreenSettings)
    tenants: Mapping[str, ScreenSettings] = field(default_factory=dict)
    #: By (tenant, vehicle).
    vehicles: Mapping[tuple[str, str], ScreenSettings] = field(default_factory=dict)

    @property
    def are_uniform(self) -> bool:
        """Whether one set of settings holds for all."""
        return not self.tenants and not self.vehicles

    def of(self, tenant: str, vehicle: str) -> ScreenSettings:
        return self.vehicles.get((tenant, vehicle)) or self.tenants.get(tenant) or self.default
