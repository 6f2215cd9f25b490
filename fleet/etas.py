"""Predictions in bulk: columns of one route at one instant, read as a sequence of `Eta`.

A fleet on its way makes tens of thousands of predictions a minute. They are kept as the columns in which they were computed;
records are made when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from fleet.clock import from_micros
from fleet.fix import Int64s
from fleet.route import Eta, Route


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EtaBlock:
    """Predictions of some stops of a route, made at instant `at` (microseconds since 1970 UTC, as all columns).

    `stops` holds positions in the route's stops; the other columns have its length.
    """

    route: Route
    at: int
    stops: npt.NDArray[np.intp]
    p10: Int64s
    p50: Int64s
    p90: Int64s
    shown: Int64s

    def __len__(self) -> int:
        return len(self.stops)

    def __iter__(self) -> Iterator[Eta]:
        route, at = self.route, from_micros(self.at)
        columns = (column.tolist() for column in (self.stops, self.p10, self.p50, self.p90, self.shown))
        for index, p10, p50, p90, shown in zip(*columns, strict=True):
            yield Eta(
                at=at,
                tenant=route.tenant,
                vehicle=route.vehicle,
                route=route.id,
                stop=route.stops[index].id,
                p10=from_micros(p10),
                p50=from_micros(p50),
                p90=from_micros(p90),
                shown=from_micros(shown),
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EtaColumns:
    """Predictions of many routes end to end: block number k is about `routes[k]`, was made at `at[k]`, and is in the rows
    `starts[k]:starts[k + 1]` (one entry more than there are routes). A block may be empty."""

    routes: Sequence[Route]
    at: Int64s
    starts: npt.NDArray[np.intp]
    stops: npt.NDArray[np.intp]
    p10: Int64s
    p50: Int64s
    p90: Int64s
    shown: Int64s

    def __len__(self) -> int:
        return len(self.stops)

    def __iter__(self) -> Iterator[Eta]:
        for block in self.blocks:
            yield from block

    @property
    def blocks(self) -> Iterator[EtaBlock]:
        """One block a route, those that are not empty."""
        spans = zip(self.routes, self.at.tolist(), self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        for route, at, start, end in spans:
            if end > start:
                rows = slice(start, end)
                yield EtaBlock(
                    route=route,
                    at=at,
                    stops=self.stops[rows],
                    p10=self.p10[rows],
                    p50=self.p50[rows],
                    p90=self.p90[rows],
                    shown=self.shown[rows],
                )


class Etas(Sequence[Eta]):
    """Predictions in order of making. Records are made once, with the first look at them."""

    def __init__(self, etas: Iterable[Eta] = ()) -> None:
        self._parts: list[EtaBlock | EtaColumns | list[Eta]] = []
        self._made: list[Eta] | None = None
        self += etas

    def add(self, columns: EtaBlock | EtaColumns) -> None:
        if len(columns):
            self._parts.append(columns)
            self._made = None

    def append(self, eta: Eta) -> None:
        self += [eta]

    def __iadd__(self, etas: Iterable[Eta]) -> Self:
        self._parts += etas._parts if isinstance(etas, Etas) else [list(etas)]
        self._made = None
        return self

    @property
    def blocks(self) -> Iterator[EtaBlock | list[Eta]]:
        """The parts in order: columns of one route each, or records where they were given as such."""
        for part in self._parts:
            if isinstance(part, EtaColumns):
                yield from part.blocks
            else:
                yield part

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __bool__(self) -> bool:
        return any(self._parts)

    def __iter__(self) -> Iterator[Eta]:
        return iter(self._records())

    @overload
    def __getitem__(self, index: int) -> Eta: ...

    @overload
    def __getitem__(self, index: slice) -> list[Eta]: ...

    def __getitem__(self, index: int | slice) -> Eta | list[Eta]:
        return self._records()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Etas | list):
            return self._records() == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable, as a list is

    def __repr__(self) -> str:
        return f"Etas({self._records()!r})"

    def _records(self) -> list[Eta]:
        if self._made is None:
            self._made = [eta for part in self._parts for eta in part]
        return self._made

    def __reduce__(self) -> tuple[Any, ...]:
        return Etas, (self._records(),)
