"""What has to be published so that what stands of pairs of vehicles is what judging again has found.

Pair by pair, by `ingest.pipeline_diff`. What may be withdrawn is what judging again could have found:

* of a pair that was a candidate in the state that it began from, everything since it was near first;
* of one that was together, what came after the beginning of that;
* of any other, everything after that state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from fleet.clock import from_micros
from fleet.event import Event
from fleet.outcome import Outcome
from geofence.proximity.pairs import Pairs
from geofence.proximity.words import PROXIMITY
from ingest.pipeline_diff import Published, Span, difference

#: The types of all events of pairs, with corrections, as the store is asked for them.
TYPES: Final = (f"{PROXIMITY}*",)

#: Ids of the two, as an event names them: `vehicle` and `other`.
Names: TypeAlias = tuple[str, str]


def since(pairs: Pairs, start: int, slot_us: int) -> datetime:
    """What was published since then has to be at hand."""
    return from_micros(min([start, *pairs["since"].tolist()]) * slot_us)


def corrections(
    published: Iterable[Event],
    found: Iterable[Event],
    pairs: Pairs,
    start: int,
    slot_us: int,
    name_of: Callable[[int], str],
    now: datetime,
) -> list[Event]:
    """`pairs` are the state after the slot `start`, from which `found` was found; `published` is in order of publication."""
    told, new = _by_pair(published), _by_pair(found)
    cuts = _cuts(pairs, slot_us, name_of)
    events: list[Event] = []
    for names in sorted(told.keys() | new.keys()):
        after = from_micros(cuts.get(names, start * slot_us))
        span = Span(after=after, folded=now, fences=frozenset())
        outcome = Outcome(events=list(new.get(names, ())))
        events += difference(Published(events=told.get(names, ())), outcome, [], span, now).events
    return events


def names_of(event: Event) -> Names:
    return event.vehicle, str(event.data["other"])


def _by_pair(events: Iterable[Event]) -> Mapping[Names, Sequence[Event]]:
    grouped: dict[Names, list[Event]] = {}
    for event in events:
        grouped.setdefault(names_of(event), []).append(event)
    return grouped


def _cuts(pairs: Pairs, slot_us: int, name_of: Callable[[int], str]) -> Mapping[Names, int]:
    """By pair of the state the instant after which its events may be withdrawn: a beginning that is proved already stands, and is
    dated to the slot itself."""
    cuts: dict[Names, int] = {}
    for pair in pairs:
        one, two = sorted((name_of(int(pair["first"])), name_of(int(pair["second"]))))
        cuts[one, two] = int(pair["since"]) * slot_us + (1 if pair["together"] else -1)
    return cuts
