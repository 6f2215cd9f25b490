"""Pairs of vehicles in `outrider replay`: told for a tenant that wants them, the same in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from fleet.clock import parse_rfc3339, rfc3339
from fleet.event import Event
from fleet.fix import Fix
from fleet.proximity_rules import ProximityRules
from fleet.tenant import NO_SETTINGS, OwnSettings
from geofence.proximity.settings import Limits, ProximitySettings
from ingest.pipeline_diff import standing
from ingest.replay import ReplayOptions, replay
from tests.oracle.proximity import Oracle, Together, slots_of
from tests.unit.geofence.proximity.meetings import as_episodes, van

WATCHED = OwnSettings(proximity=ProximityRules(near_m=53.7))
#: Three vans that wander between a few yards for three hours; the third has been on another round, and silent in between.
FLEET = {
    "van-1": van(*((second, (second // 1800 % 3) * 300.0, 0.0) for second in range(0, 10_800, 900)), noise_m=5, seed=1),
    "van-2": van(*((second, (second // 2700 % 2) * 300.0, 20.0) for second in range(0, 10_800, 900)), noise_m=5, seed=2),
    "van-3": van((0, 600, 10), (4000, 610, 10), (4200, 300, 15), (10_700, 300, 15), interval_s=60, seed=3, silent=(5000, 6500)),
}


def capture_of(fleet: Mapping[str, Sequence[Fix]], path: Path) -> Path:
    """Each fix is a message of its own that takes two seconds."""
    rows = sorted((fix.time, name, fix) for name, fixes in fleet.items() for fix in fixes)
    with path.open("wb") as file:
        for time, name, fix in rows:
            payload = {
                "time": rfc3339(time),
                "lat": fix.lat,
                "lon": fix.lon,
                "speed_mps": fix.speed_mps,
                "accuracy_m": fix.accuracy_m,
            }
            message = {
                "received_at": rfc3339(time + timedelta(seconds=2)),
                "topic": f"fleet/acme/{name}/fix",
                "payload": orjson.dumps(payload).decode(),
            }
            file.write(orjson.dumps(message) + b"\n")
    return path


def told(folder: Path) -> list[Event]:
    """The events of pairs that were written, in order."""
    rows = [orjson.loads(line) for line in (folder / "events.ndjson").read_bytes().splitlines()]
    return [
        Event(**{**row, "occurred_at": parse_rfc3339(row["occurred_at"]), "recorded_at": parse_rfc3339(row["recorded_at"])})
        for row in rows
        if row["type"].startswith("vehicle.proximity")
    ]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return capture_of(FLEET, tmp_path / "capture.ndjson")


@pytest.fixture
def expected() -> list[Together]:
    settings = ProximitySettings()
    limits = Limits.of(settings, WATCHED.proximity)
    assert limits is not None
    first, last = slots_of(FLEET, settings)
    # The last message was received two seconds after its fix.
    return Oracle(settings, limits).episodes(FLEET, first, last)


@pytest.mark.parametrize("shuffle", [None, 1, 2])
def test_what_stands_in_the_end_is_what_the_oracle_says(
    capture: Path, expected: list[Together], tmp_path: Path, shuffle: int | None
) -> None:
    replay(ReplayOptions(capture=capture, out=tmp_path / "out", shuffle=shuffle, tenant_settings=WATCHED))
    events = told(tmp_path / "out")
    assert len(expected) >= 4
    assert as_episodes(standing(events)) == expected
    if shuffle is None:
        assert not any("of" in event.data for event in events), "what comes in order needs no correction"


def test_nothing_is_told_to_a_tenant_that_does_not_want_it(capture: Path, tmp_path: Path) -> None:
    replay(ReplayOptions(capture=capture, out=tmp_path / "out", tenant_settings=NO_SETTINGS))
    assert told(tmp_path / "out") == []
