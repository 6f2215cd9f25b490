"""Forecasts that are answered many at once are those that would have been made one by one, whatever is learned in between."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eta.model import EtaModel
from fleet.clock import MICROS_PER_S, to_micros
from fleet.progress import Forecasts, Leg, Progress
from fleet.route import Route, Stop
from fleet.samples import Samples
from tests.oracle.effort import effort

EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
#: Routes along the same places, so that what is driven on one is known on the others.
PLACES = ("depot", "school", "mill", "church", "bridge", "farm")


def planned(name: str, start: int, count: int, *, without_times: bool) -> Route:
    stops = tuple(
        Stop(
            id=f"{name}{index}",
            seq=index,
            lat=52.0 + 0.01 * index,
            lon=13.0,
            place=PLACES[(start + index) % len(PLACES)],
            planned_arrival=None if without_times else EIGHT + timedelta(minutes=4 * index),
        )
        for index in range(count)
    )
    return Route(id=name, tenant="acme", vehicle=name, starts_at=EIGHT, stops=stops)


ROUTES = [planned(f"r{number}", number, 3 + number, without_times=number == 2) for number in range(4)]


@st.composite
def progresses(draw: st.DrawFn) -> Progress:
    route = draw(st.sampled_from(ROUTES))
    served = draw(st.integers(0, len(route.stops) - 2))
    arrived = to_micros(EIGHT) + draw(st.integers(-600, 1_800)) * MICROS_PER_S
    at = arrived + draw(st.integers(1, 900)) * MICROS_PER_S
    departed = draw(st.sampled_from([None, arrived + 1]))
    return Progress(route, at, served, arrived, departed, draw(st.floats(0.0, 1.0)), arrived)


@st.composite
def legs(draw: st.DrawFn) -> Leg:
    route = draw(st.sampled_from(ROUTES))
    origin = draw(st.integers(0, len(route.stops) - 2))
    destination = draw(st.integers(origin + 1, len(route.stops) - 1))
    started = to_micros(EIGHT) + draw(st.integers(-600, 1_800)) * MICROS_PER_S
    ended = started + draw(st.integers(60, 900)) * MICROS_PER_S
    return Leg(route=route, origin=origin, destination=destination, left_origin=started + 1, started=started, ended=ended)


def rows(forecasts: Forecasts, number: int) -> list[object]:
    """One forecast, with what is to be learned from it."""
    own = slice(forecasts.starts[number], forecasts.starts[number + 1])
    samples = slice(forecasts.sample_starts[number], forecasts.sample_starts[number + 1])
    rests = slice(forecasts.rest_starts[number], forecasts.rest_starts[number + 1])
    columns = (forecasts.p10, forecasts.p50, forecasts.p90, forecasts.shown)
    return [
        int(forecasts.at[number]),
        int(forecasts.first[number]),
        *(column[own].tolist() for column in columns),
        forecasts.samples[samples].tolist(),
        forecasts.rests[rests].tobytes(),
    ]


def one_by_one(model: EtaModel, happened: Iterable[Progress | Leg], *, late_s: float) -> list[list[object]]:
    found: list[list[object]] = []
    for what in happened:
        if isinstance(what, Progress):
            model.ask(what)
            forecasts = model.answer()
            found.append(rows(forecasts, 0))
            learn(model, forecasts, late_s)
        else:
            model.learn_leg(what)
    return found


def learn(model: EtaModel, forecasts: Forecasts, late_s: float) -> None:
    """The first stop ahead is reached, so late after what was said."""
    kept = Samples(forecasts.samples.tobytes(), forecasts.rests.tobytes())
    samples, rests = kept.take(int(forecasts.first[0]))
    model.learn_arrival(int(forecasts.p50[0]) + round(late_s * MICROS_PER_S), samples, rests)


@effort(100)
@given(known=st.lists(st.one_of(progresses(), legs()), max_size=30), happened=st.lists(st.one_of(progresses(), legs()), min_size=1))
def test_answers_at_once_are_those_one_by_one(known: list[Progress | Leg], happened: list[Progress | Leg]) -> None:
    """The second model has learned the same, is asked in between, and answers only in the end."""
    single, several = EtaModel(), EtaModel()
    one_by_one(single, known, late_s=40.0)
    one_by_one(several, known, late_s=40.0)
    expected, asked = [], 0
    for what in happened:
        if isinstance(what, Progress):
            single.ask(what)
            expected.append(rows(single.answer(), 0))
            several.ask(what)
            asked += 1
        else:
            single.learn_leg(what)
            several.learn_leg(what)
    if asked:
        answers = several.answer()
        assert [rows(answers, number) for number in range(asked)] == expected


@pytest.mark.parametrize("late_s", [-30.0, 0.0, 90.0])
def test_errors_learned_meanwhile_count_for_later_forecasts_only(late_s: float) -> None:
    """A hundred arrivals, each so late: enough for the quantiles to be read again."""
    route, at = ROUTES[3], to_micros(EIGHT) + 400 * MICROS_PER_S
    progress = Progress(route, at, 2, at - 60 * MICROS_PER_S, None, 0.0, at)
    model = EtaModel()
    model.ask(progress)
    before = model.answer()
    model.ask(progress)
    for _ in range(100):
        learn(model, before, late_s)
    model.ask(progress)
    both = model.answer()
    assert rows(both, 0) == rows(before, 0)
    assert rows(both, 1) != rows(before, 0)


def test_a_forecast_says_every_stop_ahead_in_order_with_the_median_between_its_quantiles() -> None:
    route, at = ROUTES[1], to_micros(EIGHT) + 300 * MICROS_PER_S
    model = EtaModel()
    model.ask(Progress(route, at, 1, at - 10 * MICROS_PER_S, None, 0.0, at))
    forecasts = model.answer()
    assert (forecasts.first.tolist(), forecasts.starts.tolist()) == ([2], [0, 2])
    assert (forecasts.p10 <= forecasts.p50).all()
    assert (forecasts.p50 <= forecasts.p90).all()
    assert (np.diff(forecasts.p50) >= 0).all()
    assert (forecasts.shown <= forecasts.p50).all()


def test_what_was_learned_goes_on_after_a_restart() -> None:
    model, fresh = EtaModel(), EtaModel()
    at = to_micros(EIGHT) + 500 * MICROS_PER_S
    progress = Progress(ROUTES[3], at, 2, at - 60 * MICROS_PER_S, at - 5 * MICROS_PER_S, 0.25, at)
    one_by_one(model, [progress] * 30, late_s=75.0)
    for origin in range(3):
        model.learn_leg(
            Leg(route=ROUTES[3], origin=origin, destination=origin + 1, left_origin=None, started=at - 900_000_000, ended=at)
        )
    fresh.restore(model.snapshot())
    later = progress._replace(at=at + 120 * MICROS_PER_S)  # legs that were just driven are looked up a minute later
    assert one_by_one(fresh, [later], late_s=0.0) == one_by_one(model, [later], late_s=0.0)
