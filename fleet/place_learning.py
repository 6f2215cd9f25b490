"""What a tenant's rule of automatic moves makes of what was learned of a place. Pure: visits and rules in, a decision out.

1. A person has decided: nothing moves by itself.
2. Enough visits agree, well away from where stops are gone by: the place moves there.
3. A learned position has lost visits that it rests on (late data took them back): it is taken back. Visits that merely disagree
   take nothing away; once enough of them agree with one another, the place moves on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fleet.geodesy import distance_m
from fleet.place_decision import LEARNING, PlaceDecision, PlaceStep
from fleet.place_rules import PlaceLearning, PlaceRules
from fleet.places import KnownPlace, Stand, known_places, longest_stands

#: A pin nearer than this to where vehicles stand is right: a kerb's length, and the noise of what is compared.
MIN_MOVE_M: Final = 25.0


def next_decision(
    stands: Sequence[Stand], current: PlaceDecision | None, rules: PlaceRules, tenant: str, place: str, now: datetime
) -> PlaceDecision | None:
    """What follows for a place from all of its stands; None: it stays as it is."""
    if current is not None and current.step.is_a_persons:
        return None
    visits = longest_stands(stands)
    is_learned = current is not None and current.step is PlaceStep.LEARNED
    if is_learned and current is not None and _supporters(visits, current, rules) < rules.visits_to_move:
        return PlaceDecision(tenant=tenant, id=place, step=PlaceStep.TAKEN_BACK, by=LEARNING, at=now, visits=len(visits))
    if rules.mode is not PlaceLearning.AUTOMATIC or not visits:
        return None
    (known,) = known_places(visits)
    if not known.agrees(rules.visits_to_move, rules.metres_to_move) or away_m(known, current) < MIN_MOVE_M:
        return None
    return PlaceDecision(
        tenant=tenant, id=place, step=PlaceStep.LEARNED, lat=known.lat, lon=known.lon, by=LEARNING, at=now, visits=known.visits
    )


def is_offered(known: KnownPlace, current: PlaceDecision | None, rules: PlaceRules) -> bool:
    """Whether a person should be asked to accept what was learned."""
    has_refused = current is not None and current.step is PlaceStep.WITHDRAWN
    return known.is_learned and rules.mode is not PlaceLearning.OFF and not has_refused and away_m(known, current) >= MIN_MOVE_M


def away_m(known: KnownPlace, current: PlaceDecision | None) -> float:
    """How far the learned position is from where stops at the place are gone by; 0 where nothing was learned."""
    if known.lat is None or known.lon is None:
        return 0.0
    if current is None or current.lat is None or current.lon is None:
        return known.pin_m
    return distance_m(known.lat, known.lon, current.lat, current.lon)


def _supporters(visits: Sequence[Stand], position: PlaceDecision, rules: PlaceRules) -> int:
    """Visits that speak for a position. It is the median of those that agreed, so that each lies within twice their distance."""
    if position.lat is None or position.lon is None:
        return 0
    within_m = 2.0 * rules.metres_to_move
    return sum(distance_m(stand.lat, stand.lon, position.lat, position.lon) <= within_m for stand in visits)
