"""When pins move by themselves, and when that is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet.geodesy import METRES_PER_DEGREE
from fleet.place_decision import PlaceDecision, PlaceStep
from fleet.place_learning import is_offered, next_decision
from fleet.place_rules import NO_PLACE_RULES, PlaceLearning, PlaceRules
from fleet.places import Stand, known_places

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AUTOMATIC = PlaceRules(learning=PlaceLearning.AUTOMATIC)
OFF = PlaceRules(learning=PlaceLearning.OFF)


def stands(*north_m: float, pin_m: float = 150.0) -> list[Stand]:
    """Visits that stood so far north of 52 N."""
    return [
        Stand(
            tenant="acme",
            place="bakery",
            visit=(f"r{number}", f"s{number}"),
            at=NOW + timedelta(days=number),
            lat=52.0 + metres / METRES_PER_DEGREE,
            lon=13.0,
            stood_s=120.0,
            pin_m=pin_m,
            is_arrival=False,
        )
        for number, metres in enumerate(north_m)
    ]


def decided(step: PlaceStep, north_m: float = 0.0) -> PlaceDecision:
    where: dict[str, Any] = {"lat": 52.0 + north_m / METRES_PER_DEGREE, "lon": 13.0} if step.has_position else {}
    return PlaceDecision(tenant="acme", id="bakery", step=step, by="somebody", at=NOW, **where)


def following(
    visits: Sequence[Stand], current: PlaceDecision | None = None, rules: PlaceRules = AUTOMATIC
) -> tuple[PlaceStep, float | None] | None:
    """The step, and how far north of 52 N it puts the place."""
    found = next_decision(visits, current, rules, "acme", "bakery", NOW)
    if found is None:
        return None
    return found.step, None if found.lat is None else round((found.lat - 52.0) * METRES_PER_DEGREE)


def test_a_pin_moves_when_enough_visits_agree() -> None:
    assert following(stands(0, 4, -4, 8, -8)) == (PlaceStep.LEARNED, 0)
    assert following(stands(0, 4, -4, 8)) is None
    assert following(stands(0, 4, -4, 8), rules=PlaceRules(learning=PlaceLearning.AUTOMATIC, min_visits=4)) is not None


def test_visits_further_apart_than_the_rule_says_do_not_agree() -> None:
    spread = stands(0, 20, -20, 22, -22)
    assert following(spread) == (PlaceStep.LEARNED, 0)
    assert following(spread, rules=PlaceRules(learning=PlaceLearning.AUTOMATIC, within_m=10.0)) is None


def test_half_of_all_visits_have_to_agree() -> None:
    assert following(stands(0, 1, 2, 3, 4, 300, -300, 400, -400, 500, -500)) is None


def test_a_pin_that_is_right_already_stays() -> None:
    assert following(stands(0, 1, 2, 3, 4, pin_m=12.0)) is None
    assert following(stands(0, 1, 2, 3, 4), decided(PlaceStep.LEARNED, 3)) is None


def test_a_place_that_has_moved_is_followed() -> None:
    assert following(stands(90, 91, 92, 93, 94), decided(PlaceStep.LEARNED)) == (PlaceStep.TAKEN_BACK, None)
    both = stands(0, 1, 2, 3, 4, 90, 91, 92, 93, 94, 95)
    assert following(both, decided(PlaceStep.LEARNED)) == (PlaceStep.LEARNED, 90)


@pytest.mark.parametrize("rules", [AUTOMATIC, NO_PLACE_RULES, OFF], ids=["automatic", "suggest", "off"])
def test_visits_that_are_gone_take_a_learned_position_back(rules: PlaceRules) -> None:
    assert following(stands(0, 1, 2, 3), decided(PlaceStep.LEARNED), rules) == (PlaceStep.TAKEN_BACK, None)
    assert following([], decided(PlaceStep.LEARNED), rules) == (PlaceStep.TAKEN_BACK, None)


def test_visits_that_disagree_take_nothing_back() -> None:
    assert following(stands(0, 1, 2, 3, 4, 300, 500, -700), decided(PlaceStep.LEARNED)) is None


@pytest.mark.parametrize("step", [PlaceStep.ACCEPTED, PlaceStep.WITHDRAWN])
@pytest.mark.parametrize("visits", [[], [90, 91, 92, 93, 94]], ids=["none left", "elsewhere"])
def test_what_a_person_has_said_stays(step: PlaceStep, visits: list[float]) -> None:
    assert following(stands(*visits), decided(step)) is None


@pytest.mark.parametrize("rules", [NO_PLACE_RULES, OFF], ids=["suggest", "off"])
def test_nothing_moves_by_itself_unless_the_tenant_wants_it(rules: PlaceRules) -> None:
    assert following(stands(0, 1, 2, 3, 4), rules=rules) is None


@pytest.mark.parametrize(
    ("current", "rules", "is_asked"),
    [
        (None, NO_PLACE_RULES, True),
        (None, OFF, False),
        (decided(PlaceStep.WITHDRAWN), NO_PLACE_RULES, False),
        (decided(PlaceStep.TAKEN_BACK), NO_PLACE_RULES, True),
        (decided(PlaceStep.ACCEPTED, 5), NO_PLACE_RULES, False),
        (decided(PlaceStep.ACCEPTED, 80), NO_PLACE_RULES, True),
    ],
)
def test_a_person_is_asked_about_what_is_news(current: PlaceDecision | None, rules: PlaceRules, is_asked: bool) -> None:
    (known,) = known_places(stands(0, 1, 2))
    assert is_offered(known, current, rules) == is_asked


def test_too_few_visits_are_not_offered() -> None:
    (known,) = known_places(stands(0, 1))
    assert not is_offered(known, None, NO_PLACE_RULES)
