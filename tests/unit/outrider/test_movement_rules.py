"""The installation's rules of movement, from settings to the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.movement_rules import MovementRules
from outrider.settings import InvalidSettings, Settings
from outrider.tiers.worker import movement_rules, pipeline_settings
from tests.oracle.calendars import Weekly


def test_nothing_is_watched_unless_set() -> None:
    rules = movement_rules(Settings())
    assert (rules.speed_limit_mps, rules.allowed_hours, rules.watch_towing) == (0.0, "", False)


def test_settings_reach_the_engine(tmp_path: Path) -> None:
    hours = tmp_path / "hours.ics"
    hours.write_bytes(Weekly().text().encode())
    settings = Settings(speed_limit_mps=25.0, allowed_hours_file=hours, watch_towing=True, unauthorised_after_s=30.0)
    movement = pipeline_settings(settings).engines.movement
    assert movement.unauthorised_s == 30.0
    expected = MovementRules(speed_limit_mps=25.0, allowed_hours=hours.read_text(), watch_towing=True)
    assert movement.rules == expected


@pytest.mark.parametrize("text", [None, "weekdays"], ids=["missing", "no calendar"])
def test_a_file_of_hours_that_is_none_is_refused_by_the_settings_name(tmp_path: Path, text: str | None) -> None:
    hours = tmp_path / "hours.ics"
    if text is not None:
        hours.write_text(text)
    with pytest.raises(InvalidSettings, match=r"^OUTRIDER_ALLOWED_HOURS_FILE: "):
        movement_rules(Settings(allowed_hours_file=hours))
