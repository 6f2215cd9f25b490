"""Instants as trackers write them, in bulk: RFC 3339 texts and integer milliseconds to microseconds since 1970 UTC.

A batch almost always holds texts of one shape (`2026-02-16T15:58:03.120Z`), so the digits are read as one byte matrix with no
Python per text; whatever is shaped otherwise is read one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.clock import MICROS_PER_S, parse_rfc3339, to_micros
from fleet.fix import Int64s

#: What stands in a column where there is no usable instant; screening refuses it.
NO_TIME: Final = np.iinfo(np.int64).min
#: Milliseconds beyond this (about the year 9999) are no instant; it also keeps the product with 1000 within int64.
_LARGEST_MS: Final = 253_402_300_800_000

_ZERO: Final = ord("0")
_DATE_AND_TIME: Final = len("2026-02-16T15:58:03")
_DIGITS: Final = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18])
_MARKS: Final = ((4, b"-"), (7, b"-"), (13, b":"), (16, b":"))
_DAYS_IN_MONTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def micros_of(times: Sequence[str | int]) -> Int64s:
    """Microseconds of RFC 3339 texts and integer milliseconds, mixed; NO_TIME where one is neither."""
    if times and isinstance(times[0], int):
        try:
            return micros_of_ms(np.frombuffer(struct.pack(f"{len(times)}q", *times), np.int64))
        except struct.error:  # a text among them, or what int64 cannot hold
            pass
    elif set(map(type, times)) == {str}:
        return micros_of_texts(times)  # type: ignore[arg-type] # all of them are texts, as was just seen
    return np.array([micros_of_one(time) for time in times], np.int64)


def micros_of_ms(milliseconds: Int64s) -> Int64s:
    """Microseconds of a column of milliseconds; NO_TIME beyond the year 9999 and before year 1."""
    usable = np.abs(milliseconds) < _LARGEST_MS
    return np.where(usable, np.where(usable, milliseconds, 0) * 1000, NO_TIME)


def micros_of_texts(texts: Sequence[str]) -> Int64s:
    """Microseconds of RFC 3339 texts; NO_TIME for a text that is none."""
    lengths = set(map(len, texts))
    if len(lengths) == 1:
        (length,) = lengths
        try:
            raw = "".join(texts).encode("ascii")
        except UnicodeEncodeError:
            raw = b""
        if len(raw) == length * len(texts):
            micros = _micros_of_matrix(np.frombuffer(raw, np.uint8).reshape(len(texts), length))
            if micros is not None:
                return micros
    return np.array([micros_of_one(text) for text in texts], np.int64)


def micros_of_one(time: object) -> int:
    """The plain path: microseconds of one RFC 3339 text or integer of milliseconds, NO_TIME for anything else."""
    if isinstance(time, str):
        try:
            return to_micros(parse_rfc3339(time))
        except (ValueError, OverflowError):
            return int(NO_TIME)
    if isinstance(time, int) and not isinstance(time, bool) and abs(time) < _LARGEST_MS:
        return time * 1000
    return int(NO_TIME)


def micros_of_seconds(seconds: object) -> int:
    """Microseconds of unix seconds with or without a fraction, NO_TIME for anything else (NaN included)."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return int(NO_TIME)
    if not abs(seconds) < _LARGEST_MS / 1000:
        return int(NO_TIME)
    return round(seconds * MICROS_PER_S)


def _micros_of_matrix(text: npt.NDArray[np.uint8]) -> Int64s | None:
    """Microseconds of texts of one length, `YYYY-MM-DDTHH:MM:SS[.f{1,6}]Z`; None where one of them is shaped otherwise.

    `text` is (N, length) uint8.
    """
    length = text.shape[1]
    fraction_digits = length - _DATE_AND_TIME - 2
    if length != _DATE_AND_TIME + 1 and not 1 <= fraction_digits <= 6:
        return None
    marks = [*_MARKS, (length - 1, b"Z")]
    if fraction_digits >= 1:
        marks.append((_DATE_AND_TIME, b"."))
    if not all((text[:, at] == mark[0]).all() for at, mark in marks) or not np.isin(text[:, 10], list(b"Tt ")).all():
        return None
    digits = text[:, _DIGITS].astype(np.int64) - _ZERO
    fraction = text[:, _DATE_AND_TIME + 1 : length - 1].astype(np.int64) - _ZERO
    if ((digits < 0) | (digits > 9)).any() or ((fraction < 0) | (fraction > 9)).any():
        return None
    year = digits[:, :4] @ (1000, 100, 10, 1)
    month, day, hour, minute, second = (digits[:, 4::2] * 10 + digits[:, 5::2]).T
    if not _is_calendar(year, month, day, hour, minute, second):
        return None
    micros = (_days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * MICROS_PER_S
    if fraction_digits >= 1:
        micros += fraction @ (10 ** np.arange(5, 5 - fraction_digits, -1))
    return np.asarray(micros, np.int64)


def _is_calendar(year: Int64s, month: Int64s, day: Int64s, hour: Int64s, minute: Int64s, second: Int64s) -> bool:
    """Whether all are real dates and times of day (no leap seconds: Python's datetime knows none either)."""
    if ((year < 1) | (month < 1) | (month > 12) | (day < 1) | (hour > 23) | (minute > 59) | (second > 59)).any():
        return False
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return bool((day <= _DAYS_IN_MONTH[month] + ((month == 2) & is_leap)).all())


def _days_since_1970(year: Int64s, month: Int64s, day: Int64s) -> Int64s:
    """Days of proleptic Gregorian dates, counted in years that begin in March, so that the leap day comes last.

    Formula: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days_from_civil), here for years >= 1.
    """
    shifted_year = year - (month <= 2)
    era = shifted_year // 400
    year_of_era = shifted_year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return np.asarray(era * 146_097 + day_of_era - 719_468, np.int64)
