"""The difference between what was published of a vehicle and what folding its fixes again has found.

Only the difference is published: new findings as they are, changed ones as `.revised`, vanished ones as `.retracted`; `of` names
the event that is replaced or withdrawn, and that may be a correction itself. What an event says is its type, when it
occurred and its data without evidence: evidence that grew is no news to anybody.

Forecasts are left alone: they were right to be made with what was known then, and learning has gone on since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson

from fleet.clock import from_micros, parse_rfc3339, rfc3339
from fleet.etas import Etas
from fleet.event import Event, content_id
from fleet.outcome import Outcome
from fleet.route import StopState, StopStatus
from fleet.visit import Visit
from geofence.stops.engine import PREDICTED

REVISED: Final = ".revised"
RETRACTED: Final = ".retracted"

#: Parts of an event's data that are about how it became known.
_IMMATERIAL: Final = frozenset({"evidence", "proved_at", "of"})
#: Parts of an event's data that name what it is about.
_SUBJECTS: Final = ("fence", "route", "stop", "rule")

#: Events of engines of which nothing is pending at an anchor.
_SETTLED: Final = ("fence.", "vehicle.")

#: What an event says: type, instant, the rest as canonical JSON.
Saying: TypeAlias = tuple[str, datetime, bytes]

_STATUSES: Final = {
    "stop.approaching": StopStatus.APPROACHING,
    "stop.arrived": StopStatus.ARRIVED,
    "stop.departed": StopStatus.DEPARTED,
    "stop.completed": StopStatus.COMPLETED,
    "stop.skipped": StopStatus.SKIPPED,
    "stop.failed": StopStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the store holds of one vehicle over the span that is folded again (and some time before it): all events in the order in
    which they were published, with corrections, and the visits that are not retracted."""

    events: Sequence[Event] = ()
    visits: Sequence[Visit] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was folded again: fixes after `after`, at which nothing was pending; `folded` is the newest instant that had been folded
    before."""

    after: datetime
    folded: datetime
    #: Fences that are still there. What was found about others stands.
    fences: frozenset[str]


@dataclass(slots=True)
class _Ledger:
    """Events with their corrections applied: which stand, and what became of each."""

    standing: dict[str, Event] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    #: Of each event that was corrected: the correction that came last.
    followed_by: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> _Ledger:
        ledger = cls()
        for event in events:
            ledger.add(event)
        return ledger

    def add(self, event: Event) -> None:
        self.ids.add(event.id)
        corrected = event.data.get("of")
        if corrected is not None:
            self.standing.pop(corrected, None)
            self.followed_by[corrected] = event.id
        if event.id in self.followed_by:
            return  # told before, and corrected since
        if not event.type.endswith(RETRACTED):
            self.standing[event.id] = event

    def newest(self, identity: str) -> str:
        """The end of the chain of corrections that begins with this event."""
        while identity in self.followed_by:
            identity = self.followed_by[identity]
        return identity


def difference(published: Published, found: Outcome, open_visits: Sequence[Visit], span: Span, now: datetime) -> Outcome:
    """What has to be published so that what stands is what was found. `open_visits` have not ended."""
    told, new = _Ledger.of(published.events), _Ledger.of(found.events)
    outcome = Outcome(events=_events(told, new, span, now), visits=_visits(published.visits, found.visits, open_visits, span))
    outcome.routes = list(found.routes)
    outcome.stops = list(found.stops)
    outcome.stops += _taken_back(outcome, told, span)
    outcome.etas = Etas(eta for eta in found.etas if eta.at > span.folded)
    return outcome


def standing(events: Iterable[Event]) -> list[Event]:
    """The events that stand when all corrections are applied, under the types that they had before them."""
    return [replace(event, type=base_type(event.type)) for event in _Ledger.of(events).standing.values()]


def base_type(kind: str) -> str:
    """The type without the word for a correction."""
    return kind.removesuffix(REVISED).removesuffix(RETRACTED)


def saying(event: Event) -> Saying:
    """What the event says, without how it became known."""
    material = {name: value for name, value in event.data.items() if name not in _IMMATERIAL}
    return base_type(event.type), event.occurred_at, orjson.dumps(material, option=orjson.OPT_SORT_KEYS)


def _events(told: _Ledger, new: _Ledger, span: Span, now: datetime) -> list[Event]:
    said = {saying(event) for event in told.standing.values()}
    wanted = [event for event in new.standing.values() if not _is_forecast(event)]
    still_said = {saying(event) for event in wanted}
    vanished = [event for event in told.standing.values() if _may_vanish(event, span) and saying(event) not in still_said]
    published = [event for event in new.standing.values() if _is_forecast(event) and event.occurred_at > span.folded]
    changed = [event for event in wanted if saying(event) not in said]
    # What has the id of a vanished event takes its place, before others look for the nearest one.
    ids = {event.id for event in vanished}
    for event in sorted(changed, key=lambda event: event.id not in ids):
        before = _counterpart(event, vanished)
        if before is not None:
            vanished.remove(before)
            published.append(_correction(event, REVISED, before.id, now))
        else:
            published.append(_said_anew(event, told, now))
    published += [_correction(event, RETRACTED, event.id, now) for event in vanished]
    return published


def _is_forecast(event: Event) -> bool:
    return base_type(event.type) in PREDICTED


def _may_vanish(event: Event, span: Span) -> bool:
    """Whether the event was brought about by what has been folded again, and could have been found again."""
    if _is_forecast(event) or (event.type.startswith("fence.") and event.data.get("fence") not in span.fences):
        return False
    said = event.data.get("proved_at")
    proved_at = parse_rfc3339(said) if isinstance(said, str) else event.occurred_at
    if event.type.startswith(_SETTLED):
        # When it was proved is as it was when it was published, and may have changed since: it is looked at only where the
        # instant itself does not tell.
        return _is_after(event.occurred_at, proved_at, span)
    return max(event.occurred_at, proved_at) > span.after


def _is_after(dated: datetime, proved_at: datetime, span: Span) -> bool:
    return dated > span.after or (dated == span.after and proved_at > span.after)


def _subject(event: Event) -> tuple[Any, ...]:
    return base_type(event.type), *(event.data.get(name) for name in _SUBJECTS)


def _counterpart(event: Event, vanished: Sequence[Event]) -> Event | None:
    """The vanished event of the same type about the same thing that has the same id, else the one that is nearest in time."""
    alike = [other for other in vanished if _subject(other) == _subject(event)]
    return min(alike, key=lambda other: (other.id != event.id, abs(other.occurred_at - event.occurred_at)), default=None)


def _correction(event: Event, suffix: str, corrected: str, now: datetime) -> Event:
    kind = base_type(event.type) + suffix
    identity = content_id(kind, event.tenant, event.vehicle, rfc3339(event.occurred_at), corrected, saying(event)[2].decode())
    return replace(event, id=identity, type=kind, recorded_at=now, data={**event.data, "of": corrected})


def _said_anew(event: Event, told: _Ledger, now: datetime) -> Event:
    """A finding that replaces none: the event itself, where its id was never told. One that was withdrawn is put back by revising
    what withdrew it; one in whose place another stands by now is said under an id of its own."""
    plain = _plain(event) if event.type.endswith(REVISED) else event
    identity = plain.id
    while identity in told.ids:
        newest = told.newest(identity)
        if newest not in told.standing:
            return _correction(plain, REVISED, newest, now)
        identity = content_id(identity, newest)
    return replace(plain, id=identity)


def _plain(event: Event) -> Event:
    """A finding that was revised within the fold itself, said for the first time."""
    kind, occurred_at, material = saying(event)
    data = {name: value for name, value in event.data.items() if name != "of"}
    identity = content_id(kind, event.tenant, event.vehicle, rfc3339(occurred_at), material.decode())
    return replace(event, id=identity, type=kind, data=data)


def _visits(published: Sequence[Visit], found: Sequence[Visit], open_visits: Sequence[Visit], span: Span) -> list[Visit]:
    wanted = {visit.id: visit for visit in found}
    known = {visit.id: visit for visit in published}
    for visit in open_visits:
        # Of an open visit the first word stands, unless its end was told.
        said = wanted.get(visit.id) or known.get(visit.id)
        wanted[visit.id] = visit if said is None or said.exited_at is not None else said
    changed = [visit for visit in wanted.values() if known.get(visit.id) != visit]
    vanished = [
        replace(visit, retracted=True)
        for visit in published
        if visit.id not in wanted
        and not visit.retracted
        and visit.fence in span.fences
        and visit.confirmed_at is not None
        and _is_after(visit.entered_at, visit.confirmed_at, span)
    ]
    return vanished + changed


def _taken_back(outcome: Outcome, told: _Ledger, span: Span) -> list[StopState]:
    """States of stops whose last finding was withdrawn: back to what still stands."""
    renewed = {(state.route, state.stop) for state in outcome.stops}
    result = {}
    for event in outcome.events:
        kind = base_type(event.type)
        subject = (event.data.get("route"), event.data.get("stop"))
        if not event.type.endswith(RETRACTED) or kind not in _STATUSES or subject in renewed:
            continue
        result[subject] = _state(event, _remaining(told, outcome.events, subject), span)
    return list(result.values())


def _remaining(told: _Ledger, corrections: Sequence[Event], subject: tuple[Any, Any]) -> Mapping[StopStatus, datetime]:
    """What still stands of a stop: its statuses with their instants, in order of time."""
    withdrawn = {event.data.get("of") for event in corrections}
    events = [
        event
        for event in told.standing.values()
        if event.id not in withdrawn and (event.data.get("route"), event.data.get("stop")) == subject
    ]
    ordered = sorted(events, key=lambda event: event.occurred_at)
    return {_STATUSES[base_type(event.type)]: event.occurred_at for event in ordered if base_type(event.type) in _STATUSES}


def _state(event: Event, remaining: Mapping[StopStatus, datetime], span: Span) -> StopState:
    return StopState(
        tenant=event.tenant,
        vehicle=event.vehicle,
        route=str(event.data["route"]),
        stop=str(event.data["stop"]),
        status=list(remaining)[-1] if remaining else StopStatus.PLANNED,
        arrived_at=remaining.get(StopStatus.ARRIVED),
        departed_at=remaining.get(StopStatus.DEPARTED),
        changed_at=span.folded,
    )


def instant(micros: int) -> datetime:
    """The datetime of an instant, cut to what a datetime can hold."""
    return from_micros(max(micros, _EARLIEST))


#: 0001-01-02, in microseconds since 1970: as early as every time zone can say it.
_EARLIEST: Final = -62_135_510_400_000_000
