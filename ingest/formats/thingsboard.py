"""ThingsBoard telemetry, of a device and of a gateway (`docs/formats/thingsboard.md`).

Device, `v1/devices/<device>/telemetry`: `{...}`, `{"ts": ms, "values": {...}}`, or an array of either. On ThingsBoard itself
the level is always `me` and the credentials say who that is; a bridge to this server must put the device's name there (or
in the key `ident`), else all of them would be one tracker. Gateway, `v1/gateway/telemetry`: `{device: [{"ts", "values"}]}`.
Without `ts` the instant of receipt counts, and the fix is flagged for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fleet.message import MessageBatch
from fleet.screening import Flag
from ingest.formats.each import Message, decode_each
from ingest.formats.freeform import DEFAULT_NAMES, Names, has_position, position_of
from ingest.formats.instants import micros_of_one
from ingest.formats.refusing import Unreadable, an_object, parse_json, whole
from ingest.protocol import Decoded

_GATEWAY: Final = "v1/gateway/telemetry"


class ThingsBoard:
    """See the module."""

    name = "thingsboard"
    topics: tuple[str, ...] = ("v1/devices/+/telemetry", _GATEWAY)

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        self._names = names

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        return decode_each(batch, default_tenant, self._read)

    def _read(self, message: Message) -> None:
        value = parse_json(message.payload)
        if message.topic.endswith("gateway/telemetry"):
            by_device = an_object(value)
        else:
            levels = message.topic.split("/")
            by_device = {levels[-2] if len(levels) > 1 else "": value}
        found = [self._take(message, device, item) for device, items in by_device.items() for item in _listed(items)]
        if not any(found):
            message.ignore()

    def _take(self, message: Message, device: str, item: Any) -> bool:
        """Whether the item was a position, or should have been one."""
        try:
            values, time, flags = _timed(an_object(item, "the telemetry"), message.received)
            if not has_position(values, self._names):
                return False
            ident = values.get("ident")
            extras = {key: value for key, value in values.items() if key not in self._names.measures and key != "ident"}
            row = position_of(values, self._names, time=time, flags=flags, extras=extras)
            message.add(ident if isinstance(ident, str) and ident else device, row)
        except Unreadable as unreadable:
            message.refuse(unreadable, device)
        return True


def _listed(items: Any) -> list[Any]:
    return items if isinstance(items, list) else [items]


def _timed(item: Mapping[str, Any], received: int) -> tuple[Mapping[str, Any], int, Flag]:
    """Values, instant and flags of one piece of telemetry."""
    if "values" not in item:
        return item, received, Flag.TIME_OF_RECEIPT
    values = an_object(item["values"], "values")
    milliseconds = whole(item, "ts")
    if milliseconds is None:
        return values, received, Flag.TIME_OF_RECEIPT
    return values, micros_of_one(milliseconds), Flag(0)
