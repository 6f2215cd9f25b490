"""How strict screening is: a whole set of settings, and the part of it that a tenant or a vehicle has of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSettings:
    """What is impossible is refused, what is merely suspicious is kept and flagged; the limits between.

    What is suspicious against other fixes (TELEPORT, SWAPPED) depends on the order in which they come in. So do the visits and
    events of a vehicle for which such fixes are refused; of others they do not.
    """

    #: A tracker's clock may be ahead of the receipt by this much; beyond, the fix is refused (FUTURE).
    future_tolerance_s: float = 300.0
    #: A fix older than this at its receipt is refused (TOO_OLD). 0: a tracker may send what it kept for any time.
    oldest_age_s: float = 0.0
    #: Faster than this between two fixes is suspicious (TELEPORT). 100 m/s is more than any train or delivery drone does.
    teleport_speed_mps: float = 100.0
    #: What two fixes may be apart whatever the time between: noise, a tunnel's end, clocks that tick in whole seconds.
    teleport_slack_m: float = 500.0
    refuse_teleports: bool = False
    #: A fix that claims to be worse than this is suspicious (INACCURATE). 0: any accuracy will do.
    worst_accuracy_m: float = 0.0
    refuse_inaccurate: bool = False
    #: Nearer than this to 0° N 0° E (sea, and what receivers without a fix report) is refused (NULL_ISLAND). 0: it is a place.
    null_island_m: float = 111.0
    #: A fix whose latitude and longitude, swapped, fit where the vehicle was last, and as given do not, is suspicious (SWAPPED).
    refuse_swapped: bool = False
    #: GPS counts weeks modulo 1024; receivers with old firmware are wrong by whole rounds of 19.6 years. Snapped and flagged.
    correct_week_rollover: bool = True
    #: Recognise a clock that is off by a constant, and put its fixes right; flagged.
    correct_clock: bool = True
    #: A standing vehicle's fixes that wander no further than this (or than their accuracy) are flagged (STATIC_DRIFT). 0: none.
    static_drift_m: float = 30.0

    def under(self, overrides: ScreenOverrides) -> ScreenSettings:
        """These settings with what `overrides` says in their place."""
        return replace(self, **overrides.said())  # type: ignore[arg-type]  # each field has the type of its name here


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenOverrides:
    """The same fields, None where the level above holds (the vehicle's tenant, the installation)."""

    future_tolerance_s: float | None = None
    oldest_age_s: float | None = None
    teleport_speed_mps: float | None = None
    teleport_slack_m: float | None = None
    refuse_teleports: bool | None = None
    worst_accuracy_m: float | None = None
    refuse_inaccurate: bool | None = None
    null_island_m: float | None = None
    refuse_swapped: bool | None = None
    correct_week_rollover: bool | None = None
    correct_clock: bool | None = None
    static_drift_m: float | None = None

    def said(self) -> dict[str, float | bool]:
        """What is not left to the level above, by field."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}


#: Leaves everything to the level above.
NO_OVERRIDES = ScreenOverrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenScope:
    """The settings that a tenant, or one of its vehicles, has of its own."""

    tenant: str
    #: None: all of the tenant's vehicles.
    vehicle: str | None = None
    overrides: ScreenOverrides
