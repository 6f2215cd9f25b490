"""What is known of places at the moment: learned from the events of a span, and decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from api.services import Services
from fleet.event import Event
from fleet.place_decision import PlaceDecision
from fleet.place_rules import NO_PLACE_RULES, PlaceRules
from fleet.places import KINDS, KnownPlace, known_places, standing_stands
from store.protocol import NotFound

#: Where nothing else is asked for.
SPAN: Final = timedelta(days=60)
_PAGE: Final = 1_000
_TYPES: Final = [f"{kind}*" for kind in KINDS]
#: So many events are looked at, the newest first; a fleet that makes more in the span is shown what they say.
_MOST_EVENTS: Final = 50_000
_MOST_STANDS: Final = 1_000

#: What was learned of a place, and what was decided about it.
Known: TypeAlias = tuple[KnownPlace | None, PlaceDecision | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Visits that count, both ends included."""

    start: datetime
    end: datetime | None

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at <= self.end)


async def all_places(services: Services, tenant: str | None, span: Span) -> dict[tuple[str, str], Known]:
    """By tenant and id: those with visits in the span, and those that something was decided about."""
    learned = known_places(standing_stands(await _events(services, tenant, span)))
    found: dict[tuple[str, str], Known] = {(place.tenant, place.id): (place, None) for place in learned}
    after: str | None = None
    while decisions := await services.store.places.list(tenant, limit=_PAGE, after=after):
        for decision in decisions:
            known, _ = found.get((decision.tenant, decision.id), (None, None))
            found[decision.tenant, decision.id] = (known, decision)
        last = decisions[-1]
        after = last.id if tenant is not None else f"{last.tenant}/{last.id}"
    return found


async def one_place(services: Services, tenant: str, place: str, span: Span, *, must_exist: bool = True) -> Known:
    """Raises NotFound where nothing is known of it at all, unless that does not matter."""
    try:
        decision = await services.store.places.get(tenant, place)
    except NotFound:
        decision = None
    stands = standing_stands(await services.store.places.stands(tenant, place, limit=_MOST_STANDS))
    learned = known_places(stand for stand in stands if stand.at in span)
    if not learned and decision is None and must_exist:
        raise NotFound("place", place)
    return learned[0] if learned else None, decision


async def rules_of(services: Services, tenant: str) -> PlaceRules:
    try:
        return (await services.store.tenants.get(tenant)).settings.places
    except NotFound:
        return NO_PLACE_RULES


async def _events(services: Services, tenant: str | None, span: Span) -> list[Event]:
    events: list[Event] = []
    seq = 0
    while len(events) < _MOST_EVENTS:
        found = await services.store.events(
            tenant, types=_TYPES, start=span.start, end=span.end, after_seq=seq, limit=_PAGE, newest_first=True
        )
        events += [numbered.event for numbered in found]
        if len(found) < _PAGE:
            break
        seq = found[-1].seq
    return events[::-1]
