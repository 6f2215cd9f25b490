"""The plan of fences that an engine works by: every fence compiled once, in columns by its number, with the index over all.

A plan never changes. A change of the world makes a new one, which takes over what it can from the one before, so that
fences keep their numbers and only those that changed are compiled again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shapely.errors import ShapelyError

from fleet.clock import MICROS_PER_S
from fleet.fence import Fence
from geofence.calendars import Calendar
from geofence.grid import Grid
from geofence.plan_columns import CIRCLE, CORRIDOR, POLYGON, PlannedFence, columns_of
from geofence.settings import GeofenceSettings
from geofence.shapes import compile_shape

__all__ = ["CIRCLE", "CORRIDOR", "POLYGON", "FencePlan", "PlannedFence"]


class FencePlan:
    """`refused` holds fences that cannot be compiled, with the reason: they are left out, and the rest goes on."""

    def __init__(
        self,
        fences: Mapping[int, PlannedFence],
        numbers: Mapping[tuple[str, str], int],
        refused: list[tuple[Fence, str]],
        previous: FencePlan | None = None,
    ) -> None:
        self.fences = fences
        self.numbers = numbers
        self.refused = refused
        if previous is None:
            self.columns = columns_of(fences, fences.values(), [], None)
            self.grid = Grid(list(fences), [fence.cells for fence in fences.values()])
        else:
            self._change(previous)
        #: Nothing slower than this passes through any fence unseen, m/s.
        self.slowest_pass_mps = self.columns.slowest_pass_mps
        self._ids: dict[str, frozenset[str]] = {}

    def _change(self, previous: FencePlan) -> None:
        """Columns and grid are those of the plan before, but for the fences that changed."""
        new = [fence for number, fence in self.fences.items() if previous.fences.get(number) is not fence]
        gone = previous.fences.keys() - self.fences.keys()
        replaced = [fence.number for fence in new if fence.number in previous.fences]
        if not new and not gone:
            self.columns, self.grid = previous.columns, previous.grid
            return
        self.columns = columns_of(self.fences, new, gone, previous.columns)
        self.grid = previous.grid.changed([*gone, *replaced], [fence.number for fence in new], [fence.cells for fence in new])

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
        return cls(planned, numbers, refused, previous)

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
