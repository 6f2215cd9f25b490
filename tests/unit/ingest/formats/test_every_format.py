"""What holds for every format: nothing that comes in makes one raise, and every message is accounted for."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.screening import Reason
from ingest.formats import FORMATS, format_named
from ingest.formats.teltonika_frame import crc16_ibm
from ingest.protocol import Decoded, Format
from ingest.router import Router, selections
from tests.unit.ingest.messages import RECEIVED_US, batch_of

TOPICS = {
    "native": "fleet/acme/van-1/fix",
    "hfp": "/hfp/v2/journey/ongoing/vp/bus/0018/01029",
    "owntracks": "owntracks/ann/phone",
    "teltonika": "352093081452251/data",
    "flespi": "flespi/message/gw/devices/123",
    "thingsboard": "v1/devices/van-1/telemetry",
    "ttn": "v3/app@ttn/devices/van-1/up",
    "traccar": "traccar/van-1",
}
TEXTS = [
    "lat", "lon", "long", "latitude", "longitude", "tst", "tsi", "_type", "location", "timestamp", "coords", "device_id", "VP",
    "ts", "values", "state", "reported", "latlng", "sat", "position.latitude", "position.longitude", "ident", "uplink_message",
    "decoded_payload", "locations", "time", "received_at", "end_device_ids", "battery", "activity", "extras", "speed_mps",
    "239", "66",
]  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["location", "2026-02-16T15:58:03Z", "60.1,24.9", 1771257483, 1771257483120, 60.1])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS) | st.text(max_size=5), inner, max_size=6),
)
payloads = st.binary(max_size=120) | values.map(lambda value: json.dumps(value).encode())
every_format = pytest.mark.parametrize("wire_format", FORMATS, ids=lambda one: one.name)


def check(decoded: Decoded, count: int) -> None:
    accounted = {*decoded.fixes.message.tolist(), *(refusal.message for refusal in decoded.refused), *decoded.ignored}
    assert accounted == set(range(count))
    assert len(decoded.tracker) == len(decoded.fixes) == len(decoded.fixes.extras)
    assert all(0 <= tracker < len(decoded.trackers) for tracker in decoded.tracker.tolist())
    assert all(isinstance(json.loads(extras), dict) for extras in decoded.fixes.extras if extras is not None)


def test_every_format_is_tried() -> None:
    assert {one.name for one in FORMATS} == set(TOPICS)


@every_format
def test_its_own_topic_selects_it(wire_format: Format) -> None:
    router = Router(selections([wire_format]), default_tenant="default")
    decoded = router.decode(batch_of([b"{}"], TOPICS[wire_format.name]))
    assert all(refusal.reason is not Reason.UNKNOWN_TOPIC for refusal in decoded.refused)


@every_format
@given(messages=st.lists(st.tuples(payloads, st.none() | st.text(max_size=30)), max_size=4))
def test_nothing_raises(wire_format: Format, messages: list[tuple[bytes, str | None]]) -> None:
    usual = TOPICS[wire_format.name]
    topics = [topic if topic is not None and wire_format.name != "native" else usual for _, topic in messages]
    decoded = wire_format.decode(batch_of([payload for payload, _ in messages], topics), "default")
    check(decoded, len(messages))


NEARLY_GOOD: dict[str, dict[str, Any]] = {
    "native": {"time": 1771257483120, "lat": 60.1, "lon": 24.9},
    "hfp": {"VP": {"tst": "2024-02-13T16:32:59.931Z", "lat": 60.2, "long": 24.8}},
    "owntracks": {"_type": "location", "lat": 46.1, "lon": 11.2, "tst": 1551874878, "vel": 3, "batt": 5, "bs": 1, "t": "u"},
    "teltonika": {"ts": 1771257483120, "latlng": "54.66,25.25", "sat": 9, "sp": 36, "239": 1, "66": 12600, "evt": 239, "pr": 1},
    "flespi": {"ident": "1", "timestamp": 1506956075, "position.latitude": 53.9, "position.longitude": 27.4, "vehicle.mileage": 5},
    "thingsboard": {"latitude": 50.1, "longitude": 8.6, "speed_kmh": 36, "satellites": 4},
    "ttn": {"received_at": "2025-11-12T08:29:01Z", "uplink_message": {"decoded_payload": {"latitude": 37.4, "longitude": -122.0}}},
    "traccar": {"device_id": "1", "location": {"timestamp": "2025-06-15T13:45:12Z", "coords": {"latitude": 1.5, "longitude": 2.5}}},
}


def with_odd_member(good: Any, path: tuple[int, ...], odd: Any) -> Any:
    """The value with one member somewhere inside replaced: `path` chooses it, level by level."""
    if not path or not isinstance(good, dict) or not good:
        return odd
    key = list(good)[path[0] % len(good)]
    return good | {key: with_odd_member(good[key], path[1:], odd)}


@every_format
@given(changes=st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple), values), min_size=1, max_size=3))
def test_no_nearly_good_message_raises(wire_format: Format, changes: list[tuple[tuple[int, ...], Any]]) -> None:
    payload: Any = NEARLY_GOOD[wire_format.name]
    for path, odd in changes:
        payload = with_odd_member(payload, path, odd)
    check(decode(wire_format.name, payload), 1)


def frame(body: bytes) -> bytes:
    return struct.pack(">II", 0, len(body)) + body + struct.pack(">I", crc16_ibm(body))


codec_bodies = st.tuples(st.sampled_from([0x08, 0x8E, 0x10, 0x0C]), st.integers(0, 3), st.binary(max_size=150)).map(
    lambda parts: bytes(parts[:2]) + parts[2] + bytes([parts[1]])
)


@given(st.lists(codec_bodies.map(frame) | st.binary(max_size=60).map(lambda tail: b"\0\0\0\0" + tail), max_size=4))
def test_no_teltonika_frame_raises(frames: list[bytes]) -> None:
    teltonika = format_named("teltonika")
    assert teltonika is not None
    check(teltonika.decode(batch_of(frames, TOPICS["teltonika"]), "default"), len(frames))


def decode(name: str, payload: Any, topic: str | None = None) -> Decoded:
    wire_format = format_named(name)
    assert wire_format is not None
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return wire_format.decode(batch_of([raw], topic or TOPICS[name]), "default")


def reason_of(decoded: Decoded) -> Reason | None:
    return decoded.refused[0].reason if decoded.refused else None


LOCATION = {"_type": "location", "lat": 46.1, "lon": 11.2, "tst": 1551874878}


def test_owntracks_units_and_words() -> None:
    decoded = decode(
        "owntracks", LOCATION | {"vel": 36, "cog": 90, "acc": 12, "alt": 200, "batt": 50, "bs": 2, "t": "u", "inregions": ["x"]}
    )
    fixes = decoded.fixes
    assert (fixes.speed_mps[0], fixes.heading_deg[0], fixes.accuracy_m[0], fixes.altitude_m[0]) == (10.0, 90.0, 12.0, 200.0)
    assert json.loads(fixes.extras[0] or b"") == {"event": "u", "battery_level": 0.5, "is_charging": True, "inregions": ["x"]}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"_type": "encrypted", "data": "x"}, Reason.ENCRYPTED),
        ({"_type": "unheard-of"}, Reason.NOT_A_FIX),
        ({"lat": 1, "lon": 2, "tst": 3}, Reason.MISSING_FIELD),
        ({"_type": "location", "lat": 1, "lon": 2}, Reason.MISSING_FIELD),
        (LOCATION | {"tst": "now"}, Reason.WRONG_TYPE),
        (LOCATION | {"vel": "fast"}, Reason.WRONG_TYPE),
    ],
)
def test_owntracks_refusals(payload: dict[str, Any], reason: Reason) -> None:
    assert reason_of(decode("owntracks", payload)) is reason


@pytest.mark.parametrize("kind", ["lwt", "transition", "waypoint", "card", "status"])
def test_owntracks_messages_that_are_no_fix(kind: str) -> None:
    assert decode("owntracks", {"_type": kind}).ignored == [0]


REPORT = {"ts": 1771257483120, "pr": 1, "latlng": "54.66,25.25", "alt": 120, "ang": 90, "sat": 9, "sp": 36, "evt": 239, "239": 1,
          "240": 0, "16": 5000, "66": 12600, "67": 4100, "200": 0}  # fmt: skip


@pytest.mark.parametrize("payload", [REPORT, {"state": {"reported": REPORT}}, REPORT | {"ts": "1771257483120"}])
def test_teltonika_json(payload: dict[str, Any]) -> None:
    decoded = decode("teltonika", payload)
    fixes = decoded.fixes
    assert decoded.trackers == [("default", "352093081452251")]
    assert (fixes.time[0], fixes.lat[0], fixes.lon[0]) == (1771257483120000, 54.66, 25.25)
    assert (fixes.speed_mps[0], fixes.heading_deg[0], fixes.altitude_m[0], fixes.satellites[0]) == (10.0, 90.0, 120.0, 9)
    assert json.loads(fixes.extras[0] or b"") == {
        "ignition": True, "is_moving": False, "odometer_m": 5000, "power_v": 12.6, "battery_v": 4.1, "io": {"200": 0},
        "priority": 1, "event": "239",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (REPORT | {"sat": 0}, Reason.NO_POSITION),
        (REPORT | {"latlng": 5}, Reason.WRONG_TYPE),
        (REPORT | {"latlng": "north"}, Reason.NOT_A_NUMBER),
        ({"ts": 1}, Reason.MISSING_FIELD),
        ({key: value for key, value in REPORT.items() if key != "ts"}, Reason.MISSING_FIELD),
        (b"\0\0\0\1" + b"\0" * 20, Reason.INVALID_FRAME),
        (b"\0\0", Reason.WRONG_LENGTH),
    ],
)
def test_teltonika_refusals(payload: Any, reason: Reason) -> None:
    assert reason_of(decode("teltonika", payload)) is reason


def test_an_answer_to_a_command_is_no_fix() -> None:
    assert decode("teltonika", {"RSP": "OK"}).ignored == [0]


POSITION = {"latitude": 50.1, "longitude": 8.6, "speed_kmh": 36, "temperature": 4}


@pytest.mark.parametrize(
    ("topic", "payload", "whose", "time_us"),
    [
        ("v1/devices/van-1/telemetry", POSITION, "van-1", RECEIVED_US),
        ("v1/devices/van-1/telemetry", {"ts": 1771257483120, "values": POSITION}, "van-1", 1771257483120000),
        ("v1/devices/me/telemetry", [{"ts": 1771257483120, "values": POSITION | {"ident": "van-2"}}], "van-2", 1771257483120000),
        ("v1/gateway/telemetry", {"van-3": [{"ts": 1771257483120, "values": POSITION}], "van-4": [{"ts": 1, "values": {}}]},
         "van-3", 1771257483120000),
    ],
)  # fmt: skip
def test_thingsboard(topic: str, payload: Any, whose: str, time_us: int) -> None:
    decoded = decode("thingsboard", payload, topic)
    fixes = decoded.fixes
    assert decoded.trackers == [("default", whose)]
    assert (fixes.time[0], fixes.lat[0], fixes.lon[0], fixes.speed_mps[0]) == (time_us, 50.1, 8.6, 10.0)
    assert json.loads(fixes.extras[0] or b"") == {"temperature": 4}


def test_telemetry_without_a_position_is_no_fix() -> None:
    assert decode("thingsboard", {"temperature": 4}).ignored == [0]
    assert decode("flespi", {"ident": "1", "timestamp": 5, "din": 3}).ignored == [0]
    assert decode("ttn", {"uplink_message": {"decoded_payload": {"temperature": 4}}}).ignored == [0]


def test_a_zero_that_the_network_left_out() -> None:
    decoded = decode("ttn", {"uplink_message": {"locations": {"user": {"longitude": 8.5, "source": "SOURCE_GPS"}}}})
    assert (decoded.fixes.lat.tolist(), decoded.fixes.lon.tolist()) == ([0.0], [8.5])


def test_traccar_client_keeps_what_was_stored_while_there_was_no_network() -> None:
    location = {"timestamp": "2026-02-16T15:58:03Z", "coords": {"latitude": 1.5, "longitude": 2.5, "speed": -1, "accuracy": -1}}
    decoded = decode("traccar", {"location": [location, {"coords": {}}], "device_id": "phone"})
    assert (len(decoded.fixes), reason_of(decoded)) == (1, Reason.MISSING_FIELD)
    assert str(decoded.fixes.speed_mps[0]) == str(decoded.fixes.accuracy_m[0]) == "nan"
