"""Fences and drives drawn as text, with the expected events beside them; each in several parts of the world, and each cut into
batches in several ways, alone and in a crowd, through the engine and as the oracle tells it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from fleet.clock import parse_rfc3339
from fleet.event import Event
from geofence.settings import GeofenceSettings
from tests.oracle.drawing import COUNTRIES, TENANT, Country, Drawing, since
from tests.oracle.drives import batch_of
from tests.oracle.visits import Found, findings
from tests.unit.geofence.drawn_shapes import SHAPES
from tests.unit.geofence.drawn_visits import VISITS
from tests.unit.geofence.engines import (
    VEHICLE,
    WAYS,
    by_instant,
    cuts_of,
    engine_for,
    in_a_crowd,
    of_vehicle,
    stepped,
    tick_through,
)

DRAWINGS = (*SHAPES, *VISITS)
#: Enough vehicles to make the others a crowd, few enough to stay quick.
OTHERS = 4
#: How fixes are cut into batches, in columns where that is possible, and without.
PATHS = (*((way, False) for way in WAYS), ("whole", True), ("one by one", True))

drawn = pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: drawing.name.replace(" ", "-"))
everywhere = pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.name)


@drawn
@everywhere
@pytest.mark.parametrize(("way", "folds_all"), PATHS, ids=[f"{way}-{'plain' if plain else 'fast'}" for way, plain in PATHS])
def test_the_drawn_events_are_found(drawing: Drawing, country: Country, way: str, folds_all: bool) -> None:
    fences, fixes = drawing.fences(country), drawing.drive(country)
    engine = engine_for(fences, settings=settings_of(drawing), folds_all=folds_all)
    events = stepped(engine, batch_of(fixes), cuts_of(way, len(fixes)))
    events += tick_through(engine, fixes[-1].time, drawing.silent_s)
    assert told(drawing, events) == sorted(drawing.expected())


@drawn
@everywhere
def test_a_crowd_changes_nothing(drawing: Drawing, country: Country) -> None:
    """Vehicles around it are counted in columns together, or folded beside it."""
    fences, fixes = drawing.fences(country), drawing.drive(country)
    engine = engine_for(fences, range(VEHICLE, VEHICLE + OTHERS + 1), settings_of(drawing))
    crowd = in_a_crowd(fixes, OTHERS)
    events = stepped(engine, crowd, range(OTHERS + 1, len(crowd), OTHERS + 1))
    events += tick_through(engine, fixes[-1].time, drawing.silent_s)
    assert told(drawing, of_vehicle(events)) == sorted(drawing.expected())


@drawn
@everywhere
def test_the_oracle_tells_the_same(drawing: Drawing, country: Country) -> None:
    fixes = drawing.drive(country)
    until = fixes[-1].time + timedelta(seconds=drawing.silent_s)
    found = findings(fixes, drawing.fences(country), settings_of(drawing), until)
    lines = [told_by_oracle(drawing, fence, one) for fence, findings_ in found.items() for one in findings_]
    assert sorted(lines) == sorted(drawing.expected())


def settings_of(drawing: Drawing) -> GeofenceSettings:
    return GeofenceSettings(tenants={TENANT: drawing.tenant})


def told(drawing: Drawing, events: Sequence[Event]) -> list[str]:
    return sorted(_line(drawing, event) for event in by_instant(events))


def _line(drawing: Drawing, event: Event) -> str:
    data, at = event.data, since(drawing.begin, event.occurred_at)
    match event.type.removeprefix("fence."):
        case "crossed":
            return f"crossed {data['fence']} {at} - {since(drawing.begin, parse_rfc3339(data['exited_at']))}"
        case "exited":
            return f"exited {data['fence']} {at} {data['reason']}{' uncertain' if data['end_uncertain'] else ''}"
        case kind:
            return f"{kind} {data['fence']} {at}"


def told_by_oracle(drawing: Drawing, fence: str, found: Found) -> str:
    at, kind = since(drawing.begin, found.at), found.kind.removeprefix("fence.")
    if kind == "crossed" and found.exited_at is not None:
        return f"crossed {fence} {at} - {since(drawing.begin, found.exited_at)}"
    if kind == "exited":
        return f"exited {fence} {at} {found.reason}{' uncertain' if found.end_uncertain else ''}"
    return f"{kind} {fence} {at}"
