"""The closing lines of a test run: how many tests ran against each real part.

A test counts for a part when it asked for one of the part's fixtures, or carries its marker. The marker is put on by
the fixture, so that `-m mosquitto` selects the same tests that are counted.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, kw_only=True)
class Part:
    """A real part, its marker, and the fixtures that mean it."""

    name: str
    marker: str
    fixtures: frozenset[str]


PARTS = (
    Part(name="Mosquitto", marker="mosquitto", fixtures=frozenset({"mosquitto", "start_mosquitto"})),
    Part(
        name="TimescaleDB",
        marker="timescale",
        fixtures=frozenset({"timescale_url", "timescale_databases", "start_timescale"}),
    ),
    Part(
        name="PostgreSQL",
        marker="postgres",
        fixtures=frozenset({"postgres_url", "postgres_databases", "start_postgres"}),
    ),
    Part(name="Chromium", marker="browser", fixtures=frozenset({"chromium"})),
    Part(name="recordings", marker="shared", fixtures=frozenset({"shared"})),
)
VERSIONS = pytest.StashKey[dict[str, str]]()
OUTCOMES = pytest.StashKey[dict[str, Counter[str]]]()


def note_version(config: pytest.Config, part: str, version: str) -> None:
    """What was really there, for the closing lines."""
    config.stash.setdefault(VERSIONS, {})[part] = version


def mark(items: Iterable[pytest.Item]) -> None:
    """Give each test the markers of the parts that its fixtures mean."""
    for item in items:
        names = frozenset(getattr(item, "fixturenames", ()))
        for part in PARTS:
            if names & part.fixtures:
                item.add_marker(part.marker)


def count(item: pytest.Item, outcome: str) -> None:
    """One test's outcome, for each part that it ran against."""
    outcomes = item.config.stash.setdefault(OUTCOMES, {})
    for part in PARTS:
        if item.get_closest_marker(part.marker) is not None:
            outcomes.setdefault(part.name, Counter())[outcome] += 1


def closing_lines(config: pytest.Config) -> list[str]:
    """One line a part, also for those that no test ran against."""
    outcomes = config.stash.get(OUTCOMES, {})
    versions = config.stash.get(VERSIONS, {})
    return [_line(part.name, versions.get(part.name, ""), outcomes.get(part.name, Counter())) for part in PARTS]


def _line(name: str, version: str, outcomes: Counter[str]) -> str:
    others = [f"{outcomes[outcome]} {outcome}" for outcome in ("failed", "skipped") if outcomes[outcome]]
    passed = f"{outcomes['passed']:>5} passed"
    title = f"{name} {version}".strip()
    return f"{title:<40} {', '.join([passed, *others])}"
