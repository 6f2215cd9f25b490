"""Traccar Client's JSON (`docs/formats/traccar.md`): what the phone app posts by HTTP, carried on MQTT as `traccar/<device>`.

Speeds are m/s; -1 stands for "unknown". `location` may be an array of what was kept while there was no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.each import Message, decode_each
from ingest.formats.extras import in_words
from ingest.formats.instants import micros_of_one
from ingest.formats.refusing import Unreadable, an_object, kind_of, number, parse_json, required
from ingest.formats.rows import Row
from ingest.protocol import Decoded

_UNKNOWN: Final = -1
_KNOWN: Final = frozenset(
    {
        "timestamp",
        "coords",
        "battery",
        "activity",
        "extras",
        "odometer",
        "is_moving",
        "event",
        "_",
    }  # `_`: the same once more, as text
)


class TraccarClient:
    """See the module."""

    name = "traccar"
    topics: tuple[str, ...] = ("traccar/+",)

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, _read)


def _read(message: Message) -> None:
    said = an_object(parse_json(message.payload))
    device = said.get("device_id")
    ident = device if isinstance(device, str) and device else message.topic.rsplit("/", 1)[-1]
    if "location" not in said:
        raise Unreadable(Reason.MISSING_FIELD, "location is missing")
    location = said["location"]
    for item in location if isinstance(location, list) else [location]:
        try:
            message.add(ident, _row(an_object(item, "location")))
        except Unreadable as unreadable:
            message.refuse(unreadable, ident)
    if location == []:
        message.ignore()


def _row(location: Mapping[str, Any]) -> Row:
    if "timestamp" not in location:
        raise Unreadable(Reason.MISSING_FIELD, "location.timestamp is missing")
    timestamp = location["timestamp"]
    if isinstance(timestamp, bool) or not isinstance(timestamp, str | int):
        raise Unreadable(Reason.WRONG_TYPE, f"location.timestamp is {kind_of(timestamp)}")
    if "coords" not in location:
        raise Unreadable(Reason.MISSING_FIELD, "location.coords is missing")
    coords = an_object(location["coords"], "location.coords")
    return Row(
        time=micros_of_one(timestamp),
        lat=required(coords, "latitude"),
        lon=required(coords, "longitude"),
        speed_mps=_known(number(coords, "speed")),
        heading_deg=_known(number(coords, "heading")),
        accuracy_m=_known(number(coords, "accuracy")),
        altitude_m=number(coords, "altitude"),
        extras=_extras(location),
    )


def _known(value: float | None) -> float | None:
    return None if value == _UNKNOWN else value


def _extras(location: Mapping[str, Any]) -> dict[str, Any]:
    own = location.get("extras")
    extras: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    extras |= {key: value for key, value in location.items() if key not in _KNOWN}
    battery = location.get("battery")
    activity = location.get("activity")
    odometer = location.get("odometer")
    vocabulary = {
        "event": location.get("event"),
        "is_moving": location.get("is_moving"),
        "odometer_m": None if odometer == _UNKNOWN else odometer,
        "activity": activity.get("type") if isinstance(activity, dict) else activity,
    }
    if isinstance(battery, dict):
        level = battery.get("level")
        vocabulary |= {"battery_level": None if level == _UNKNOWN else level, "is_charging": battery.get("is_charging")}
    return extras | in_words(vocabulary)
