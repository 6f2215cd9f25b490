"""The first of each (vehicle, time) is kept, in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from store.dedupe import first_of_each


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 5)), max_size=40))
def test_the_first_row_of_each_pair_is_kept_in_order_of_the_pairs(pairs: list[tuple[int, int]]) -> None:
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    first: dict[tuple[int, int], int] = {}
    for row, pair in enumerate(pairs):
        first.setdefault(pair, row)
    assert first_of_each(columns[:, 0], columns[:, 1]).tolist() == [first[pair] for pair in sorted(first)]
