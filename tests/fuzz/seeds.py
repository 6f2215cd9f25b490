"""What fuzzing begins with: a good message of each format, and words that open further branches."""

from __future__ import annotations

import json
import struct
from typing import Any, Final

from ingest.formats.teltonika_frame import crc16_ibm

TOPICS: Final = {
    "native": ["fleet/acme/van-1/fix"],
    "hfp": [
        "/hfp/v2/journey/ongoing/vp/bus/0018/01029/2530/2/Kamppi/16:32/4520236/5/60;24/18/63/62",
        "/hfp/v1/journey/ongoing/bus/1/2",
    ],
    "owntracks": ["owntracks/ann/phone", "owntracks/ann/phone/event"],
    "teltonika": ["352093081452251/data", "teltonika/352093081452251/data"],
    "flespi": ["flespi/message/gw/devices/123"],
    "thingsboard": ["v1/devices/van-1/telemetry", "v1/gateway/telemetry"],
    "ttn": ["v3/app@ttn/devices/van-1/up"],
    "traccar": ["traccar/van-1"],
}

_SAID: Final[dict[str, list[Any]]] = {
    "native": [
        {
            "time": "2026-02-16T15:58:03.120Z",
            "lat": 60.1,
            "lon": 24.9,
            "speed_mps": 3.5,
            "heading_deg": 90,
            "accuracy_m": 5,
            "altitude_m": 12,
            "satellites": 9,
            "seq": 7,
            "extras": {"ignition": True},
            "more": [1, {"a": None}],
        },
        [{"time": 1771257483120, "lat": 60.1, "lon": 24.9}, {"time": 1771257484120, "lat": 60.1, "lon": 24.9}],
    ],
    "hfp": [
        {
            "VP": {
                "tst": "2024-02-13T16:32:59.931Z",
                "tsi": 1707841979,
                "lat": 60.2,
                "long": 24.8,
                "spd": 9.1,
                "hdg": 180,
                "acc": -0.1,
                "dl": -60,
                "odo": 5123,
                "drst": 1,
                "loc": "GPS",
                "stop": 1130106,
                "route": "2530",
                "dir": "1",
                "desi": "530",
                "occu": 5,
            }
        },
        {"DUE": {"tst": "2024-02-13T16:32:59Z", "lat": None, "long": None, "loc": "ODO"}},
    ],
    "owntracks": [
        {
            "_type": "location",
            "lat": 46.1,
            "lon": 11.2,
            "tst": 1551874878,
            "vel": 3,
            "cog": 1,
            "acc": 9,
            "alt": 2,
            "batt": 5,
            "bs": 1,
            "t": "u",
            "vac": 3,
            "inregions": ["x"],
        },
        {"_type": "encrypted", "data": "x"},
        {"_type": "lwt", "tst": 5},
        {"_type": "transition"},
    ],
    "teltonika": [
        {
            "state": {
                "reported": {
                    "ts": 1771257483120,
                    "latlng": "54.66,25.25",
                    "alt": 1,
                    "ang": 2,
                    "sat": 9,
                    "sp": 36,
                    "evt": 239,
                    "239": 1,
                    "66": 12600,
                    "67": 4000,
                    "16": 9,
                    "pr": 1,
                }
            }
        },
        {"ts": "1771257483120", "latlng": "54.66,25.25", "sat": 0},
        {"RSP": "OK"},
    ],
    "flespi": [
        {
            "ident": "1",
            "timestamp": 1506956075.25,
            "position.latitude": 53.9,
            "position.longitude": 27.4,
            "position.valid": True,
            "position.speed": 36,
            "position.satellites": 7,
            "vehicle.mileage": 5,
            "battery.level": 50,
            "engine.ignition.status": True,
        },
        [{"ident": "1", "timestamp": 5, "din": 3}],
    ],
    "thingsboard": [
        {"ts": 1771257483120, "values": {"latitude": 50.1, "longitude": 8.6, "speed_kmh": 36, "satellites": 4, "ident": "x"}},
        {"van-3": [{"ts": 1771257483120, "values": {"lat": 1, "lng": 2}}]},
        [{"lat": 1, "lon": 2, "speed_knots": 3}],
    ],
    "ttn": [
        {
            "received_at": "2025-11-12T08:29:01Z",
            "end_device_ids": {"device_id": "d"},
            "uplink_message": {
                "f_cnt": 3,
                "f_port": 1,
                "received_at": "2025-11-12T08:29:01.5Z",
                "decoded_payload": {"latitude": 37.4, "longitude": -122.0, "time": "2025-11-12T08:29:00Z"},
            },
        },
        {
            "uplink_message": {
                "decoded_payload": {"gps_0": {"latitude": 1, "longitude": 2}},
                "locations": {"user": {"longitude": 8.5, "source": "SOURCE_GPS"}},
            }
        },
    ],
    "traccar": [
        {
            "device_id": "1",
            "location": {
                "timestamp": "2025-06-15T13:45:12Z",
                "coords": {"latitude": 1.5, "longitude": 2.5, "accuracy": 5, "speed": -1, "heading": 2, "altitude": 3},
                "is_moving": True,
                "odometer": 9,
                "battery": {"level": 0.5, "is_charging": False},
                "activity": {"type": "still"},
                "event": "motionchange",
                "extras": {"a": 1},
            },
        },
        {"location": [{"timestamp": 1771257483120, "coords": {"latitude": 1, "longitude": 2}}]},
    ],
}

#: What parsers and arithmetic stumble over, in the syntax of libFuzzer's dictionaries.
DICTIONARY: Final = "\n".join(
    f'"{word}"'
    for word in (
        r"\"",
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "-0.0",
        "null",
        "true",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "1" + "0" * 400,
        r"\\ud800",
        r"\\u0000",
        r"\xed\xa0\x80",
        r"\xff",
        "[[[[[[[[",
        '{\\"a\\":',
        "9999-12-31T23:59:60Z",
        "0000-00-00T00:00:00Z",
        "2026-02-16T15:58:03+99:99",
    )
)


def frame(body: bytes) -> bytes:
    """A Teltonika frame around what its length and checksum are about."""
    return struct.pack(">II", 0, len(body)) + body + struct.pack(">I", crc16_ibm(body))


def _record(io: bytes) -> bytes:
    return struct.pack(">QBiihHBH", 1771257483120, 1, 252500000, 546600000, 120, 90, 9, 36) + io


_CODEC_8: Final = _record(
    bytes([239, 4, 1, 239, 1, 1, 66])
    + struct.pack(">H", 12600)
    + bytes([1, 16])
    + struct.pack(">I", 5)
    + bytes([1, 78])
    + struct.pack(">Q", 7)
)
_CODEC_8E: Final = _record(struct.pack(">HHHHBHHHHHHHH", 239, 3, 1, 239, 1, 1, 66, 12600, 0, 0, 1, 385, 4) + b"\1\2\3\4")
_CODEC_16: Final = _record(struct.pack(">HBBBHB", 239, 5, 1, 1, 239, 1) + bytes([0, 0, 0]))
_BINARY: Final = {
    "teltonika": [
        frame(bytes([codec, 1]) + record + b"\1") for codec, record in ((0x08, _CODEC_8), (0x8E, _CODEC_8E), (0x10, _CODEC_16))
    ]
}


def seeds(name: str) -> list[bytes]:
    """Payloads to begin with."""
    return [json.dumps(said).encode() for said in _SAID[name]] + _BINARY.get(name, [])
