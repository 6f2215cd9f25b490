"""Columns as PostgreSQL arrays in binary: a column is one parameter of a statement, or (of numbers) one value of a row.

An array of one dimension is: number of dimensions (int32), whether it holds NULL (int32), OID of its elements (uint32), its
length and lower bound (int32 each), then for each element its length (int32) and its bytes; all big-endian. Of numbers without NULL
that is a NumPy structured array again; where a column may say "not said", SQL translates (`nullif(x, 'NaN')`, `coalesce`).
Texts and bytes are of varying length and may be NULL; they are joined. (psycopg writes lists of them as text and escapes every
one: a checkpoint of 5,000 states took 33 ms of CPU that way, 9 ms this way.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg import AsyncConnection
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

from store.postgres.copying import POSTGRES_EPOCH_MICROS

_HEADER: Final = struct.Struct(">iiIii")
_DIMENSIONS: Final = struct.Struct(">i")
_LENGTH: Final = struct.Struct(">i")


@dataclass(frozen=True, slots=True)
class _Kind:
    """OIDs as in PostgreSQL's pg_type.dat; they are part of its wire protocol and never change."""

    element_oid: int
    array_oid: int
    dtype: str
    #: Added to what PostgreSQL holds to get what our columns hold.
    offset: int = 0

    @property
    def layout(self) -> np.dtype[Any]:
        return np.dtype([("length", ">i4"), ("value", f">{self.dtype}")])


_INT8: Final = _Kind(20, 1016, "i8")
_INT4: Final = _Kind(23, 1007, "i4")
_INT2: Final = _Kind(21, 1005, "i2")
_FLOAT8: Final = _Kind(701, 1022, "f8")
_FLOAT4: Final = _Kind(700, 1021, "f4")
_TIMESTAMPTZ: Final = _Kind(1184, 1185, "i8", POSTGRES_EPOCH_MICROS)


@dataclass(frozen=True, slots=True)
class _Column:
    """Base of the parameters; each kind has a class of its own, because psycopg chooses a type's OID by its class."""

    values: npt.NDArray[Any]


class Int8s(_Column):
    pass


class Int4s(_Column):
    pass


class Int2s(_Column):
    pass


class Float8s(_Column):
    pass


class Float4s(_Column):
    pass


class Instants(_Column):
    """Microseconds since 1970 UTC as timestamptz[]."""


_KINDS: Final[dict[type[_Column], _Kind]] = {
    Int8s: _INT8,
    Int4s: _INT4,
    Int2s: _INT2,
    Float8s: _FLOAT8,
    Float4s: _FLOAT4,
    Instants: _TIMESTAMPTZ,
}


@dataclass(frozen=True, slots=True)
class Texts:
    """text[]"""

    values: Iterable[str | None]


@dataclass(frozen=True, slots=True)
class Blobs:
    """bytea[]"""

    values: Iterable[bytes | None]


_BYTEA: Final = (17, 1001)
_TEXT: Final = (25, 1009)
_NULL: Final = b"\xff\xff\xff\xff"

_BY_ARRAY_OID: Final = {kind.array_oid: kind for kind in _KINDS.values()}


def dump_array(column: _Column) -> bytes:
    kind, values = _KINDS[type(column)], column.values
    rows = np.empty(len(values), kind.layout)
    rows["length"] = rows["value"].dtype.itemsize
    rows["value"] = values - kind.offset if kind.offset else values
    if not len(values):
        return _HEADER.pack(0, 0, kind.element_oid, 0, 0)[:12]
    return _HEADER.pack(1, 0, kind.element_oid, len(values), 1) + rows.tobytes()


def dump_blobs(values: Iterable[bytes | None], element_oid: int) -> bytes:
    parts: list[bytes] = []
    size, has_null = 0, 0
    for size, value in enumerate(values, start=1):  # noqa: B007 - the last number is the length
        if value is None:
            has_null = 1
            parts.append(_NULL)
        else:
            parts += (_LENGTH.pack(len(value)), value)
    if not size:
        return _HEADER.pack(0, 0, element_oid, 0, 0)[:12]
    return _HEADER.pack(1, has_null, element_oid, size, 1) + b"".join(parts)


def load_array(data: Buffer, kind: _Kind) -> npt.NDArray[Any]:
    (dimensions,) = _DIMENSIONS.unpack_from(data)
    if not dimensions:
        return np.zeros(0, kind.dtype)
    values = np.frombuffer(data, kind.layout, offset=_HEADER.size)["value"].astype(kind.dtype)
    return values + kind.offset if kind.offset else values


def adapt(connection: AsyncConnection[Any]) -> None:
    """Teach a connection these parameters, and binary results that are arrays of numbers or instants."""
    for column, kind in _KINDS.items():
        connection.adapters.register_dumper(column, _dumper(kind))
    connection.adapters.register_dumper(Blobs, _BlobsDumper)
    connection.adapters.register_dumper(Texts, _TextsDumper)
    for oid, kind in _BY_ARRAY_OID.items():
        connection.adapters.register_loader(oid, _loader(kind))


def _dumper(kind: _Kind) -> type[Dumper]:
    class ColumnDumper(Dumper):
        format = Format.BINARY
        oid = kind.array_oid

        def dump(self, obj: _Column) -> bytes:
            return dump_array(obj)

    return ColumnDumper


class _BlobsDumper(Dumper):
    format = Format.BINARY
    oid = _BYTEA[1]

    def dump(self, obj: Blobs) -> bytes:
        return dump_blobs(obj.values, _BYTEA[0])


class _TextsDumper(Dumper):
    format = Format.BINARY
    oid = _TEXT[1]

    def dump(self, obj: Texts) -> bytes:
        return dump_blobs((None if text is None else text.encode() for text in obj.values), _TEXT[0])


def _loader(kind: _Kind) -> type[Loader]:
    class ColumnLoader(Loader):
        format = Format.BINARY

        def load(self, data: Buffer) -> npt.NDArray[Any]:
            return load_array(data, kind)

    return ColumnLoader
