"""Fences: areas that vehicles visit. The shapes here are data; who is inside is the geofence engine's business."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeAlias

#: A place as GeoJSON orders it: (lon, lat), degrees. Only ever inside a geometry; elsewhere a place has named fields.
Position: TypeAlias = tuple[float, float]
Ring: TypeAlias = tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    lat: float
    lon: float
    radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygons:
    """One polygon or several; each is its outer ring followed by its holes. Rings are closed (first == last)."""

    polygons: tuple[tuple[Ring, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corridor:
    """All places within `radius_m` of a line."""

    line: tuple[Position, ...]
    radius_m: float


Shape: TypeAlias = Circle | Polygons | Corridor


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceSettings:
    """How a visit is confirmed and ended. None means: as the level above (the fence's groups, the tenant, the product)."""

    #: This many fixes inside confirm an entry (together with `confirm_speed_mps` or `confirm_s`).
    confirm_fixes: int | None = None
    #: A vehicle slower than this confirms at once when `confirm_fixes` are inside.
    confirm_speed_mps: float | None = None
    #: So long inside confirms at any speed.
    confirm_s: float | None = None
    #: Leaving counts beyond this distance outside of the edge.
    exit_margin_m: float | None = None
    #: So long beyond the margin ends the visit, back-dated to the last fix inside.
    exit_s: float | None = None
    #: Fixes worse than this neither confirm nor end a visit.
    max_accuracy_m: float | None = None

    def said(self) -> dict[str, Any]:
        """What is not left to the level above, by field."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}

    def under(self, own: FenceSettings) -> FenceSettings:
        """These settings with what `own` says in their place."""
        return replace(self, **own.said())


#: Leaves everything to the level above.
NO_FENCE_SETTINGS: Final = FenceSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    id: str
    tenant: str
    name: str
    shape: Shape
    #: After so long inside, `fence.dwelled` is said once a visit; None = never.
    dwell_s: float | None = None
    settings: FenceSettings = NO_FENCE_SETTINGS
    #: iCalendar text (RFC 5545 VEVENTs); the fence exists only during its occurrences. None = always.
    calendar: str | None = None
    #: Fixes outside of this altitude range (metres) are outside; None = open.
    min_altitude_m: float | None = None
    max_altitude_m: float | None = None
    max_speed_mps: float | None = None
    tags: tuple[str, ...] = ()
    #: Ids of its groups (`fleet.fence_group`); of several that say something about a setting the first counts.
    groups: tuple[str, ...] = ()
    color: str | None = None
    extras: dict[str, Any] = field(default_factory=dict)
