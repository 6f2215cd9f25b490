"""Columns as PostgreSQL's binary formats, read back by a plain reader of the documented layout."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fleet.fix import FixBatch
from store.postgres.arrays import Float4s, Float8s, Instants, Int2s, Int4s, Int8s, dump_array, dump_blobs, load_array
from store.postgres.copying import COLUMNS, HEADER, POSTGRES_EPOCH_MICROS, TRAILER, encode

_READERS = {
    **dict.fromkeys(("time", "vehicle_id", "received", "batch"), ">q"),
    **dict.fromkeys(("lat", "lon"), ">d"),
    **dict.fromkeys(("tenant_id", "flags"), ">i"),
    **dict.fromkeys(("speed_mps", "heading_deg", "accuracy_m", "altitude_m"), ">f"),
    "satellites": ">h",
}


def _read(stream: bytes) -> list[dict[str, Any]]:
    """Field by field, as the PostgreSQL documentation of COPY describes the binary format."""
    assert stream.startswith(HEADER)
    assert stream.endswith(TRAILER)
    rows, place = [], len(HEADER)
    while (count := struct.unpack_from(">h", stream, place)[0]) != -1:
        place += 2
        assert count == len(COLUMNS)
        row: dict[str, Any] = {}
        for name in COLUMNS:
            (length,) = struct.unpack_from(">i", stream, place)
            place += 4
            data = stream[place : place + max(0, length)]
            assert len(data) == max(0, length)
            place += len(data)
            row[name] = None if length < 0 else _value(name, data)
        rows.append(row)
    assert place + 2 == len(stream)
    return rows


def _value(name: str, data: bytes) -> Any:
    if name == "extras":
        assert data[0] == 1, "the version of jsonb"
        return data[1:]
    (value,) = struct.unpack(_READERS[name], data)
    return value


def _maybe(values: st.SearchStrategy[Any], nothing: float) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(nothing), values)


_FLOATS = st.floats(0, 1e6, width=32)


@st.composite
def _batches(draw: st.DrawFn) -> FixBatch:
    size = draw(st.integers(0, 12))
    batch = FixBatch.allocate(size)
    for name in ("speed_mps", "heading_deg", "accuracy_m", "altitude_m"):
        getattr(batch, name)[:] = draw(st.lists(_maybe(_FLOATS, np.nan), min_size=size, max_size=size))
    batch.satellites[:] = draw(st.lists(_maybe(st.integers(0, 99), -1), min_size=size, max_size=size))
    batch.flags[:] = draw(st.lists(st.integers(0, 65535), min_size=size, max_size=size))
    batch.vehicle[:] = draw(st.lists(st.integers(1, 2**62), min_size=size, max_size=size))
    batch.time[:] = np.arange(size) + draw(st.integers(0, 4 * 10**15))
    batch.lat[:] = draw(st.lists(st.floats(-90, 90), min_size=size, max_size=size))
    batch.lon[:] = draw(st.lists(st.floats(-180, 180), min_size=size, max_size=size))
    batch.extras = draw(st.lists(st.one_of(st.none(), st.binary(max_size=9)), min_size=size, max_size=size))
    return batch


@given(batch=_batches(), number=st.integers(1, 2**60), tenant=st.integers(1, 2**31 - 1))
def test_the_stream_holds_every_row_with_null_where_nothing_was_said(batch: FixBatch, number: int, tenant: int) -> None:
    stream = b"".join(encode(batch, np.full(len(batch), tenant, np.int32), number))
    rows = {row["time"] + POSTGRES_EPOCH_MICROS: row for row in _read(stream)}
    assert len(rows) == len(batch)
    for place in range(len(batch)):
        row = rows[int(batch.time[place])]
        assert (row["vehicle_id"], row["batch"], row["tenant_id"]) == (batch.vehicle[place], number, tenant)
        assert (row["lat"], row["lon"], row["flags"]) == (batch.lat[place], batch.lon[place], batch.flags[place])
        assert row["received"] + POSTGRES_EPOCH_MICROS == batch.received[place]
        for name in ("speed_mps", "heading_deg", "accuracy_m", "altitude_m"):
            value = getattr(batch, name)[place]
            assert row[name] == (None if np.isnan(value) else value)
        assert row["satellites"] == (None if batch.satellites[place] == -1 else batch.satellites[place])
        assert row["extras"] == batch.extras[place]


def test_an_empty_batch_is_a_stream_without_rows() -> None:
    assert b"".join(encode(FixBatch.empty(), np.zeros(0, np.int32), 1)) == HEADER + TRAILER


def test_a_large_batch_is_one_stream_in_blocks() -> None:
    size = 30_001
    batch = FixBatch.allocate(size)
    batch.vehicle[:], batch.time[:] = np.arange(size) + 1, np.arange(size)
    batch.speed_mps[::3] = 1.5
    blocks = list(encode(batch, np.arange(size, dtype=np.int32), 7))
    assert len(blocks) > 3
    rows = sorted(_read(b"".join(blocks)), key=lambda row: row["vehicle_id"])
    assert [row["vehicle_id"] for row in rows] == list(range(1, size + 1))
    assert [row["tenant_id"] for row in rows] == list(range(size))
    assert [row["speed_mps"] for row in rows] == [1.5 if place % 3 == 0 else None for place in range(size)]


_COLUMNS = [(Int8s, np.int64), (Int4s, np.int32), (Int2s, np.int16), (Float8s, np.float64), (Float4s, np.float32)]


@pytest.mark.parametrize(("column", "dtype"), _COLUMNS)
@given(data=st.data())
def test_a_column_comes_back_from_an_array(column: Any, dtype: Any, data: st.DataObject) -> None:
    values = data.draw(arrays.arrays(dtype, st.integers(0, 20)))
    found = load_array(dump_array(column(values)), _kind(column))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_instants_are_counted_from_postgresqls_epoch() -> None:
    dumped = dump_array(Instants(np.array([POSTGRES_EPOCH_MICROS, 0], np.int64)))
    assert struct.unpack_from(">q", dumped, 24) == (0,)
    assert load_array(dumped, _kind(Instants)).tolist() == [POSTGRES_EPOCH_MICROS, 0]


@given(values=st.lists(st.one_of(st.none(), st.binary(max_size=5)), max_size=8))
def test_blobs_are_joined_with_their_lengths_and_null_is_none(values: list[bytes | None]) -> None:
    dumped = dump_blobs(values, 17)
    dimensions, has_null, oid = struct.unpack_from(">iiI", dumped)
    assert (dimensions, has_null, oid) == (1 if values else 0, 1 if None in values else 0, 17)
    place, found = 20, []
    if values:
        assert struct.unpack_from(">ii", dumped, 12) == (len(values), 1)
    while place < len(dumped):
        (length,) = struct.unpack_from(">i", dumped, place)
        found.append(None if length < 0 else dumped[place + 4 : place + 4 + length])
        place += 4 + max(0, length)
    assert found == values


def _kind(column: Any) -> Any:
    from store.postgres import arrays as module

    return module._KINDS[column]
