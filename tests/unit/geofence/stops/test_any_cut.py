"""Arrivals, departures, skips and suggestions are the same however a stream is cut, and over restarts at any fix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.event import Event
from fleet.route import Route
from geofence.stops.engine import PREDICTED, RouteEngine
from tests.unit.geofence.stops.street import KEY, At, at, batch, engine, route, stop

#: Streets and houses lie on a grid, so that stops share places, lie within each other's radius, and are passed twice.
GRID_M = 60.0


@st.composite
def plans(draw: st.DrawFn) -> list[Route]:
    made: list[Route] = []
    squares: list[tuple[int, int]] = []
    for number in range(draw(st.integers(1, 3))):
        dwell_s = draw(st.sampled_from([0.0, None, 60.0]))
        if not squares or draw(st.booleans()):  # else a rival of the route before
            squares = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=2, max_size=7))
        begins_s = draw(st.sampled_from([0.0, 300.0, 900.0]))
        stops = [
            stop(
                f"r{number}.{index}:{x}/{y}",
                x * GRID_M,
                y * GRID_M,
                planned_s=begins_s + 60.0 * index,
                dwell_s=dwell_s,
                radius_m=draw(st.sampled_from([30.0, 80.0])),
            )
            for index, (x, y) in enumerate(squares)
        ]
        made.append(route(f"r{number}", *stops, starts_s=begins_s))
    return made


@st.composite
def drives(draw: st.DrawFn) -> list[At]:
    """From square to square with stands, gaps, and bad fixes."""
    fixes: list[At] = []
    time_s, x_m, y_m = 0.0, 0.0, 0.0
    for _ in range(draw(st.integers(3, 14))):
        to_x, to_y = draw(st.integers(0, 12)) * GRID_M, draw(st.integers(0, 3)) * GRID_M
        steps = draw(st.integers(1, 6))
        for step in range(1, steps + 1):
            time_s += draw(st.sampled_from([5.0, 15.0, 40.0]))
            share = step / steps
            fixes.append(At(time_s, x_m + share * (to_x - x_m), y_m + share * (to_y - y_m), draw(st.sampled_from([None, 8.0]))))
        x_m, y_m = to_x, to_y
        for _ in range(draw(st.integers(0, 14))):
            time_s += 10.0
            accuracy_m = draw(st.sampled_from([None, None, 8.0, 90.0]))
            fixes.append(At(time_s, x_m + draw(st.integers(-9, 9)), y_m, draw(st.sampled_from([None, 0.0])), accuracy_m))
        time_s += draw(st.sampled_from([0.0, 0.0, 0.0, 400.0]))
    return fixes


def found(events: Sequence[Event]) -> list[tuple[str, str, str]]:
    """What is told apart from forecasts; evidence may count fewer fixes after a restart."""
    return [
        (event.id, event.type, event.data["stop"])
        for event in events
        if event.type.removesuffix(".revised").removesuffix(".retracted") not in PREDICTED
    ]


def taken(made: RouteEngine, fixes: Sequence[At], cuts: Sequence[int]) -> list[Event]:
    events: list[Event] = []
    rows = batch(fixes)
    for start, end in zip([0, *cuts], [*cuts, len(fixes)], strict=True):
        events += made.step(rows.take(np.arange(start, end)), at(0)).events
    return events


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(planned=plans(), fixes=drives(), data=st.data())
def test_any_cut_finds_the_same(planned: list[Route], fixes: list[At], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(fixes)), max_size=12)))
    at_once = taken(engine(*planned), fixes, [])
    assert found(taken(engine(*planned), fixes, cuts)) == found(at_once)
    assert found(taken(engine(*planned), fixes, range(1, len(fixes)))) == found(at_once)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(planned=plans(), fixes=drives(), data=st.data())
def test_a_restart_goes_on_as_if_nothing_had_happened(planned: list[Route], fixes: list[At], data: st.DataObject) -> None:
    rows, events = batch(fixes), []
    made = engine(*planned)
    for start, end in _spans(data.draw(st.lists(st.integers(0, len(fixes)), max_size=6)), len(fixes)):
        events += made.step(rows.take(np.arange(start, end)), at(0)).events
        fresh = engine(*planned)
        fresh.restore(made.snapshot([KEY]))
        made = fresh
    assert found(events) == found(taken(engine(*planned), fixes, []))


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(planned=plans(), fixes=drives())
def test_what_is_withdrawn_was_said_and_nothing_is_said_twice(planned: list[Route], fixes: list[At]) -> None:
    events = taken(engine(*planned), fixes, [])
    ids: set[str] = set()
    standing: set[str] = set()
    for event in events:
        assert event.id not in ids, event
        ids.add(event.id)
        if event.type.removesuffix(".revised").removesuffix(".retracted") in PREDICTED:
            continue
        corrected = event.data.get("of")
        if corrected is not None:
            assert corrected in standing, event
            standing.discard(corrected)
        standing.add(event.id)
    _hold_one_each([event for event in events if event.id in standing and not event.type.endswith(".retracted")])


def _hold_one_each(events: Sequence[Event]) -> None:
    """No stop has two arrivals that stand, none both an arrival and a skip."""
    said: dict[tuple[str, str], set[str]] = {}
    for event in events:
        kind = event.type.removesuffix(".revised")
        if kind in ("stop.arrived", "stop.skipped"):
            kinds = said.setdefault((event.data["route"], event.data["stop"]), set())
            assert kind not in kinds, event
            kinds.add(kind)
            assert len(kinds) == 1, event


def _spans(cuts: Sequence[int], size: int) -> list[tuple[int, int]]:
    ends = [*sorted(cuts), size]
    return list(zip([0, *ends[:-1]], ends, strict=True))
