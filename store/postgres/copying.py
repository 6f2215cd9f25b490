"""Columns as PostgreSQL's binary COPY format, without a Python object for any field.

A row of that format is the number of fields (int16), then for each field its length (int32) and its bytes, all big-endian;
NULL is the length -1 and no bytes. As long as the same fields are NULL, every row has the same layout, and a NumPy structured
array with big-endian fields and constant lengths *is* the format. So rows are grouped by which of their fields are NULL
(trackers of one kind say the same fields, so a batch has a handful of groups) and each group is one array. `extras` is the last
field, so that the one field of varying length follows a fixed part.

See docs/decisions/0004-store.md for what was measured, and against what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fleet.fix import NO_SATELLITES, FixBatch, Int32s

#: 2000-01-01, PostgreSQL's epoch, in microseconds since 1970.
POSTGRES_EPOCH_MICROS: Final = 946_684_800_000_000

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
#: About a megabyte.
_ROWS_A_BLOCK: Final = 8_192
_JSONB_VERSION: Final = 1

_REQUIRED: Final = (
    ("time", ">i8"),
    ("vehicle_id", ">i8"),
    ("lat", ">f8"),
    ("lon", ">f8"),
    ("received", ">i8"),
    ("batch", ">i8"),
    ("tenant_id", ">i4"),
    ("flags", ">i4"),
)
_NULLABLE: Final = (
    ("speed_mps", ">f4"),
    ("heading_deg", ">f4"),
    ("accuracy_m", ">f4"),
    ("altitude_m", ">f4"),
    ("satellites", ">i2"),
)
COLUMNS: Final = (*(name for name, _ in _REQUIRED + _NULLABLE), "extras")
_HAS_EXTRAS: Final = 1 << len(_NULLABLE)
_PATTERNS: Final = _HAS_EXTRAS << 1


@dataclass(frozen=True, slots=True)
class _Layout:
    """The rows in which the same fields are NULL."""

    template: npt.NDArray[np.void]
    columns: tuple[str, ...]


def encode(fixes: FixBatch, tenants: Int32s, batch: int) -> Iterator[bytes]:
    """The whole stream of a COPY of these fixes: header, rows, trailer. `tenants` is the tenant's key, one a row.

    In blocks, so that the server is busy with the first while the next is made.
    """
    yield HEADER
    for start in range(0, len(fixes), _ROWS_A_BLOCK):
        rows = np.arange(start, min(start + _ROWS_A_BLOCK, len(fixes)))
        whole = len(rows) == len(fixes)
        yield _encode_block(fixes if whole else fixes.take(rows), tenants[rows], batch)
    yield TRAILER


def _encode_block(fixes: FixBatch, tenants: Int32s, batch: int) -> bytes:
    patterns = _patterns(fixes)
    parts: list[bytes] = []
    for pattern in np.flatnonzero(np.bincount(patterns, minlength=_PATTERNS)).tolist():
        rows = np.flatnonzero(patterns == pattern)
        if len(rows) == len(fixes):
            parts += _encode_group(pattern, fixes, tenants, batch)
        else:
            parts += _encode_group(pattern, fixes.take(rows), tenants[rows], batch)
    return b"".join(parts)


def _patterns(fixes: FixBatch) -> npt.NDArray[np.int64]:
    """For each row a bit for each nullable column that is said, and one for extras."""
    said = np.zeros(len(fixes), np.int64)
    for bit, (name, _) in enumerate(_NULLABLE):
        column = getattr(fixes, name)
        is_said = column != NO_SATELLITES if name == "satellites" else ~np.isnan(column)
        said |= is_said.astype(np.int64) << bit
    if fixes.extras.count(None) < len(fixes):
        said |= np.fromiter((extra is not None for extra in fixes.extras), np.bool_, len(fixes)) * _HAS_EXTRAS
    return said


def _encode_group(pattern: int, fixes: FixBatch, tenants: Int32s, batch: int) -> list[bytes]:
    layout = _layout(pattern)
    rows = np.repeat(layout.template, len(fixes))
    rows["time"] = fixes.time - POSTGRES_EPOCH_MICROS
    rows["vehicle_id"] = fixes.vehicle
    rows["received"] = fixes.received - POSTGRES_EPOCH_MICROS
    rows["batch"] = batch
    rows["tenant_id"] = tenants
    for name in layout.columns:
        rows[name] = getattr(fixes, name)
    if not pattern & _HAS_EXTRAS:
        return [rows.tobytes()]
    return _with_extras(rows, fixes.extras)


def _with_extras(rows: npt.NDArray[np.void], extras: list[bytes | None]) -> list[bytes]:
    """Fixed parts and extras by turns."""
    said: list[bytes] = [extra for extra in extras if extra is not None]
    rows["extras_length"] = np.fromiter(map(len, said), np.int64, len(said)) + 1
    parts: list[bytes] = [b""] * (2 * len(said))
    parts[0::2] = rows.view(f"V{rows.dtype.itemsize}").tolist()
    parts[1::2] = said
    return parts


@lru_cache(maxsize=_PATTERNS)
def _layout(pattern: int) -> _Layout:
    """One row with its constants (number of fields, lengths), and the columns that are copied as they are."""
    said = [field for bit, field in enumerate(_NULLABLE) if pattern & (1 << bit)]
    dtype: list[tuple[str, str]] = [("fields", ">i2")]
    lengths: dict[str, int] = {"fields": len(COLUMNS)}
    for name, kind in _REQUIRED + _NULLABLE:
        dtype.append((f"{name}_length", ">i4"))
        if (name, kind) in _REQUIRED or (name, kind) in said:
            dtype.append((name, kind))
            lengths[f"{name}_length"] = np.dtype(kind).itemsize
        else:
            lengths[f"{name}_length"] = -1
    dtype.append(("extras_length", ">i4"))
    lengths["extras_length"] = -1
    if pattern & _HAS_EXTRAS:
        dtype.append(("extras_version", ">u1"))
        lengths["extras_version"] = _JSONB_VERSION
    template: npt.NDArray[Any] = np.zeros(1, np.dtype(dtype))
    for name, value in lengths.items():
        template[name] = value
    copied = ("lat", "lon", "flags", *(name for name, _ in said))
    return _Layout(template=template, columns=copied)
