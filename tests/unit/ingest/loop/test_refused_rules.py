"""Allowed hours that cannot be read are logged, once each, with the reason."""

from __future__ import annotations

import logging

import pytest

from fleet.clock import parse_rfc3339
from fleet.movement_rules import MovementRules, MovementScope
from ingest.loop.refused_rules import RefusedRules
from ingest.pipeline import Pipeline
from store.records import World

NOW = parse_rfc3339("2026-03-02T06:00:00Z")
GOOD = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260302T080000Z\nDTEND:20260302T180000Z\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n"
)


def test_each_is_told_once_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    pipeline, refused = Pipeline(), RefusedRules()

    def told(**hours: str) -> list[str]:
        """What is logged once the vehicles have these hours; `acme` has them as a tenant."""
        caplog.clear()
        scopes = [
            MovementScope(tenant="acme", vehicle=None if name == "acme" else name, rules=MovementRules(allowed_hours=text))
            for name, text in hours.items()
        ]
        pipeline.apply(World(movement=scopes), NOW)
        refused.tell(pipeline.refused_rules)
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    (first,) = told(acme=GOOD, ford="nonsense")
    assert first.startswith("vehicle ford of tenant acme is held to no allowed hours, since they cannot be read: ")
    assert len(first) > len("vehicle ford of tenant acme is held to no allowed hours, since they cannot be read: ")
    assert told(acme=GOOD, ford="nonsense") == []
    (second,) = told(acme="more nonsense", ford="nonsense")
    assert second.startswith("tenant acme is held to no allowed hours")
    assert told(acme=GOOD, ford=GOOD) == []
    assert len(told(ford="nonsense")) == 1
