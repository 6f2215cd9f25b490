"""OwnTracks: topic `owntracks/<user>/<device>`, JSON with `_type: location` (`docs/formats/owntracks.md`).

Speeds are km/h, zeros are left out by the app, so a missing value is not said. The tracker is `<user>/<device>`.
Specification: OwnTracks Booklet, "JSON" (owntracks.org/booklet/tech/json).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.each import Message, decode_each, from_kmh
from ingest.formats.extras import in_words
from ingest.formats.instants import micros_of_seconds
from ingest.formats.refusing import Unreadable, an_object, kind_of, number, parse_json, quoted, required
from ingest.formats.rows import Row
from ingest.protocol import Decoded

#: Messages of the app that are rightly no fix.
_OTHER_TYPES: Final = frozenset(
    {"beacon", "card", "cmd", "configuration", "dump", "lwt", "request", "status", "steps", "transition", "waypoint", "waypoints"}
)
_CHARGING: Final = 2
_KNOWN: Final = frozenset({"_type", "lat", "lon", "tst", "acc", "alt", "vel", "cog", "batt", "bs", "t", "vac"})


class OwnTracks:
    """See the module."""

    name = "owntracks"
    topics: tuple[str, ...] = ("owntracks/+/+", "owntracks/+/+/event", "owntracks/+/+/waypoint")

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, _read)


def _read(message: Message) -> None:
    said = an_object(parse_json(message.payload))
    kind = said.get("_type")
    if kind == "encrypted":
        raise Unreadable(Reason.ENCRYPTED, "the payload is encrypted by the app")
    if isinstance(kind, str) and kind in _OTHER_TYPES:
        message.ignore()
        return
    if kind != "location":
        raise _no_location(said)
    levels = message.topic.split("/")
    ident = "/".join(levels[1:3])
    try:
        message.add(ident, _row(said))
    except Unreadable as unreadable:
        message.refuse(unreadable, ident)


def _no_location(said: Mapping[str, Any]) -> Unreadable:
    if "_type" not in said:
        return Unreadable(Reason.MISSING_FIELD, "_type is missing")
    kind = said["_type"]
    return Unreadable(Reason.NOT_A_FIX, f"_type is {quoted(kind) if isinstance(kind, str) else kind_of(kind)}, not 'location'")


def _row(said: Mapping[str, Any]) -> Row:
    if "tst" not in said:
        raise Unreadable(Reason.MISSING_FIELD, "tst is missing")
    number(said, "tst")
    return Row(
        time=micros_of_seconds(said["tst"]),
        lat=required(said, "lat"),
        lon=required(said, "lon"),
        speed_mps=from_kmh(number(said, "vel")),
        heading_deg=number(said, "cog"),
        accuracy_m=number(said, "acc"),
        altitude_m=number(said, "alt"),
        extras=_extras(said),
    )


def _extras(said: Mapping[str, Any]) -> dict[str, Any]:
    level = number(said, "batt")
    vocabulary = {
        "event": said.get("t"),
        "battery_level": None if level is None else level / 100,
        "is_charging": said["bs"] == _CHARGING if "bs" in said else None,
        "vertical_accuracy_m": said.get("vac"),
    }
    others = {key: value for key, value in said.items() if key not in _KNOWN}
    return others | in_words(vocabulary)
