"""The frame of the formats that look at their messages one by one: decode each, refuse what is unreadable, never raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleet.clock import from_micros
from fleet.command import Answer
from fleet.message import MessageBatch
from ingest.formats.extras import storable
from ingest.formats.refusing import Unreadable
from ingest.formats.rows import Row, Rows
from ingest.protocol import Decoded

KMH_PER_MPS = 3.6


@dataclass(slots=True)
class Message:
    """One message, and where what it says goes."""

    index: int
    topic: str
    payload: bytes
    #: Microseconds since 1970 UTC.
    received: int
    tenant: str
    rows: Rows

    def add(self, ident: str, row: Row) -> None:
        self.rows.add(self.index, self.tenant, ident, row)

    def ignore(self) -> None:
        self.rows.ignore(self.index)

    def answer(self, ident: str, data: Any, *, key: str = "", has_failed: bool = False) -> None:
        """It is what the tracker says to a command."""
        received_at = from_micros(self.received)
        answer = Answer(
            tenant=self.tenant, tracker=ident, key=key, data=storable(data), has_failed=has_failed, received_at=received_at
        )
        self.rows.answer(self.index, answer)

    def refuse(self, unreadable: Unreadable, ident: str | None = None) -> None:
        whose = None if ident is None else (self.tenant, ident)
        self.rows.refuse(self.index, unreadable.reason, unreadable.detail, whose)


def decode_each(batch: MessageBatch, default_tenant: str, read: Callable[[Message], None]) -> Decoded:
    """`read` adds to the message what it finds; Unreadable from it refuses the message."""
    rows = Rows()
    for index, (topic, payload, received) in enumerate(zip(batch.topics, batch.payloads, batch.received, strict=True)):
        message = Message(index, topic, payload, received, default_tenant, rows)
        try:
            read(message)
        except Unreadable as unreadable:
            message.refuse(unreadable)
    return rows.decoded(batch.received)


def from_kmh(speed_kmh: float | None) -> float | None:
    return None if speed_kmh is None else speed_kmh / KMH_PER_MPS
