"""The plan of fences that an engine works by: every fence compiled once, in columns by its number, with the index over all.

A plan never changes. A change of the world makes a new one, which takes over what it can from the one before, so that
fences keep their numbers and only those that changed are compiled again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from shapely.errors import ShapelyError

from fleet.clock import MICROS_PER_S
from fleet.fence import Fence
from geofence.calendars import Calendar
from geofence.grid import Grid
from geofence.settings import GeofenceSettings, Rules
from geofence.shapes import Compiled, CompiledCircle, CompiledCorridor, CompiledPolygons, Lines, compile_shape
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


class FencePlan:
    """`refused` holds fences that cannot be compiled, with the reason: they are left out, and the rest goes on."""

    def __init__(
        self, fences: Mapping[int, PlannedFence], numbers: Mapping[tuple[str, str], int], refused: list[tuple[Fence, str]]
    ) -> None:
        self.fences = fences
        self.numbers = numbers
        self.refused = refused
        self.columns = _columns(fences)
        self.grid = Grid(list(fences), [fence.cells for fence in fences.values()])
        #: Nothing slower than this passes through any fence unseen, m/s.
        self.slowest_pass_mps = min((fence.rules.confirm_speed_mps for fence in fences.values()), default=0.0)
        self._ids: dict[str, frozenset[str]] = {}

    def ids_of(self, tenant: str) -> frozenset[str]:
        """Ids of a tenant's fences."""
        if tenant not in self._ids:
            self._ids[tenant] = frozenset(fence.fence.id for fence in self.fences.values() if fence.fence.tenant == tenant)
        return self._ids[tenant]

    @classmethod
    def empty(cls) -> FencePlan:
        return cls({}, {}, [])

    @classmethod
    def of(
        cls, fences: Iterable[Fence], tenants: Mapping[str, int], settings: GeofenceSettings, previous: FencePlan | None = None
    ) -> FencePlan:
        """`tenants` are the numbers that the roster gave."""
        known = previous or cls.empty()
        numbers = dict(known.numbers)
        planned: dict[int, PlannedFence] = {}
        refused: list[tuple[Fence, str]] = []
        for fence in fences:
            number = numbers.setdefault((fence.tenant, fence.id), len(numbers))
            before = known.fences.get(number)
            if before is not None and before.fence == fence:
                planned[number] = before
                continue
            try:
                planned[number] = _prepare(fence, number, tenants[fence.tenant], settings)
            except (ValueError, ShapelyError) as problem:
                refused.append((fence, str(problem)))
        return cls(planned, numbers, refused)

    def __len__(self) -> int:
        return len(self.fences)


def _prepare(fence: Fence, number: int, tenant: int, settings: GeofenceSettings) -> PlannedFence:
    shape, rules = compile_shape(fence.shape), settings.resolve(fence)
    return PlannedFence(
        number=number,
        fence=fence,
        rules=rules,
        shape=shape,
        calendar=None if fence.calendar is None else Calendar.parse(fence.calendar),
        cells=shape.cells(tenant),
        confirm=round(rules.confirm_s * MICROS_PER_S),
        exit=round(rules.exit_s * MICROS_PER_S),
        dwell=None if fence.dwell_s is None else round(fence.dwell_s * MICROS_PER_S),
    )


def _columns(fences: Mapping[int, PlannedFence]) -> Columns:
    size = max(fences, default=-1) + 1
    numbers = np.fromiter(fences, np.int64, len(fences))
    planned = list(fences.values())

    def column(dtype: Any, values: Iterable[Any]) -> npt.NDArray[Any]:
        filled = np.zeros(size, dtype)
        if planned:
            filled[numbers] = np.fromiter(values, dtype, len(planned))
        return filled

    corridors = [fence for fence in planned if isinstance(fence.shape, CompiledCorridor)]
    line = np.zeros(size, np.int64)
    line[[fence.number for fence in corridors]] = np.arange(len(corridors))
    geometry = np.full(size, None, object)
    for fence in planned:
        if isinstance(fence.shape, CompiledPolygons):
            geometry[fence.number] = fence.shape.geometry
    lowest = column(np.float32, (_or(fence.fence.min_altitude_m, -np.inf) for fence in planned))
    highest = column(np.float32, (_or(fence.fence.max_altitude_m, np.inf) for fence in planned))
    return Columns(
        kind=column(np.int8, (_kind(fence.shape) for fence in planned)),
        lat=column(np.float64, (fence.shape.lat for fence in planned)),
        lon=column(np.float64, (fence.shape.lon for fence in planned)),
        radius_m=column(np.float64, (getattr(fence.shape, "radius_m", 0.0) for fence in planned)),
        geometry=geometry,
        lines=Lines.of([fence.shape.line for fence in corridors if isinstance(fence.shape, CompiledCorridor)]),
        line=line,
        max_accuracy_m=column(np.float32, (fence.rules.max_accuracy_m for fence in planned)),
        min_altitude_m=lowest,
        max_altitude_m=highest,
        confirm_fixes=column(np.int32, (fence.rules.confirm_fixes for fence in planned)),
        confirm_speed_mps=column(np.float32, (fence.rules.confirm_speed_mps for fence in planned)),
        confirm=column(np.int64, (fence.confirm for fence in planned)),
        exit_margin_m=column(np.float64, (fence.rules.exit_margin_m for fence in planned)),
        exit=column(np.int64, (fence.exit for fence in planned)),
        is_simple=column(np.bool_, (_is_simple(fence) for fence in planned)),
        has_calendar=column(np.bool_, (fence.calendar is not None for fence in planned)),
        has_altitude=bool(np.isfinite(lowest).any() or np.isfinite(highest).any()),
    )


def _is_simple(fence: PlannedFence) -> bool:
    return fence.calendar is None and fence.fence.min_altitude_m is None and fence.fence.max_altitude_m is None


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _kind(shape: Compiled) -> int:
    if isinstance(shape, CompiledCircle):
        return CIRCLE
    return POLYGON if isinstance(shape, CompiledPolygons) else CORRIDOR
