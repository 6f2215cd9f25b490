"""`outrider replay --settings`: recordings held to rules of movement, screening and fences; and files that say what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from fleet.clock import rfc3339
from fleet.geodesy import METRES_PER_DEGREE
from outrider.offline import run_replay
from outrider.settings_file import BadSettingsFile, read_settings_file

BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOURS = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART:20260302T080000Z
DTEND:20260302T180000Z
RRULE:FREQ=DAILY
END:VEVENT
END:VCALENDAR
"""


def drive(path: Path, vans: int = 2) -> Path:
    """Vans that drive north at 20 m/s for five minutes, at six in the morning."""
    with path.open("wb") as out:
        for second in range(0, 300, 10):
            time = BEGIN + timedelta(seconds=second)
            for van in range(1, vans + 1):
                fix = {"time": rfc3339(time), "lat": 47.4 + 20 * second / METRES_PER_DEGREE, "lon": 8.5, "speed_mps": 20.0}
                message = {
                    "received_at": rfc3339(time + timedelta(seconds=1)),
                    "topic": f"fleet/acme/van-{van}/fix",
                    "payload": orjson.dumps(fix).decode(),
                }
                out.write(orjson.dumps(message) + b"\n")
    return path


def found(folder: Path, settings: Mapping[str, object] | None) -> set[tuple[str, str]]:
    """(vehicle, type) of the events of a replay with these settings."""
    folder.mkdir(exist_ok=True)
    file = folder / "settings.json"
    file.write_bytes(orjson.dumps(settings))
    capture, out = drive(folder / "capture.ndjson"), folder / "out"
    run_replay(capture, out, fences=None, plan=None, settings=None if settings is None else file, shuffle=None)
    events = [orjson.loads(line) for line in (out / "events.ndjson").read_bytes().splitlines()]
    return {(event["vehicle"], event["type"]) for event in events}


def test_a_recording_is_held_to_the_rules_of_the_tenant_and_of_its_vehicles(tmp_path: Path) -> None:
    plain = found(tmp_path / "plain", None)
    assert {kind for _, kind in plain} == {"vehicle.online", "vehicle.moving"}
    limit = {"movement": {"speed_limit_mps": 15.0}}
    assert found(tmp_path / "tenant", {"tenant": limit}) - plain == {("van-1", "vehicle.overspeed"), ("van-2", "vehicle.overspeed")}
    own = {"tenant": limit, "vehicles": {"van-2": {"movement": {"speed_limit_mps": 0, "allowed_hours": HOURS}}}}
    assert found(tmp_path / "own", own) - plain == {("van-1", "vehicle.overspeed"), ("van-2", "vehicle.unauthorised")}


def test_a_recording_is_screened_by_the_settings(tmp_path: Path) -> None:
    strict = {"vehicles": {"van-2": {"screening": {"oldest_age_s": 0.5}}}}
    assert {vehicle for vehicle, _ in found(tmp_path, strict)} == {"van-1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ('{"vans": {}}', "vans: Extra inputs are not permitted"),
        (
            '{"vehicles": {"van-1": {"movement": {"speed_limit_mps": -1}}}}',
            "vehicles.van-1.movement.speed_limit_mps: Input should be greater than or equal to 0",
        ),
        ('{"vehicles": {"van-1": {"fences": {}}}}', "vehicles.van-1.fences: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(BadSettingsFile) as raised:
        read_settings_file(file)
    assert str(raised.value) == f"{file}: {problem}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettingsFile, match="No such file"):
        read_settings_file(tmp_path / "none.json")
