"""What no database could hold, found before it is sent: one such row would make the database refuse the whole batch.

Screening refuses what makes no sense on the road; this module only knows what the columns can hold. It is the last gate, so
that a defect in a format or in screening costs one fix and not a fleet.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import orjson

from fleet.clock import from_micros, rfc3339, to_micros
from fleet.etas import Etas
from fleet.fix import FixBatch
from fleet.message import DeadLetter, MessageBatch
from fleet.screening import Reason
from store.errors import Rejected

#: The start of GPS time, and an end that keeps the number of partitions (one a day) within bounds.
EARLIEST_MICROS: Final = to_micros(datetime(1980, 1, 6, tzinfo=UTC))
LATEST_MICROS: Final = to_micros(datetime(2100, 1, 1, tzinfo=UTC))
#: PostgreSQL's text and jsonb hold every character but this one.
_ESCAPED_NUL: Final = b"\\u0000"
_JOINT: Final = b","


def unstorable(fixes: FixBatch) -> dict[int, str]:
    """Row -> what is wrong with it, in words for the person who looks. Empty for nearly every batch."""
    problems: dict[int, str] = {}
    with np.errstate(invalid="ignore"):
        lat_ok = np.abs(fixes.lat) <= 90.0  # False for NaN too
        lon_ok = np.abs(fixes.lon) <= 180.0
    time_ok = (fixes.time >= EARLIEST_MICROS) & (fixes.time < LATEST_MICROS)
    received_ok = (fixes.received >= 0) & (fixes.received < LATEST_MICROS)
    known = fixes.vehicle > 0
    for row in np.flatnonzero(~(lat_ok & lon_ok & time_ok & received_ok & known)).tolist():
        if not known[row]:
            problems[row] = "the vehicle is not known"
        elif not time_ok[row]:
            problems[row] = f"time: {fixes.time[row]} us since 1970 is before 1980 or after 2099"
        elif not received_ok[row]:
            problems[row] = f"received: {fixes.received[row]} us since 1970 is before 1970 or after 2099"
        else:
            problems[row] = f"lat, lon: {fixes.lat[row]}, {fixes.lon[row]} is no place"
    problems.update(_bad_extras(fixes.extras))
    return problems


def _bad_extras(extras: list[bytes | None]) -> dict[int, str]:
    """All of them in one parse; one by one only where that fails."""
    said = [extra for extra in extras if extra is not None]
    if not said:
        return {}
    joined = b"[" + _JOINT.join(said) + b"]"
    if _ESCAPED_NUL not in joined:
        try:
            parsed = orjson.loads(joined)
        except orjson.JSONDecodeError:
            parsed = None
        if parsed is not None and len(parsed) == len(said) and all(type(each) is dict for each in parsed):
            return {}
    found = ((row, _extras_problem(extra)) for row, extra in enumerate(extras) if extra is not None)
    return {row: problem for row, problem in found if problem is not None}


def _extras_problem(extra: bytes) -> str | None:
    try:
        parsed = orjson.loads(extra)
    except orjson.JSONDecodeError as problem:
        return f"extras: {problem}"
    if not isinstance(parsed, dict):
        return "extras: not a JSON object"
    if _ESCAPED_NUL in extra and holds_nul(parsed):
        return "extras: a text holds the character NUL"
    return None


def dump_json(value: Any) -> bytes:
    """JSON in UTF-8. Raises Rejected for what is no JSON: other types, texts that are not Unicode."""
    try:
        return orjson.dumps(value, default=_as_list)
    except orjson.JSONEncodeError as problem:
        raise Rejected(f"cannot be stored as JSON: {problem}") from problem


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, Etas):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def holds_nul(value: Any) -> bool:
    """Whether any text in a parsed JSON value, keys included, holds U+0000."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or holds_nul(each) for key, each in value.items())
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return False


def refused_letters(fixes: FixBatch, problems: dict[int, str], messages: MessageBatch | None) -> list[DeadLetter]:
    """A dead letter for each unstorable row: with its message where that is at hand, else with the fix written out."""
    return [_letter(fixes, row, problem, messages) for row, problem in problems.items()]


def storable_letter(letter: DeadLetter) -> DeadLetter:
    """The dead letter with texts that every database holds: it is where poison ends, so it must never be refused itself."""
    return replace(
        letter,
        topic=_clean(letter.topic),
        detail=_clean(letter.detail),
        tenant=None if letter.tenant is None else _clean(letter.tenant),
        tracker=None if letter.tracker is None else _clean(letter.tracker),
    )


def _clean(text: str) -> str:
    """NUL and lone surrogates become U+FFFD."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode() if not text.isascii() or "\0" in text else text


def _letter(fixes: FixBatch, row: int, problem: str, messages: MessageBatch | None) -> DeadLetter:
    topic, payload = "", _written_out(fixes, row)
    if messages is not None and 0 <= (message := int(fixes.message[row])) < len(messages):
        topic, payload = messages.topics[message], messages.payloads[message]
    received = int(np.clip(fixes.received[row], 0, LATEST_MICROS))
    return DeadLetter(
        received_at=from_micros(received),
        topic=topic,
        payload=payload,
        payload_bytes=len(payload),
        reason=Reason.REFUSED_BY_DATABASE,
        detail=problem,
    )


def _written_out(fixes: FixBatch, row: int) -> bytes:
    micros = int(fixes.time[row])
    time = rfc3339(from_micros(micros)) if EARLIEST_MICROS <= micros < LATEST_MICROS else micros
    extra = fixes.extras[row]
    return orjson.dumps(
        {
            "vehicle_key": int(fixes.vehicle[row]),
            "time": time,
            "lat": float(fixes.lat[row]),
            "lon": float(fixes.lon[row]),
            "extras": None if extra is None else extra.decode(errors="replace"),
        }
    )
