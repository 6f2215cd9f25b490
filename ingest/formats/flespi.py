"""flespi: topic `flespi/message/gw/devices/<id>`, a flat JSON object or an array of them (`docs/formats/flespi.md`).

One decoder for hundreds of devices, as flespi gives all of them the same names. Speeds are km/h, instants unix seconds with a
fraction, mileage kilometres. Specification: flespi, "Telemetry message parameters".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.each import Message, decode_each, from_kmh
from ingest.formats.instants import micros_of_seconds
from ingest.formats.refusing import Unreadable, an_object, number, parse_json, required, whole
from ingest.formats.rows import Row
from ingest.protocol import Decoded

_POSITION: Final = frozenset(
    f"position.{name}" for name in ("latitude", "longitude", "altitude", "speed", "direction", "satellites", "valid", "hdop")
)
_STATES: Final = {
    "engine.ignition.status": "ignition",
    "movement.status": "is_moving",
    "battery.charging.status": "is_charging",
    "door.open.status": "door_open",
    "towing.status": "is_towed",
}
_NUMBERS: Final = {
    "battery.voltage": "battery_v",
    "external.powersource.voltage": "power_v",
    "record.seqnum": "seq",
    "position.hdop": "hdop",
}
_METRES_PER_KM: Final = 1000


class Flespi:
    """See the module."""

    name = "flespi"
    topics: tuple[str, ...] = ("flespi/message/gw/devices/+",)

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, _read)


def _read(message: Message) -> None:
    value = parse_json(message.payload)
    items = value if isinstance(value, list) else [value]
    of_topic = message.topic.rsplit("/", 1)[-1]
    is_silent = True
    for item in items:
        said = an_object(item, "the message")
        ident = said.get("ident")
        tracker = ident if isinstance(ident, str) and ident else of_topic
        if "position.latitude" not in said and "position.longitude" not in said:
            continue  # many devices report inputs and states between positions
        is_silent = False
        try:
            message.add(tracker, _row(said))
        except Unreadable as unreadable:
            message.refuse(unreadable, tracker)
    if is_silent:
        message.ignore()


def _row(said: Mapping[str, Any]) -> Row:
    if said.get("position.valid") is False:
        raise Unreadable(Reason.NO_POSITION, "position.valid is false")
    if "timestamp" not in said:
        raise Unreadable(Reason.MISSING_FIELD, "timestamp is missing")
    number(said, "timestamp")
    return Row(
        time=micros_of_seconds(said["timestamp"]),
        lat=required(said, "position.latitude"),
        lon=required(said, "position.longitude"),
        speed_mps=from_kmh(number(said, "position.speed")),
        heading_deg=number(said, "position.direction"),
        altitude_m=number(said, "position.altitude"),
        satellites=whole(said, "position.satellites"),
        extras=_extras(said),
    )


def _extras(said: Mapping[str, Any]) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    for key, value in said.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in _STATES and isinstance(value, bool):
            extras[_STATES[key]] = value
        elif key in _NUMBERS and is_number:
            extras[_NUMBERS[key]] = value
        elif key == "vehicle.mileage" and is_number:
            extras["odometer_m"] = value * _METRES_PER_KM
        elif key == "battery.level" and is_number:
            extras["battery_level"] = value / 100
        elif key not in _POSITION and key not in {"ident", "timestamp"}:
            extras[key] = value
    return extras
