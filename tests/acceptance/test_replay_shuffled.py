"""`outrider replay --shuffle`: recordings whose messages come in any order leave standing what they leave in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.recordings import (
    Left,
    Shared,
    around_stops,
    bus_case,
    grid,
    porto,
    replayed,
    write_capture,
    write_fences,
)

pytestmark = [pytest.mark.slow, pytest.mark.shared, pytest.mark.timeout(600)]

SEEDS = (1, 2)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A slice of a recording with fences (and a plan), and events that have to be found in it."""

    capture: Path
    fences: Path
    plan: Path | None = None
    finds: tuple[str, ...] = ("fence.entered", "fence.exited", "vehicle.online")


@pytest.fixture(params=["nyc-b63", "wmata", "porto-taxi"])
def recording(request: pytest.FixtureRequest, shared: Shared, tmp_path: Path) -> Recording:
    name: str = request.param
    fences = tmp_path / "fences.geojson"
    if name in ("nyc-b63", "wmata"):
        capture, plan = bus_case(shared, tmp_path, name, messages=2_500)
        write_fences(fences, around_stops(plan, radius_m=60))
        finds = (*Recording.finds, "fence.crossed", "fence.dwelled", "stop.arrived", "stop.departed", "stop.completed")
        return Recording(capture=capture, fences=fences, plan=plan, finds=finds)
    places = porto(shared, timedelta(hours=3))
    write_fences(fences, grid(places, radius_m=100, across=30))
    # Its receivers jump, and what screening flags as a jump depends on the order of coming in: nothing found may.
    finds = (*Recording.finds, "vehicle.moving", "vehicle.stopped")
    return Recording(capture=write_capture(tmp_path / "capture.ndjson", places), fences=fences, finds=finds)


def test_any_order_leaves_the_same_standing(recording: Recording, tmp_path: Path) -> None:
    def run(shuffle: int | None) -> Left:
        folder = tmp_path / f"run-{shuffle}"
        return replayed(recording.capture, folder, fences=recording.fences, plan=recording.plan, shuffle=shuffle)

    in_order = run(None)
    assert all(in_order.count(kind) for kind in recording.finds), in_order.written
    for seed in SEEDS:
        shuffled = run(seed)
        assert shuffled.sayings ^ in_order.sayings == set()
        assert shuffled.visits == in_order.visits
        # It was not the same way there: what was said too early was corrected.
        assert any(kind.endswith((".revised", ".retracted")) for kind in shuffled.written)
