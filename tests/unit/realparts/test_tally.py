"""The closing lines count what ran against each real part, and a missing part is a failure under CI only."""

from types import SimpleNamespace
from typing import cast

import pytest

from tests.realparts import tally
from tests.realparts.absence import missing


class Item:
    """As much of a pytest item as the tally looks at."""

    def __init__(self, config: pytest.Config, *markers: str) -> None:
        self.config = config
        self._markers = markers

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self._markers else None


@pytest.fixture
def config() -> pytest.Config:
    return cast("pytest.Config", SimpleNamespace(stash=pytest.Stash()))


def test_each_part_has_a_line_with_what_ran_against_it(config: pytest.Config) -> None:
    both = cast("pytest.Item", Item(config, "mosquitto", "timescale"))
    one = cast("pytest.Item", Item(config, "mosquitto"))
    for item, outcome in ((both, "passed"), (one, "passed"), (one, "failed"), (one, "skipped")):
        tally.count(item, outcome)
    tally.note_version(config, "Mosquitto", "2.0.11")
    lines = [" ".join(line.split()) for line in tally.closing_lines(config)]
    assert lines[:3] == [
        "Mosquitto 2.0.11 2 passed, 1 failed, 1 skipped",
        "TimescaleDB 1 passed",
        "PostgreSQL 0 passed",
    ]
    assert len(lines) == len(tally.PARTS)


def test_a_missing_part_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"^Mosquitto is not available: it is not installed$"):
        missing("Mosquitto", "it is not installed")


def test_a_missing_part_is_a_failure_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"^Mosquitto is not available: it is not installed$"):
        missing("Mosquitto", "it is not installed")
