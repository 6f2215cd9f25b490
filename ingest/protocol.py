"""The seams of ingest: where messages come from (`Source`), and how bytes become fixes (`Format`).

The worker's loop knows these two and nothing of MQTT, files or JSON.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from fleet.command import Answer, Uplink
from fleet.connection import Connection
from fleet.fix import FixBatch, Int32s
from fleet.message import MessageBatch
from fleet.screening import Reason


class Source(Protocol):
    """Hands over batches of raw messages and is told afterwards that a batch is safe.

    The contract that every source passes (`tests/integration/ingest/sources/test_conformance.py`):

    1. A message is handed over at least once, and again after a restart unless its batch was acknowledged.
    2. Within one connection messages of one topic come in the order in which the broker sent them.
    3. What is handed over and not acknowledged is bounded (the window); a slow consumer slows the broker, never memory.
    4. `ack` of a batch from a connection that is gone is harmless: the messages come again.
    5. `batches` ends only when the source is closed or exhausted; a lost connection is mended inside, with backoff.
    """

    def batches(self) -> AsyncIterator[MessageBatch]:
        """Batches in order of receipt, never empty. One consumer."""
        ...

    async def ack(self, batch: MessageBatch) -> None:
        """Everything in the batch is safe: the source may forget it. Batches are acknowledged in the order handed over."""
        ...

    async def close(self) -> None:
        """Stop taking messages, let go of the connection; what was not acknowledged stays at the broker."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether the other side is reachable just now (for `/readyz`)."""
        ...


@dataclass(slots=True, kw_only=True)
class Refusal:
    """Message number `message` of the batch (or one fix in it) was refused."""

    message: int
    reason: Reason
    detail: str = ""
    #: (tenant, ident) where the message names them: whose dead letter it is.
    tracker: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Message number `message` of the batch says of a tracker whether it is connected."""

    message: int
    connection: Connection


@dataclass(slots=True, kw_only=True)
class Decoded:
    """What a format made of a batch.

    `fixes.vehicle` is not filled yet; instead `tracker` (int32, one per fix) indexes `trackers`, the distinct
    (tenant, ident) pairs of this batch. Every message of the batch is represented by at least one fix, one refusal, or
    an index in `ignored` (understood, and rightly no fix: a status, a lwt, an event without a position that says so).
    """

    fixes: FixBatch
    tracker: Int32s = field(default_factory=lambda: np.zeros(0, np.int32))
    trackers: Sequence[tuple[str, str]] = ()
    refused: list[Refusal] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)
    #: What trackers said to commands; their messages are in `ignored`.
    answers: list[Answer] = field(default_factory=list)
    #: How trackers of this batch were heard that do not speak the native format; filled by the router.
    uplinks: list[Uplink] = field(default_factory=list)
    #: Which trackers say that they are connected, or not; their messages are in `ignored`.
    heard: list[Heard] = field(default_factory=list)


class Format(Protocol):
    """One wire format: pure `bytes -> fixes`, no clock, no I/O, raises nothing for bad input."""

    name: str
    #: MQTT topic filters of the format's messages; the worker subscribes to them.
    topics: tuple[str, ...]

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        """All messages of the batch are this format's (the router split them). Bulk first, one by one only when needed."""
        ...
