"""The files that a replay writes, one JSON object a line, in the words of the contracts: as it goes, in constant memory."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import orjson

from fleet.clock import rfc3339
from fleet.event import Event
from fleet.message import DeadLetter
from fleet.route import Eta
from fleet.visit import Visit

EVENTS: Final = "events.ndjson"
VISITS: Final = "visits.ndjson"
ETAS: Final = "etas.ndjson"
REFUSED: Final = "refused.ndjson"


class ReplayOutput:
    """A context: opens the four files anew, and closes them. Counts what goes into each. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._files: dict[str, IO[bytes]] = {}
        self.events: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.visits = 0
        self.etas = 0

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in (EVENTS, VISITS, ETAS, REFUSED):
            self._files[name] = self._open.enter_context((self._folder / name).open("wb"))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def write_events(self, events: Iterable[Event]) -> None:
        for event in events:
            self.events[event.type] += 1
            self._write(EVENTS, event.as_json())

    def write_etas(self, etas: Iterable[Eta]) -> None:
        for eta in etas:
            self.etas += 1
            self._write(ETAS, eta_json(eta))

    def write_visits(self, visits: Iterable[Visit]) -> None:
        for visit in visits:
            self.visits += 1
            self._write(VISITS, visit_json(visit))

    def write_refused(self, letters: Iterable[DeadLetter]) -> None:
        for letter in letters:
            self.refused[letter.reason.value] += 1
            self._write(REFUSED, refusal_json(letter))

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        self._files[name].write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))


def eta_json(eta: Eta) -> dict[str, Any]:
    """There are very many: orjson writes the instants itself."""
    return {
        "at": eta.at,
        "tenant": eta.tenant,
        "vehicle": eta.vehicle,
        "route": eta.route,
        "stop": eta.stop,
        "p10": eta.p10,
        "p50": eta.p50,
        "p90": eta.p90,
        "shown": eta.shown,
    }


def visit_json(visit: Visit) -> dict[str, Any]:
    return {
        "id": visit.id,
        "tenant": visit.tenant,
        "vehicle": visit.vehicle,
        "fence": visit.fence,
        "entered_at": rfc3339(visit.entered_at),
        "exited_at": None if visit.exited_at is None else rfc3339(visit.exited_at),
        "confirmed_at": None if visit.confirmed_at is None else rfc3339(visit.confirmed_at),
        "evidence": visit.evidence,
    }


def refusal_json(letter: DeadLetter) -> dict[str, Any]:
    """The payload as text where it is UTF-8, else as `payload_b64` (as in a capture)."""
    record: dict[str, Any] = {
        "received_at": rfc3339(letter.received_at),
        "topic": letter.topic,
        "reason": letter.reason.value,
        "detail": letter.detail,
    }
    try:
        record["payload"] = letter.payload.decode()
    except UnicodeDecodeError:
        record["payload_b64"] = b64encode(letter.payload).decode()
    return record
