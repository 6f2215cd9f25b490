"""A command in the tracker's own format: topic, payload, and how its answer is told from others.

Sources of the formats:

* native: `docs/formats/native.md`.
* Teltonika: Teltonika wiki, "MQTT": `{"CMD": text}` on `<IMEI>/commands`, answered by `{"RSP": text}` on `<IMEI>/data`.
* OwnTracks: OwnTracks Booklet, "Remote Commands": `{"_type": "cmd", "action": ...}` on `owntracks/<user>/<device>/cmd`.
* ThingsBoard: "MQTT Device API Reference", server-side RPC: `{"method", "params"}` on `v1/devices/<device>/rpc/request/<number>`.
* The Things Stack: "MQTT Server", downlinks: `{"downlinks": [...]}` on `v3/<application>@<tenant>/devices/<device>/down/push`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from fleet.command import CORRELATION, Answers, Downlink, Uplink
from fleet.errors import InvalidValue

_LORAWAN_PORTS: Final = range(1, 224)
_LARGEST_LORAWAN_HEX: Final = 2 * 242

_Encode = Callable[[Uplink, str, str, Mapping[str, Any]], Downlink]


def encode(uplink: Uplink, id: str, command: str, params: Mapping[str, Any]) -> Downlink:  # noqa: A002 - the domain's word
    """The command `id` to the tracker that was heard on this uplink. Raises InvalidValue for what the format cannot say."""
    encoder = _ENCODERS.get(uplink.format)
    if encoder is None:
        known = ", ".join(sorted(_ENCODERS))
        raise InvalidValue("format", f"trackers that speak {uplink.format!r} take no commands over MQTT; these do: {known}")
    return encoder(uplink, id, command, params)


def _native(uplink: Uplink, id_: str, command: str, params: Mapping[str, Any]) -> Downlink:
    topic = f"fleet/{uplink.tenant}/{uplink.tracker}/command"
    payload: dict[str, Any] = {"id": id_, "command": command}
    if params:
        payload["params"] = params
    return Downlink(topic=topic, payload=orjson.dumps(payload), answers=Answers.BY_KEY, answer_key=id_)


def _teltonika(uplink: Uplink, _id: str, command: str, params: Mapping[str, Any]) -> Downlink:
    if params:
        raise InvalidValue("params", "a Teltonika command is one text: say all of it in command")
    topic = f"{uplink.topic.rpartition('/')[0] or uplink.tracker}/commands"
    return Downlink(topic=topic, payload=orjson.dumps({"CMD": command}), answers=Answers.IN_ORDER)


def _owntracks(uplink: Uplink, _id: str, command: str, params: Mapping[str, Any]) -> Downlink:
    payload = {**params, "_type": "cmd", "action": command}
    return Downlink(topic=f"owntracks/{uplink.tracker}/cmd", payload=orjson.dumps(payload), answers=Answers.NEVER)


def _thingsboard(uplink: Uplink, id_: str, command: str, params: Mapping[str, Any]) -> Downlink:
    if uplink.topic == "v1/gateway/telemetry":
        raise InvalidValue("tracker", "it is behind a ThingsBoard gateway, and commands to such are not supported")
    # A request id is a whole number there; 31 bits are what every client can hold.
    number = str(int.from_bytes(hashlib.sha256(id_.encode()).digest()[:4], "big") >> 1)
    topic = f"v1/devices/{uplink.tracker}/rpc/request/{number}"
    payload = orjson.dumps({"method": command, "params": dict(params)})
    return Downlink(topic=topic, payload=payload, answers=Answers.BY_KEY, answer_key=number)


def _ttn(uplink: Uplink, id_: str, command: str, params: Mapping[str, Any]) -> Downlink:
    """`command` is the payload in hexadecimal digits; `params` may hold `f_port` and `confirmed`."""
    beginning, end, _ = uplink.topic.rpartition("/up")
    if not end:
        raise InvalidValue("tracker", "no message of it has come in yet, so its application is not known")
    unknown = sorted(params.keys() - {"f_port", "confirmed"})
    if unknown:
        raise InvalidValue("params", f"a LoRaWAN downlink has f_port and confirmed, not {', '.join(unknown)}")
    port = params.get("f_port", 1)
    if isinstance(port, bool) or not isinstance(port, int) or port not in _LORAWAN_PORTS:
        raise InvalidValue("params", f"f_port is a number from {_LORAWAN_PORTS[0]} to {_LORAWAN_PORTS[-1]}")
    if len(command) > _LARGEST_LORAWAN_HEX:
        raise InvalidValue("command", f"a LoRaWAN payload has at most {_LARGEST_LORAWAN_HEX // 2} bytes")
    downlink = {
        "f_port": port,
        "frm_payload": _base64(command),
        "confirmed": params.get("confirmed", True) is True,
        "priority": "NORMAL",
        "correlation_ids": [CORRELATION + id_],
    }
    payload = orjson.dumps({"downlinks": [downlink]})
    return Downlink(topic=f"{beginning}/down/push", payload=payload, answers=Answers.BY_KEY, answer_key=id_)


def _base64(digits: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(digits)).decode()
    except ValueError:
        raise InvalidValue("command", "for a LoRaWAN device it is the payload in hexadecimal digits") from None


_ENCODERS: Final[Mapping[str, _Encode]] = {
    "native": _native,
    "teltonika": _teltonika,
    "owntracks": _owntracks,
    "thingsboard": _thingsboard,
    "ttn": _ttn,
}
#: Formats whose commands carry an id, so that a tracker can tell a second one of the same id and leave it.
REPEATABLE: Final = frozenset({"native", "thingsboard"})
#: Formats whose trackers take commands.
FORMATS: Final = tuple(sorted(_ENCODERS))
