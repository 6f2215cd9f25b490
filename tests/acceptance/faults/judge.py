"""The judge: compares what the broker acknowledged with what is in the database, and says what is missing, double or wrong.

1. A message is *there* when all of its fixes are in `fixes`, each once and with its own place; a message that is no fix when it is
   in `dead_letters`, once. A message that the broker had acknowledged and that is not there is lost, unless the test has shown
   that the broker itself no longer had it (`held.py`): those are `lost_by_broker`, counted apart.
2. Nothing else is there: no fix that nobody sent, no dead letter of a good message.
3. Events, visits and alerts are those of an undisturbed run: the messages that are there, in their order, through `ingest.replay`
   (the same pipeline, no broker, no database, no clock). Each event once, none retracted or revised.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleet.clock import rfc3339
from ingest.replay import ReplayOptions, replay
from mqttwire.capture import Recorded, capture_line
from tests.acceptance.faults.traffic import FENCES, Sent
from tests.acceptance.worker_process import query

Event = tuple[str, str, str, str]
Visit = tuple[str, str, str, datetime, datetime | None]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Everything is in order; these are the figures."""

    sent: int
    fixes: int
    dead_letters: int
    events: int
    visits: int
    #: Messages that the broker acknowledged and no longer had when it came back.
    lost_by_broker: list[int]

    def __str__(self) -> str:
        return (
            f"{self.sent} messages: {self.fixes} fixes, {self.dead_letters} dead letters, {self.events} events, "
            f"{self.visits} visits; {len(self.lost_by_broker)} lost by the broker"
        )


def judge(database_url: str, sent: Sequence[Sent], folder: Path, *, forgotten: Collection[int] = ()) -> Verdict:
    """Raises AssertionError that says what is wrong. `sent` is what the broker acknowledged; `forgotten` are the numbers of the
    messages that it no longer had after a fault of its own."""
    keys, payloads = set(_fixes(database_url)), set(_letters(database_url))
    there = [message for message in sent if _is_there(message, keys, payloads)]
    missing = {message.number for message in sent} - {message.number for message in there}
    lost = sorted(missing - set(forgotten))
    assert not lost, f"{len(lost)} of {len(sent)} acknowledged messages are lost: {lost[:10]} ... {lost[-3:]}"
    fixes, letters = _check_contents(database_url, there, sent)
    expected_events, expected_visits = undisturbed(there, folder)
    events = _check_events(database_url, expected_events)
    visits = _check_visits(database_url, expected_visits)
    return Verdict(sent=len(sent), fixes=fixes, dead_letters=letters, events=events, visits=visits, lost_by_broker=sorted(missing))


def undisturbed(messages: Sequence[Sent], folder: Path) -> tuple[set[Event], set[Visit]]:
    """What the pipeline finds when nothing goes wrong."""
    capture, fences, out = folder / "undisturbed.ndjson", folder / "fences.geojson", folder / "undisturbed"
    lines = (capture_line(Recorded(message.at_us, message.topic, message.payload)) for message in messages)
    capture.write_bytes(b"".join(line + b"\n" for line in lines))
    fences.write_bytes(FENCES)
    replay(ReplayOptions(capture=capture, out=out, fences=fences))
    events = [json.loads(line) for line in (out / "events.ndjson").read_text().splitlines()]
    visits = [json.loads(line) for line in (out / "visits.ndjson").read_text().splitlines()]
    return (
        {(event["id"], event["type"], event["vehicle"], event["occurred_at"]) for event in events},
        {
            (visit["id"], visit["vehicle"], visit["fence"], *map(_instant, (visit["entered_at"], visit["exited_at"])))
            for visit in visits
        },
    )


def _is_there(message: Sent, keys: Collection[tuple[str, int]], payloads: Collection[bytes]) -> bool:
    return message.fixes.keys() <= keys if message.fixes else message.payload in payloads  # type: ignore[operator]


def _check_contents(database_url: str, there: Sequence[Sent], sent: Sequence[Sent]) -> tuple[int, int]:
    stored, letters = _fixes(database_url), _letters(database_url)
    twice = [key for key, places in stored.items() if len(places) > 1]
    assert not twice, f"{len(twice)} fixes are there twice: {twice[:5]}"
    known = {key: place for message in sent for key, place in message.fixes.items()}
    invented = stored.keys() - known.keys()
    assert not invented, f"{len(invented)} fixes were never sent: {sorted(invented)[:5]}"
    moved = [key for key, places in stored.items() if places[0] != known[key]]
    assert not moved, f"{len(moved)} fixes are at another place than they were sent with: {moved[:5]}"
    expected = Counter(message.payload for message in there if not message.fixes)
    assert letters == expected, f"dead letters differ: {list((letters - expected) + (expected - letters))[:5]}"
    return len(stored), letters.total()


def _check_events(database_url: str, expected: set[Event]) -> int:
    rows = query(database_url, "SELECT id, type, vehicle, occurred_at FROM events ORDER BY seq")
    found = [(id_, kind, vehicle, _text(at)) for id_, kind, vehicle, at in rows]
    assert len(found) == len(set(found)), "an event is there twice"
    missing, surplus = expected - set(found), set(found) - expected
    assert not missing, f"{len(missing)} events are missing: {_sample(missing)}"
    assert not surplus, f"{len(surplus)} events that an undisturbed run does not find: {_sample(surplus)}"
    alerts = query(database_url, "SELECT count(*), count(DISTINCT event_seq) FROM outbox")[0]
    assert alerts == (len(found), len(found)), f"(alerts, events that they tell of) are {alerts}, with {len(found)} events"
    return len(found)


def _check_visits(database_url: str, expected: set[Visit]) -> int:
    columns = "id, vehicle, fence, entered_at, exited_at, retracted"
    rows = query(database_url, f"SELECT {columns} FROM visits")
    assert not [row for row in rows if row[-1]], "visits were taken back"
    found = [row[:-1] for row in rows]
    assert len(found) == len(set(found)), "a visit is there twice"
    assert set(found) == expected, f"visits differ: {_sample(set(found) ^ expected)}"
    return len(found)


def _fixes(database_url: str) -> dict[tuple[str, int], list[tuple[float, float]]]:
    time_us = "(extract(epoch FROM time) * 1000000)::bigint"
    statement = f"SELECT vehicle, {time_us}, lat, lon FROM fixes JOIN vehicles ON vehicles.id = vehicle_id"
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for vehicle, time_us, lat, lon in query(database_url, statement):
        found.setdefault((vehicle, time_us), []).append((lat, lon))
    return found


def _letters(database_url: str) -> Counter[bytes]:
    return Counter(bytes(payload) for (payload,) in query(database_url, "SELECT payload FROM dead_letters"))


def _instant(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def _text(instant: datetime) -> str:
    return rfc3339(instant.astimezone(UTC))


def _sample(rows: set[Any]) -> str:
    kinds = Counter(row[1] for row in rows)
    return f"{dict(kinds.most_common(6))}, such as {sorted(rows, key=str)[:3]}"
