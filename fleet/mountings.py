"""Mountings of a whole fleet as columns: a million of them are 50 MB, as records they would be 250."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from fleet.columns import grown
from fleet.fix import NO_VEHICLE, Int32s, Int64s
from fleet.text_column import BLOCK_ROWS, TextColumn
from fleet.vehicle import Mounting, TrackerStatus

#: Tenant, tracker, whether it is active, key and vehicle.
Row: TypeAlias = tuple[str, str, bool, int, str]


class Mountings(Sequence[Mounting]):
    """Records when they are looked at one by one; columns for those who take all of them. Only `add` and `put` change it."""

    def __init__(self) -> None:
        #: Names of tenants; `tenant` counts them.
        self.tenants: list[str] = []
        self._numbers: dict[str, int] = {}
        self._size = 0
        self._tenant: Int32s = np.zeros(0, np.int32)
        self._key: Int64s = np.zeros(0, np.int64)
        self._is_active: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.tracker = TextColumn()
        #: Empty where the key is 0.
        self.vehicle = TextColumn()

    @classmethod
    def of(cls, mountings: Iterable[Mounting]) -> Mountings:
        """As columns, if they are not so already."""
        if isinstance(mountings, Mountings):
            return mountings
        made = cls()
        rest = iter(mountings)
        while block := list(islice(rest, BLOCK_ROWS)):
            made.put(np.arange(len(made), len(made) + len(block)), block)
        return made

    def put(self, rows: npt.NDArray[np.integer], mountings: Sequence[Mounting]) -> None:
        """These are in these rows now (each once), of which those that are new follow the last one."""
        self._put(rows, [(one.tenant, one.tracker, one.status is TrackerStatus.ACTIVE, one.key, one.vehicle) for one in mountings])

    def add(self, rows: Sequence[Row]) -> None:
        """Some more, behind the last one."""
        self._put(np.arange(self._size, self._size + len(rows)), rows)

    def _put(self, at: npt.NDArray[np.integer], rows: Sequence[Row]) -> None:
        if not rows:
            return
        tenants, trackers, are_active, keys, vehicles = zip(*rows, strict=True)
        size = max(self._size, int(at.max()) + 1)
        if size > len(self._key):
            self._tenant, self._key = grown(self._tenant, size), grown(self._key, size)
            self._is_active = grown(self._is_active, size)
        numbers = {name: self.number(name) for name in dict.fromkeys(tenants)}
        self._tenant[at] = [numbers[name] for name in tenants]
        self._key[at], self._is_active[at] = keys, are_active
        self.tracker.put(at, trackers)
        self.vehicle.put(at, vehicles)
        self._size = size

    def number(self, tenant: str) -> int:
        """The number of a tenant; a new one where it is not known yet."""
        number = self._numbers.setdefault(tenant, len(self.tenants))
        if number == len(self.tenants):
            self.tenants.append(tenant)
        return number

    def find_number(self, tenant: str) -> int:
        """The number of a tenant, -1 where none of its trackers is here."""
        return self._numbers.get(tenant, -1)

    @property
    def tenant(self) -> Int32s:
        """Of each, the number of its tenant."""
        return self._tenant[: self._size]

    @property
    def key(self) -> Int64s:
        """Of each, the key of its vehicle; 0 where it is on none."""
        return self._key[: self._size]

    def keys_of(self, vehicles: AbstractSet[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The keys of those of these (tenant, vehicle) that carry a tracker."""
        if not vehicles:
            return {}
        return {
            name: key for tenant, _, _, key, vehicle in self.rows() if key != NO_VEHICLE and (name := (tenant, vehicle)) in vehicles
        }

    def rows(self) -> Iterator[Row]:
        """All of them as tuples: faster than records."""
        for start in range(0, self._size, BLOCK_ROWS):
            yield from self._block(np.arange(start, min(start + BLOCK_ROWS, self._size)))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Mounting]:
        return map(_record, self.rows())

    @overload
    def __getitem__(self, at: int) -> Mounting: ...

    @overload
    def __getitem__(self, at: slice) -> list[Mounting]: ...

    def __getitem__(self, at: int | slice) -> Mounting | list[Mounting]:
        if isinstance(at, slice):
            return list(map(_record, self._block(np.arange(self._size)[at])))
        return _record(next(self._block(np.array([range(self._size)[at]]))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

    def _block(self, rows: npt.NDArray[np.intp]) -> Iterator[Row]:
        tenants = map(self.tenants.__getitem__, self._tenant[rows].tolist())
        of_rows: tuple[list[Any], ...] = (self._is_active[rows].tolist(), self._key[rows].tolist())
        return zip(tenants, self.tracker.texts(rows), *of_rows, self.vehicle.texts(rows), strict=True)


def _record(row: Row) -> Mounting:
    tenant, tracker, is_active, key, vehicle = row
    status = TrackerStatus.ACTIVE if is_active else TrackerStatus.QUARANTINED
    return Mounting(tenant=tenant, tracker=tracker, status=status, key=key, vehicle=vehicle)
