"""Many rows of different lengths, end to end in one column or, where a step goes along each row, in a table with filled-up ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s
from fleet.progress import Positions

_Scalar = TypeVar("_Scalar", bound=np.generic)


class Layout:
    """`starts` (one more than there are rows) says where each row begins in the column. No row is empty."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths: Positions = np.array(lengths, np.intp)
        self.starts: Positions = np.concatenate([[0], np.cumsum(self.lengths)])
        self._shape = len(lengths), int(self.lengths.max(initial=0))
        self._places = np.flatnonzero(np.arange(self._shape[1]) < self.lengths[:, None])

    def table(self, column: Float64s) -> Float64s:
        """Shape (rows, longest row), filled up with zeros."""
        table = np.zeros(self._shape)
        table.ravel()[self._places] = column
        return table

    def column(self, table: Float64s) -> Float64s:
        return table.ravel()[self._places]

    def summed(self, column: Float64s) -> Float64s:
        """The running sum within each row. Adds from left to right in each, so that a row does not depend on those beside it."""
        return self.column(np.cumsum(self.table(column), axis=1))

    def raised(self, column: Float64s) -> Float64s:
        """The largest value so far within each row, of values that are not negative."""
        return self.column(np.maximum.accumulate(self.table(column), axis=1))

    def falls(self, columns: Float64s) -> npt.NDArray[np.bool_]:
        """Which of several columns (one a row of the array) falls anywhere within a row of the layout."""
        falls = columns[:, 1:] < columns[:, :-1]
        falls[:, self.starts[1:-1] - 1] = False
        return np.asarray(falls.any(axis=1))

    def spread(self, values: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """One value a row, repeated for each of its places."""
        return np.repeat(values, self.lengths)

    def numbers(self) -> npt.NDArray[Any]:
        """The row of each place in the column."""
        return np.repeat(np.arange(self._shape[0]), self.lengths)
