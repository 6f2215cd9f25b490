"""Teltonika over MQTT: topic `<IMEI>/data`, AVL frames or JSON (`docs/formats/teltonika.md`).

The same topic carries either, told apart by the first byte: `{` is JSON, 0 the preamble of a frame. Speeds are km/h; a report
with 0 satellites has no fix. Specification: Teltonika wiki, "Teltonika AVL Protocols" and "AVL IDs".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.each import Message, decode_each, from_kmh
from ingest.formats.instants import NO_TIME, micros_of_one
from ingest.formats.refusing import Unreadable, an_object, kind_of, number, parse_json, whole
from ingest.formats.rows import Row
from ingest.formats.teltonika_frame import AvlRecord, records_of
from ingest.protocol import Decoded

_MILLI: Final = 1000
#: AVL ids that the vocabulary has a word for; what is not here stays under `io` by its id.
_FLAGS: Final = {
    "236": "has_alarm",
    "239": "ignition",
    "240": "is_moving",
    "246": "is_towed",
    "247": "has_crashed",
    "249": "is_jammed",
    "252": "is_unplugged",
}
_NUMBERS: Final = {"16": ("odometer_m", 1), "66": ("power_v", _MILLI), "67": ("battery_v", _MILLI), "113": ("battery_level", 100),
                   "182": ("hdop", 10)}  # fmt: skip
#: Members of the JSON report that are not AVL ids.
_MEMBERS: Final = frozenset({"ts", "pr", "latlng", "alt", "ang", "sat", "sp", "evt"})


class Teltonika:
    """Codec 8, 8 Extended and 16, and JSON; see the module."""

    name = "teltonika"
    topics: tuple[str, ...] = ("+/data", "teltonika/+/data")

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, _read)


def _read(message: Message) -> None:
    levels = message.topic.split("/")
    ident = levels[-2] if len(levels) > 1 else ""
    try:
        if message.payload[:1] == b"\0":
            _read_frame(message, ident)
        else:
            _read_json(message, ident)
    except Unreadable as unreadable:
        message.refuse(unreadable, ident)


def _read_frame(message: Message, ident: str) -> None:
    for record in records_of(message.payload):
        if not record.satellites:
            message.refuse(Unreadable(Reason.NO_POSITION, "0 satellites"), ident)
            continue
        message.add(ident, _row_of_record(record))


def _row_of_record(record: AvlRecord) -> Row:
    return Row(
        time=micros_of_one(record.time_ms),
        lat=record.lat_e7 / 1e7,
        lon=record.lon_e7 / 1e7,
        speed_mps=from_kmh(record.speed_kmh),
        heading_deg=record.angle_deg,
        altitude_m=record.altitude_m,
        satellites=record.satellites,
        extras=_extras(record.io, record.priority, record.event),
    )


def _read_json(message: Message, ident: str) -> None:
    said = an_object(parse_json(message.payload))
    if "RSP" in said:
        message.answer(ident, said["RSP"])
        return
    state = said.get("state")
    reported = state.get("reported") if isinstance(state, dict) else None
    values = reported if isinstance(reported, dict) else said
    if "latlng" not in values:
        raise Unreadable(Reason.MISSING_FIELD, "latlng is missing")
    if whole(values, "sat") == 0:
        raise Unreadable(Reason.NO_POSITION, "0 satellites")
    lat, lon = _latlng(values["latlng"])
    message.add(
        ident,
        Row(
            time=_time(values),
            lat=lat,
            lon=lon,
            speed_mps=from_kmh(number(values, "sp")),
            heading_deg=number(values, "ang"),
            altitude_m=number(values, "alt"),
            satellites=whole(values, "sat"),
            extras=_extras(
                {key: value for key, value in values.items() if key not in _MEMBERS}, values.get("pr"), values.get("evt")
            ),
        ),
    )


def _latlng(text: object) -> tuple[float, float]:
    """`"54.66,25.25"`"""
    if not isinstance(text, str):
        raise Unreadable(Reason.WRONG_TYPE, f"latlng is {kind_of(text)}, not a text")
    lat, comma, lon = text.partition(",")
    try:
        return float(lat), float(lon)
    except ValueError:
        raise Unreadable(Reason.NOT_A_NUMBER, f"latlng is {kind_of(text)}{'' if comma else ', without a comma'}") from None


def _time(values: Mapping[str, Any]) -> int:
    """`ts`, milliseconds as a number or a text."""
    if "ts" not in values:
        raise Unreadable(Reason.MISSING_FIELD, "ts is missing")
    ts = values["ts"]
    if isinstance(ts, str):
        return micros_of_one(int(ts)) if ts.isascii() and ts.isdecimal() and len(ts) <= 16 else NO_TIME
    return micros_of_one(whole(values, "ts"))


def _extras(io: Mapping[str, Any], priority: Any, event: Any) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in io.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in _FLAGS and is_number and value in {0, 1}:
            extras[_FLAGS[key]] = bool(value)
        elif key in _NUMBERS and is_number:
            name, divisor = _NUMBERS[key]
            extras[name] = value if divisor == 1 else value / divisor
        else:
            rest[key] = value
    if rest:
        extras["io"] = rest
    if priority:
        extras["priority"] = priority
    if event:
        extras["event"] = str(event)
    return extras
