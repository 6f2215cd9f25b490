"""What a command looks like on the wire, for each format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from downlink.encode import FORMATS, encode
from fleet.command import Answers, Uplink
from fleet.errors import InvalidValue


def uplink(name: str, tracker: str = "dev-1", topic: str = "") -> Uplink:
    return Uplink(tenant="acme", tracker=tracker, format=name, topic=topic)


@pytest.mark.parametrize(
    ("heard", "command", "params", "topic", "payload", "answers"),
    [
        (
            uplink("native"),
            "reboot",
            {"in_s": 5},
            "fleet/acme/dev-1/command",
            {"id": "c1", "command": "reboot", "params": {"in_s": 5}},
            Answers.BY_KEY,
        ),
        (uplink("teltonika", "352093", "352093/data"), "getinfo", {}, "352093/commands", {"CMD": "getinfo"}, Answers.IN_ORDER),
        (
            uplink("teltonika", "3520", "teltonika/3520/data"),
            "getver",
            {},
            "teltonika/3520/commands",
            {"CMD": "getver"},
            Answers.IN_ORDER,
        ),
        (uplink("teltonika", "352093"), "getver", {}, "352093/commands", {"CMD": "getver"}, Answers.IN_ORDER),
        (
            uplink("owntracks", "ada/phone", "owntracks/ada/phone"),
            "setWaypoints",
            {"waypoints": {}},
            "owntracks/ada/phone/cmd",
            {"_type": "cmd", "action": "setWaypoints", "waypoints": {}},
            Answers.NEVER,
        ),
        (
            uplink("ttn", "dev-1", "v3/app@ttn/devices/dev-1/up"),
            "01ff",
            {"f_port": 7},
            "v3/app@ttn/devices/dev-1/down/push",
            {
                "downlinks": [
                    {
                        "f_port": 7,
                        "frm_payload": "Af8=",
                        "confirmed": True,
                        "priority": "NORMAL",
                        "correlation_ids": ["outrider:c1"],
                    }
                ]
            },
            Answers.BY_KEY,
        ),
    ],
)
def test_each_format_has_its_own_words(
    heard: Uplink, command: str, params: dict[str, Any], topic: str, payload: dict[str, Any], answers: Answers
) -> None:
    downlink = encode(heard, "c1", command, params)
    assert (downlink.topic, json.loads(downlink.payload), downlink.answers) == (topic, payload, answers)
    assert downlink.answer_key == ("c1" if answers is Answers.BY_KEY else "")


def test_a_thingsboard_request_has_a_number_of_its_own() -> None:
    heard = uplink("thingsboard", topic="v1/devices/dev-1/telemetry")
    one, other = (encode(heard, id_, "setGpio", {"pin": 1}) for id_ in ("c1", "c2"))
    assert json.loads(one.payload) == {"method": "setGpio", "params": {"pin": 1}}
    assert one.topic == f"v1/devices/dev-1/rpc/request/{one.answer_key}"
    assert 0 <= int(one.answer_key) < 2**31
    assert one.answer_key != other.answer_key
    assert encode(heard, "c1", "setGpio", {"pin": 1}) == one


@pytest.mark.parametrize(
    ("heard", "command", "params", "problem"),
    [
        (
            uplink("hfp"),
            "stop",
            {},
            "format: trackers that speak 'hfp' take no commands over MQTT; these do: " + ", ".join(FORMATS),
        ),
        (uplink("teltonika"), "a", {"b": 1}, "params: a Teltonika command is one text: say all of it in command"),
        (uplink("thingsboard", topic="v1/gateway/telemetry"), "a", {}, "tracker: it is behind a ThingsBoard gateway"),
        (uplink("ttn"), "00", {}, "tracker: no message of it has come in yet"),
        (
            uplink("ttn", topic="v3/a@t/devices/d/up"),
            "reboot",
            {},
            "command: for a LoRaWAN device it is the payload in hexadecimal",
        ),
        (uplink("ttn", topic="v3/a@t/devices/d/up"), "00" * 243, {}, "command: a LoRaWAN payload has at most 242 bytes"),
        (uplink("ttn", topic="v3/a@t/devices/d/up"), "00", {"f_port": 224}, "params: f_port is a number from 1 to 223"),
        (
            uplink("ttn", topic="v3/a@t/devices/d/up"),
            "00",
            {"port": 1},
            "params: a LoRaWAN downlink has f_port and confirmed, not port",
        ),
    ],
)
def test_what_a_format_cannot_say_is_refused_with_the_reason(
    heard: Uplink, command: str, params: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        encode(heard, "c1", command, params)
    assert str(refusal.value).startswith(problem)
