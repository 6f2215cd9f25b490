"""Fences made ready, and what bulk tests need of them in columns by their number."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from fleet.fence import Fence
from geofence.calendars import Calendar
from geofence.settings import Rules
from geofence.shapes import Compiled, CompiledCircle, CompiledCorridor, CompiledPolygons, Lines
from geofence.slots import Int64s

Floats = npt.NDArray[np.float64]

CIRCLE: Final = 0
POLYGON: Final = 1
CORRIDOR: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFence:
    """A fence made ready: its shape compiled, its rules resolved, durations in microseconds."""

    number: int
    fence: Fence
    rules: Rules
    shape: Compiled
    calendar: Calendar | None
    cells: Int64s
    confirm: int
    exit: int
    #: None: never said.
    dwell: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What bulk tests need of each fence, by its number. Numbers of deleted fences hold zeros."""

    kind: npt.NDArray[np.int8]
    lat: Floats
    lon: Floats
    radius_m: Floats
    geometry: npt.NDArray[Any]
    #: West, south, east, north of polygons, in their frames; (N, 4), NaN for other shapes.
    bounds: Floats
    #: The lines of all corridors, and the number of each corridor's line by the number of its fence.
    lines: Lines
    line: Int64s
    max_accuracy_m: npt.NDArray[np.float32]
    min_altitude_m: npt.NDArray[np.float32]
    max_altitude_m: npt.NDArray[np.float32]
    confirm_fixes: npt.NDArray[np.int32]
    confirm_speed_mps: npt.NDArray[np.float32]
    confirm: Int64s
    exit_margin_m: Floats
    exit: Int64s
    has_calendar: npt.NDArray[np.bool_]
    #: Neither a calendar nor an altitude range nor anything else that is looked at one by one.
    is_simple: npt.NDArray[np.bool_]
    has_altitude: bool
    slowest_pass_mps: float


def columns_of(
    fences: Mapping[int, PlannedFence], new: Collection[PlannedFence], gone: Iterable[int], previous: Columns | None
) -> Columns:
    """The columns of `fences`: those of the plan before, without the fences `gone`, and with `new` written in."""
    filling = _Filling(max(fences, default=-1) + 1, list(new), list(gone), previous)
    column = filling.column
    corridors = [fence for fence in fences.values() if isinstance(fence.shape, CompiledCorridor)]
    line = np.zeros(filling.size, np.int64)
    line[[fence.number for fence in corridors]] = np.arange(len(corridors))
    geometry = filling.geometry()
    lowest = column("min_altitude_m", np.float32, (_or(fence.fence.min_altitude_m, -np.inf) for fence in new), -np.inf)
    highest = column("max_altitude_m", np.float32, (_or(fence.fence.max_altitude_m, np.inf) for fence in new), np.inf)
    speed = column("confirm_speed_mps", np.float32, (fence.rules.confirm_speed_mps for fence in new), np.inf)
    return Columns(
        kind=column("kind", np.int8, (_kind(fence.shape) for fence in new)),
        lat=column("lat", np.float64, (fence.shape.lat for fence in new)),
        lon=column("lon", np.float64, (fence.shape.lon for fence in new)),
        radius_m=column("radius_m", np.float64, (getattr(fence.shape, "radius_m", 0.0) for fence in new)),
        geometry=geometry,
        bounds=filling.bounds(geometry),
        lines=Lines.of([fence.shape.line for fence in corridors if isinstance(fence.shape, CompiledCorridor)]),
        line=line,
        max_accuracy_m=column("max_accuracy_m", np.float32, (fence.rules.max_accuracy_m for fence in new)),
        min_altitude_m=lowest,
        max_altitude_m=highest,
        confirm_fixes=column("confirm_fixes", np.int32, (fence.rules.confirm_fixes for fence in new)),
        confirm_speed_mps=speed,
        confirm=column("confirm", np.int64, (fence.confirm for fence in new)),
        exit_margin_m=column("exit_margin_m", np.float64, (fence.rules.exit_margin_m for fence in new)),
        exit=column("exit", np.int64, (fence.exit for fence in new)),
        is_simple=column("is_simple", np.bool_, (_is_simple(fence) for fence in new)),
        has_calendar=column("has_calendar", np.bool_, (fence.calendar is not None for fence in new)),
        has_altitude=bool(np.isfinite(lowest).any() or np.isfinite(highest).any()),
        slowest_pass_mps=float(speed.min(initial=np.inf)) if fences else 0.0,
    )


class _Filling:
    """Makes columns by number: as they were, with what is gone emptied and what is new filled in."""

    def __init__(self, size: int, new: list[PlannedFence], gone: list[int], previous: Columns | None) -> None:
        self.size = size
        self._new = new
        self._numbers = np.array([fence.number for fence in new], np.int64)
        self._gone = np.array([number for number in gone if number < size], np.int64)
        self._previous = previous

    def column(self, name: str, dtype: Any, values: Iterable[Any], empty: Any = 0) -> npt.NDArray[Any]:
        filled = self._before(name, np.full(self.size, empty, dtype))
        filled[self._gone] = empty
        filled[self._numbers] = np.fromiter(values, dtype, len(self._numbers))
        return filled

    def geometry(self) -> npt.NDArray[Any]:
        filled = self._before("geometry", np.full(self.size, None, object))
        filled[self._gone] = None
        for fence in self._new:
            filled[fence.number] = fence.shape.geometry if isinstance(fence.shape, CompiledPolygons) else None
        return filled

    def bounds(self, geometry: npt.NDArray[Any]) -> Floats:
        filled = self._before("bounds", np.full((self.size, 4), np.nan))
        filled[self._numbers] = shapely.bounds(geometry[self._numbers]).reshape(-1, 4)
        return filled

    def _before(self, name: str, filled: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self._previous is not None:
            kept = getattr(self._previous, name)[: self.size]
            filled[: len(kept)] = kept
        return filled


def _is_simple(fence: PlannedFence) -> bool:
    return fence.calendar is None and fence.fence.min_altitude_m is None and fence.fence.max_altitude_m is None


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _kind(shape: Compiled) -> int:
    if isinstance(shape, CompiledCircle):
        return CIRCLE
    return POLYGON if isinstance(shape, CompiledPolygons) else CORRIDOR
