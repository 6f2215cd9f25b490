"""What a reader wants to see: all of its tenant, an area, some vehicles, or some routes. Pure set questions over the board.

A view is hashable: readers that ask for the same share what is made for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from api.live.board import Board, Slots
from api.live.columns import Mask

_FULL_CIRCLE_DEG: Final = 360.0


class View(Protocol):
    """`tenant` None: all tenants. Implementations are frozen and hashable."""

    @property
    def tenant(self) -> str | None: ...

    def contains(self, board: Board, slots: Slots) -> Mask:
        """Which of these slots are in view, by their newest position."""
        ...

    def wants_event(self, vehicle: str, data: Mapping[str, Any]) -> bool:
        """Whether an event of this view's tenant is wanted."""
        ...

    def wants_vehicle(self, board: Board, tenant: str, vehicle: str) -> bool:
        """Whether predictions for a vehicle of this view's tenant are wanted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All vehicles of the tenant."""

    tenant: str | None

    def contains(self, board: Board, slots: Slots) -> Mask:
        return _of_tenant(self.tenant, board, slots)

    def wants_event(self, vehicle: str, data: Mapping[str, Any]) -> bool:  # noqa: ARG002 - every view's form
        return True

    def wants_vehicle(self, board: Board, tenant: str, vehicle: str) -> bool:  # noqa: ARG002 - every view's form
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Vehicles inside of a box, edges included. It narrows positions and predictions; events of the whole tenant still
    come, since an event feed must not depend on where somebody moved the map.

    `west` > `east`: the box crosses the antimeridian. Made by `area`, which brings longitudes into [-180, 180].
    """

    tenant: str | None
    west: float
    south: float
    east: float
    north: float

    def contains(self, board: Board, slots: Slots) -> Mask:
        lat, lon = board.lat[slots], board.lon[slots]
        east_of_west, west_of_east = lon >= self.west, lon <= self.east
        across = east_of_west & west_of_east if self.west <= self.east else east_of_west | west_of_east
        return across & (lat >= self.south) & (lat <= self.north) & _of_tenant(self.tenant, board, slots)

    def wants_event(self, vehicle: str, data: Mapping[str, Any]) -> bool:  # noqa: ARG002 - every view's form
        return True

    def wants_vehicle(self, board: Board, tenant: str, vehicle: str) -> bool:
        slot = board.slot(tenant, vehicle)
        return slot is not None and bool(self.contains(board, np.array([slot]))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicles:
    """These vehicles, wherever they are."""

    tenant: str | None
    vehicles: frozenset[str]

    def contains(self, board: Board, slots: Slots) -> Mask:
        return np.isin(slots, board.slots_of(self.tenant, self.vehicles))

    def wants_event(self, vehicle: str, data: Mapping[str, Any]) -> bool:  # noqa: ARG002 - every view's form
        return vehicle in self.vehicles

    def wants_vehicle(self, board: Board, tenant: str, vehicle: str) -> bool:  # noqa: ARG002 - every view's form
        return vehicle in self.vehicles


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The vehicles planned for these routes; events of the routes, and of those vehicles where no route is concerned."""

    tenant: str | None
    routes: frozenset[str]
    #: Who drives them, looked up when the view was made.
    vehicles: frozenset[str] = field(default=frozenset())

    def contains(self, board: Board, slots: Slots) -> Mask:
        return np.isin(slots, board.slots_of(self.tenant, self.vehicles))

    def wants_event(self, vehicle: str, data: Mapping[str, Any]) -> bool:
        route = data.get("route")
        return route in self.routes if route is not None else vehicle in self.vehicles

    def wants_vehicle(self, board: Board, tenant: str, vehicle: str) -> bool:  # noqa: ARG002 - every view's form
        return vehicle in self.vehicles


def area(tenant: str | None, west: float, south: float, east: float, north: float) -> View:
    """The box as a map control gives it: longitudes may lie beyond ±180, a span of 360 or more is all around. The whole
    world is everything, which is cheaper to follow.

    Raises ValueError where the box is none (south above north, a latitude outside of ±90, east left of west by a
    full circle).
    """
    if not -90.0 <= south <= north <= 90.0:
        raise ValueError("south and north must be in [-90, 90], south first")
    if not (-2 * _FULL_CIRCLE_DEG <= west <= 2 * _FULL_CIRCLE_DEG and -2 * _FULL_CIRCLE_DEG <= east <= 2 * _FULL_CIRCLE_DEG):
        raise ValueError("west and east must be degrees of longitude")
    if east - west >= _FULL_CIRCLE_DEG and (south, north) == (-90.0, 90.0):
        return Everything(tenant=tenant)
    if east - west >= _FULL_CIRCLE_DEG:
        return Area(tenant=tenant, west=-180.0, south=south, east=180.0, north=north)
    return Area(tenant=tenant, west=_into_range(west), south=south, east=_into_range(east), north=north)


def _into_range(lon: float) -> float:
    """±180 stay as they are; what lies beyond is brought back by full circles."""
    return lon if -180.0 <= lon <= 180.0 else (lon + 180.0) % _FULL_CIRCLE_DEG - 180.0


def _of_tenant(tenant: str | None, board: Board, slots: Slots) -> Mask:
    if tenant is None:
        return np.ones(len(slots), np.bool_)
    return np.asarray(board.tenant[slots] == board.tenant_number(tenant))
