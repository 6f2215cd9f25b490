"""Recorded payloads of other people's devices: golden tests, by path; the expected values stand beside the payloads or here."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.clock import rfc3339_micros
from fleet.screening import Flag, Reason
from ingest.formats import format_named
from ingest.protocol import Decoded
from tests.shared import shared_path
from tests.unit.ingest.messages import batch_of

pytestmark = pytest.mark.shared


def lines_of(name: str) -> list[dict[str, Any]]:
    path: Path = shared_path("data", "wire-samples", name)
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def decode(name: str, topic: str, payload: Any) -> Decoded:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    wire_format = format_named(name)
    assert wire_format is not None
    return wire_format.decode(batch_of([raw], topic), "default")


def extras_of(decoded: Decoded, row: int = 0) -> dict[str, Any]:
    extras: dict[str, Any] = json.loads(decoded.fixes.extras[row] or b"{}")
    return extras


def test_owntracks() -> None:
    for sample in lines_of("owntracks.jsonl"):
        said = sample["payload"]
        decoded = decode("owntracks", "owntracks/ann/phone", said)
        assert decoded.trackers == [("default", "ann/phone")]
        assert (decoded.fixes.lat[0], decoded.fixes.lon[0]) == (said["lat"], said["lon"])
        assert decoded.fixes.time[0] == said["tst"] * 1_000_000
        if "batt" in said:
            assert extras_of(decoded)["battery_level"] == said["batt"] / 100


def test_teltonika_frames_agree_with_an_independent_decoder() -> None:
    samples = lines_of("teltonika_codec8_8e_16.jsonl")
    assert {sample["decoded"]["codec"] for sample in samples} == {"0x08", "0x8E", "0x10"}
    for sample in samples:
        decoded = decode("teltonika", "352093081452251/data", bytes.fromhex(sample["payload_hex"]))
        expected = [record for record in sample["decoded"]["records"] if record["satellites"]]
        without = len(sample["decoded"]["records"]) - len(expected)
        fixes = decoded.fixes
        assert [refusal.reason for refusal in decoded.refused] == [Reason.NO_POSITION] * without
        assert [rfc3339_micros(time) for time in fixes.time.tolist()] == [
            record["utc"].replace("+00:00", "Z") for record in expected
        ]
        assert fixes.lat.tolist() == pytest.approx([record["lat"] for record in expected], abs=1e-9)
        assert fixes.lon.tolist() == pytest.approx([record["lon"] for record in expected], abs=1e-9)
        assert fixes.speed_mps.tolist() == pytest.approx([record["speed_kmh"] / 3.6 for record in expected], rel=1e-6)
        assert fixes.heading_deg.tolist() == [record["angle_deg"] for record in expected]
        assert fixes.altitude_m.tolist() == [record["altitude_m"] for record in expected]
        assert fixes.satellites.tolist() == [record["satellites"] for record in expected]
        for row, record in enumerate(expected):
            extras = extras_of(decoded, row)
            if "239" in record["io"]:
                assert extras["ignition"] is bool(record["io"]["239"])
            if "66" in record["io"]:
                assert extras["power_v"] == record["io"]["66"] / 1000


def test_teltonika_frames_that_are_none() -> None:
    reasons = [
        decode("teltonika", "1/data", bytes.fromhex(sample["payload_hex"])).refused[0].reason
        for sample in lines_of("teltonika_other_or_malformed.jsonl")
    ]
    for sample, reason in zip(lines_of("teltonika_other_or_malformed.jsonl"), reasons, strict=True):
        described = sample["decoded"]
        if not described.get("frame_ok", True):
            assert reason is Reason.WRONG_LENGTH
        elif not described["crc_ok"]:
            assert reason is Reason.BAD_CHECKSUM
        elif described.get("why") == "short":
            assert reason is Reason.INVALID_FRAME
        else:
            assert reason is Reason.UNSUPPORTED


def test_flespi() -> None:
    first, second = lines_of("flespi.jsonl")
    decoded = decode("flespi", "flespi/message/gw/devices/1", first["payload"])
    assert decoded.trackers == [("default", "605630")]
    assert decoded.fixes.lat.tolist() == [53.90573, 53.905569]
    assert extras_of(decoded, 1)["odometer_m"] == 160_000
    decoded = decode("flespi", "flespi/message/gw/devices/1", second["payload"])
    assert [refusal.reason for refusal in decoded.refused] == [Reason.NO_POSITION]
    assert rfc3339_micros(int(decoded.fixes.time[0])) == "2014-02-13T06:15:12.000Z"
    extras = extras_of(decoded)
    assert (extras["ignition"], extras["is_moving"], extras["battery_v"], extras["power_v"], extras["seq"], extras["hdop"]) == (
        True, True, 3.934, 15.303, 8174, 21.1,
    )  # fmt: skip


def test_ttn() -> None:
    first, second = lines_of("ttn_v3_uplink.jsonl")
    decoded = decode("ttn", "v3/test-app@ttn/devices/test-device/up", first["payload"])
    fixes = decoded.fixes
    assert decoded.trackers == [("default", "test-device")]
    assert (fixes.lat[0], fixes.lon[0], fixes.altitude_m[0], fixes.heading_deg[0]) == (37.4219, -122.084, 44.5, 99.0)
    assert (fixes.satellites[0], fixes.flags[0], rfc3339_micros(int(fixes.time[0]))) == (11, 0, "2025-11-12T08:29:01.000Z")
    assert extras_of(decoded) == {
        "barometer_0": 1012.9, "hdop": 0.9, "humidity_0": 60.5, "speed": 31.669, "temperature_0": 30.1, "seq": 15, "f_port": 1,
    }  # fmt: skip
    fixes = decode("ttn", "v3/test-app@ttn/devices/test-device/up", second["payload"]).fixes
    assert (fixes.lat[0], fixes.lon[0], fixes.altitude_m[0]) == (37.7858, -122.4064, 44.5)
    assert fixes.flags[0] == Flag.TIME_OF_RECEIPT
    assert rfc3339_micros(int(fixes.time[0])) == "2025-11-12T08:29:01.749842Z"


def test_traccar_client() -> None:
    samples = lines_of("traccar_client_osmand_json.jsonl")
    still = decode("traccar", "traccar/x", samples[1]["payload"])
    assert still.trackers == [("default", "48241179")]
    assert (still.fixes.speed_mps[0], still.fixes.accuracy_m[0]) == (0.0, 5.0)
    assert str(still.fixes.heading_deg[0]) == "nan"  # -1 is unknown
    assert extras_of(still)["device_double_test"] == 1.345
    driving = decode("traccar", "traccar/x", samples[2]["payload"])
    assert (driving.fixes.lat[0], driving.fixes.lon[0]) == (-6.1148096, 106.6837015)
    assert (driving.fixes.speed_mps[0], driving.fixes.heading_deg[0]) == (pytest.approx(18.67), 63.0)
    extras = extras_of(driving)
    assert (extras["battery_level"], extras["is_charging"], extras["is_moving"], extras["event"], extras["activity"]) == (
        0.79, False, False, "motionchange", "still",
    )  # fmt: skip
