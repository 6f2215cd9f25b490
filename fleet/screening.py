"""Why a message or a fix was refused, and what makes a kept fix suspicious. The words are counted in metrics and kept with
each dead letter, so they never change their meaning."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Final


class Reason(StrEnum):
    """Why something is in the dead letters."""

    # the message as a whole
    UNKNOWN_TOPIC = "unknown_topic"
    INVALID_TOPIC = "invalid_topic"
    TOO_LARGE = "too_large"
    INVALID_UTF8 = "invalid_utf8"
    INVALID_JSON = "invalid_json"
    WRONG_TYPE = "wrong_type"
    MISSING_FIELD = "missing_field"
    INVALID_FRAME = "invalid_frame"
    BAD_CHECKSUM = "bad_checksum"
    WRONG_LENGTH = "wrong_length"
    UNSUPPORTED = "unsupported"
    ENCRYPTED = "encrypted"
    NOT_A_FIX = "not_a_fix"
    UNKNOWN_TRACKER = "unknown_tracker"
    REFUSED_BY_DATABASE = "refused_by_database"
    # one fix
    NO_POSITION = "no_position"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NULL_ISLAND = "null_island"
    SWAPPED = "swapped"
    INVALID_TIME = "invalid_time"
    FUTURE = "future"
    TOO_OLD = "too_old"
    TELEPORT = "teleport"
    INACCURATE = "inaccurate"


class Flag(IntFlag):
    """Bits of `FixBatch.flags`: the fix is kept, and one of these makes it suspicious."""

    TELEPORT = 1 << 0
    INACCURATE = 1 << 1
    CLOCK_CORRECTED = 1 << 2
    WEEK_ROLLOVER_CORRECTED = 1 << 3
    STATIC_DRIFT = 1 << 4
    TIME_OF_RECEIPT = 1 << 5
    DEAD_RECKONED = 1 << 6
    SWAPPED = 1 << 7


#: A fix with one of these is kept, and not taken for where its vehicle is: no map shows it there.
ELSEWHERE: Final = Flag.TELEPORT | Flag.SWAPPED
