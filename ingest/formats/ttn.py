"""The Things Network v3 uplinks (LoRaWAN): topic `v3/<application>@<tenant>/devices/<device>/up` (`docs/formats/ttn.md`).

The position is in `uplink_message.decoded_payload`, at its root or one object down (`gps_0`), under names that the device's
decoder chose (`Names`); else in `uplink_message.locations`. There the network leaves out what is 0: a longitude alone lies on
the equator. The instant is the payload's `time` where it has one, else the network's receipt (flagged).
Specification: The Things Stack, "Data formats".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Flag
from ingest.formats.each import Message, decode_each
from ingest.formats.freeform import DEFAULT_NAMES, Names, has_position, position_of
from ingest.formats.instants import NO_TIME, micros_of_one
from ingest.formats.refusing import Unreadable, an_object, parse_json
from ingest.protocol import Decoded

_GPS: Final = "SOURCE_GPS"
_NOT_EXTRAS: Final = frozenset({"time"})


class TtnUplink:
    """See the module."""

    name = "ttn"
    topics: tuple[str, ...] = ("v3/+/devices/+/up",)

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        self._names = names

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, self._read)

    def _read(self, message: Message) -> None:
        said = an_object(parse_json(message.payload))
        ident = _device_of(said, message.topic)
        try:
            uplink = an_object(said.get("uplink_message", {}), "uplink_message")
            values, others = self._position_values(uplink)
            if values is None:
                message.ignore()
                return
            time, flags = _instant(others, uplink, said, message.received)
            extras = {key: value for key, value in others.items() if key not in self._names.measures | _NOT_EXTRAS}
            extras |= {name: uplink[key] for key, name in (("f_cnt", "seq"), ("f_port", "f_port")) if key in uplink}
            message.add(ident, position_of(values, self._names, time=time, flags=flags, extras=extras))
        except Unreadable as unreadable:
            message.refuse(unreadable, ident)

    def _position_values(self, uplink: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
        """Where the position is (None: nowhere), and all that the payload says beside it."""
        payload = uplink.get("decoded_payload")
        decoded: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
        if has_position(decoded, self._names):
            return decoded, decoded
        for name, inner in decoded.items():
            if isinstance(inner, dict) and has_position(inner, self._names):
                return inner, {key: value for key, value in decoded.items() if key != name} | inner
        return _solved_location(uplink.get("locations")), decoded


def _solved_location(locations: Any) -> Mapping[str, Any] | None:
    """The position that the network knows, one by GPS first."""
    if not isinstance(locations, dict):
        return None
    known = [one for one in locations.values() if isinstance(one, dict) and ("latitude" in one or "longitude" in one)]
    known.sort(key=lambda one: one.get("source") != _GPS)
    return {"latitude": 0.0, "longitude": 0.0} | known[0] if known else None


def _instant(values: Mapping[str, Any], uplink: Mapping[str, Any], said: Mapping[str, Any], received: int) -> tuple[int, Flag]:
    measured = micros_of_one(values.get("time"))
    if measured != NO_TIME:
        return measured, Flag(0)
    for text in (uplink.get("received_at"), said.get("received_at")):
        at_network = micros_of_one(text)
        if at_network != NO_TIME:
            return at_network, Flag.TIME_OF_RECEIPT
    return received, Flag.TIME_OF_RECEIPT


def _device_of(said: Mapping[str, Any], topic: str) -> str:
    ids = said.get("end_device_ids")
    device = ids.get("device_id") if isinstance(ids, dict) else None
    if isinstance(device, str) and device:
        return device
    levels = topic.split("/")
    return levels[3] if len(levels) > 3 else ""
