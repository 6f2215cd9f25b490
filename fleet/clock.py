"""Instants: microseconds since 1970 UTC inside, RFC 3339 outside.

Columns hold instants as int64 microseconds (the resolution of PostgreSQL's timestamptz); records hold aware datetimes. This
module owns the conversions, so that no house invents its own rounding.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MICROS_PER_S: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MICRO: Final = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime; exact (no float on the way).

    Raises ValueError for a naive datetime.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - EPOCH) // _ONE_MICRO


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970. Raises OverflowError outside the years 1..9999."""
    return EPOCH + timedelta(microseconds=int(micros))


def rfc3339(instant: datetime) -> str:
    """`2026-02-16T15:58:03.120Z`: UTC, milliseconds unless microseconds are needed."""
    utc = instant.astimezone(UTC)
    spec = "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return utc.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def rfc3339_micros(micros: int) -> str:
    """RFC 3339 of microseconds since 1970 UTC."""
    return rfc3339(from_micros(micros))


def parse_rfc3339(text: str) -> datetime:
    """The aware UTC datetime of an RFC 3339 text.

    Raises ValueError where the text is no instant or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return instant.astimezone(UTC)
