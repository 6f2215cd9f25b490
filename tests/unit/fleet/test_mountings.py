"""Mountings in columns are the same sequence as the records that they were made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.mountings import Mountings
from fleet.vehicle import Mounting, TrackerStatus

NAMES = st.text(max_size=45)
MOUNTINGS = st.lists(
    st.builds(
        Mounting,
        tenant=st.sampled_from(["acme", "zeta", "mañana"]),
        tracker=NAMES,
        status=st.sampled_from(TrackerStatus),
        key=st.integers(0, 2**40),
        vehicle=NAMES,
    ),
    max_size=20,
)


@given(MOUNTINGS)
def test_columns_are_the_records(records: list[Mounting]) -> None:
    columns = Mountings.of(iter(records))
    assert Mountings.of(columns) is columns
    assert (len(columns), list(columns)) == (len(records), records)
    assert [columns[at] for at in range(-len(records), len(records))] == records * 2
    assert columns[1:7:2] == records[1:7:2]
    assert columns.key.tolist() == [record.key for record in records]
    assert [columns.tenants[number] for number in columns.tenant] == [record.tenant for record in records]
    with pytest.raises(IndexError):
        columns[len(records)]


@given(MOUNTINGS, MOUNTINGS)
def test_rows_are_put_in_place_of_others_and_behind_them(records: list[Mounting], others: list[Mounting]) -> None:
    columns = Mountings.of(records)
    first = len(records) // 2
    columns.put(np.arange(first, first + len(others)), others)
    assert list(columns) == records[:first] + others + records[first + len(others) :]


@given(MOUNTINGS)
def test_keys_are_those_of_vehicles_that_carry_a_tracker(records: list[Mounting]) -> None:
    wanted = frozenset((record.tenant, record.vehicle) for record in records[::2]) | {("acme", "nobody")}
    carrying = {(record.tenant, record.vehicle): record.key for record in records if record.key}
    assert Mountings.of(records).keys_of(wanted) == {name: key for name, key in carrying.items() if name in wanted}
