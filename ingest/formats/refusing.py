"""Why a payload could not be read, in the words of `fleet.screening.Reason`, with one sentence for the person who looks.

Bulk decoders say only that a message is bad; these functions are asked afterwards, about that message alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fleet.screening import Reason

#: Numbers that JSON has no word for, and that some firmware writes all the same.
_NOT_A_NUMBER: Final = re.compile(rb"(?<![\w\"])[-+]?(?:NaN|nan|Infinity|inf)\b")
#: Longest piece of a tracker's text that is repeated in a detail.
_LONGEST_QUOTE: Final = 60


class Unreadable(Exception):
    """One message or one fix in it cannot be read."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a value may be at most; beyond, it is no measurement."""

    smallest: float = -math.inf
    largest: float = math.inf


def parse_json(payload: bytes) -> Any:
    """The one JSON value that the payload is. Raises Unreadable with the reason."""
    try:
        return msgspec.json.decode(payload)
    except RecursionError:
        raise Unreadable(Reason.INVALID_JSON, "nested too deeply") from None
    except UnicodeDecodeError as exc:
        raise Unreadable(Reason.INVALID_UTF8, f"byte {exc.start} of a text is not UTF-8") from None
    except ValueError as exc:
        raise _unparsed(payload, exc) from None


def _unparsed(payload: bytes, error: ValueError) -> Unreadable:
    if not payload.strip():
        return Unreadable(Reason.INVALID_JSON, "empty payload")
    try:
        payload.decode()
    except UnicodeDecodeError as exc:
        return Unreadable(Reason.INVALID_UTF8, f"byte {exc.start} is not UTF-8")
    number = _NOT_A_NUMBER.search(payload)
    if number is not None:
        return Unreadable(Reason.NOT_A_NUMBER, f"{number.group().decode()} is not a number of JSON")
    text = str(error)
    if "out of range" in text:
        return Unreadable(Reason.OUT_OF_RANGE, text)
    return Unreadable(Reason.INVALID_JSON, text)


def an_object(value: Any, what: str = "the payload") -> dict[str, Any]:
    """The value as a JSON object. Raises Unreadable (WRONG_TYPE)."""
    if not isinstance(value, dict):
        raise Unreadable(Reason.WRONG_TYPE, f"{what} is {kind_of(value)}, not an object")
    return value


def number(source: Mapping[str, Any], name: str, limits: Limits | None = None) -> float | None:
    """The number `name`, None where it is missing or null. Raises Unreadable for any other type, NaN or beyond the limits."""
    value = source.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(Reason.WRONG_TYPE, f"{name} is {kind_of(value)}, not a number")
    try:
        number = float(value)
    except OverflowError:
        raise Unreadable(Reason.OUT_OF_RANGE, f"{name} is too large") from None
    if math.isnan(number):
        raise Unreadable(Reason.NOT_A_NUMBER, f"{name} is not a number")
    if limits is not None and not limits.smallest <= number <= limits.largest:
        raise Unreadable(Reason.OUT_OF_RANGE, f"{name} is {number:g}")
    return number


def whole(source: Mapping[str, Any], name: str) -> int | None:
    """The integer `name` (an integral float will do), None where it is missing or null. Raises Unreadable otherwise."""
    value = source.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number_value = number(source, name)
    if number_value is None:
        return None
    if not number_value.is_integer():
        raise Unreadable(Reason.WRONG_TYPE, f"{name} is {number_value:g}, not a whole number")
    return int(number_value)


def required(source: Mapping[str, Any], name: str) -> float:
    """The number `name`. Raises Unreadable where it is missing (MISSING_FIELD), null (NO_POSITION) or no number."""
    if name not in source:
        raise Unreadable(Reason.MISSING_FIELD, f"{name} is missing")
    value = number(source, name)
    if value is None:
        raise Unreadable(Reason.NO_POSITION, f"{name} is null")
    return value


def kind_of(value: object) -> str:
    """The JSON type of a value, with an article and, for a short text, the text."""
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    kinds: dict[type, str] = {
        bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "an object", type(None): "null",
    }  # fmt: skip
    return kinds.get(type(value), f"a {type(value).__name__}")


def quoted(text: str) -> str:
    """The text in quotes, on one line and not too long."""
    shown = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return ascii(shown) if not shown.isprintable() else f"'{shown}'"
