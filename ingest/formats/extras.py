"""What the position columns do not hold: one vocabulary across formats, and JSON that every store can keep.

The vocabulary is the table of `docs/formats/extras.md`; a test holds `VOCABULARY` and the decoders to it. Whatever else a tracker
says keeps the name that its format gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

#: PostgreSQL's jsonb holds no U+0000 (its manual, 8.14); the replacement character says that something stood there.
_NUL: Final = b"\\u0000"
_NUL_REPLACED: Final = b"\\ufffd"
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS


_STATES: Final = (
    "ignition", "is_moving", "door_open", "is_charging", "has_alarm", "is_unplugged", "is_towed", "has_crashed", "is_jammed",
)  # fmt: skip
_MEASURES: Final = (
    "odometer_m", "battery_v", "battery_level", "power_v", "hdop", "vertical_accuracy_m", "acceleration_mps2", "delay_s",
    "occupancy",
)  # fmt: skip
_TEXTS: Final = ("event", "line", "route", "direction", "stop", "source", "activity", "device_time")
#: The words, and the type of each: `boolean`, `number`, `text` or `integer`.
VOCABULARY: Final[Mapping[str, str]] = {
    "seq": "integer",
    **dict.fromkeys(_STATES, "boolean"),
    **dict.fromkeys(_MEASURES, "number"),
    **dict.fromkeys(_TEXTS, "text"),
}


def in_words(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under words of the vocabulary, without those that were not said (None). What is not of the word's type is kept under
    `said`, so that whoever reads a word may rely on its type."""
    fitting: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for word, value in values.items():
        if value is not None:
            (fitting if type_of(value) in _FITS[VOCABULARY[word]] else others)[word] = value
    return fitting | {"said": others} if others else fitting


def type_of(value: Any) -> str:
    """`boolean`, `integer`, `number`, `text`, or what it is otherwise."""
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "text"}.get(type(value), "other")


_FITS: Final = {"boolean": {"boolean"}, "integer": {"integer"}, "number": {"integer", "number"}, "text": {"text"}}


def encode_extras(extras: Mapping[str, Any]) -> bytes | None:
    """One JSON object as bytes, None where there is nothing to say.

    The values come from a JSON parser. Encoding them again (rather than keeping the tracker's bytes) leaves nothing in it that
    a parser lets pass and a database refuses: odd white space, doubled keys, lone surrogates, numbers without end.
    """
    if not extras:
        return None
    try:
        text = orjson.dumps(extras)
    except (TypeError, ValueError, RecursionError):
        text = orjson.dumps(_plain(extras, depth=0), option=_OPTIONS)
    return text.replace(_NUL, _NUL_REPLACED) if _NUL in text else text


def storable(value: Any) -> Any:
    """A parsed JSON value without what no database holds, as `encode_extras` writes it."""
    return orjson.loads(encode_extras({"value": value}) or b'{"value":null}')["value"]


def encode_all(extras: Sequence[Mapping[str, Any] | None]) -> list[bytes | None]:
    """`encode_extras` for a column."""
    return [encode_extras(one) if one else None for one in extras]


def with_extra(extras: bytes | None, key: str, value: str) -> bytes:
    """Encoded extras with one more member, which goes over what the tracker says under that name."""
    said = {} if extras is None else orjson.loads(extras)
    return orjson.dumps({**said, key: value})


#: Deeper than this a tracker's extras are cut; no device nests like that, and parsers downstream have limits of their own.
_DEEPEST: Final = 32


def _plain(value: Any, depth: int) -> Any:
    """The same value without what orjson cannot write: integers beyond 64 bits become floats or texts, the deepest is cut."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {_text(key): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _huge(value)
    return _text(value) if isinstance(value, str) else value


def _huge(value: int) -> float | str:
    try:
        return float(value)
    except OverflowError:
        return "number too large"


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()
