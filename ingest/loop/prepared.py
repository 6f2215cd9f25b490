"""Work that is ready to be written: chunks of messages with what came of them, put together into one commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fleet.command import Answer, Uplink
from fleet.connection import Connection
from fleet.fix import FixBatch
from fleet.message import DeadLetter, MessageBatch
from fleet.outcome import Outcome
from fleet.screening import Flag, Reason
from fleet.tracker_clock import TrackerClock
from ingest.loop.checkpoints import Slice
from ingest.loop.gathering import joined, weight_of
from store.protocol import Anchor, Commit, ProximityStates


@dataclass(slots=True, kw_only=True)
class Prepared:
    """What has to be in the store before `batches` may be acknowledged."""

    batches: list[MessageBatch] = field(default_factory=list)
    fixes: list[FixBatch] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    #: Clocks that were found to be off, or right again.
    clocks: list[TrackerClock] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    uplinks: list[Uplink] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    #: Dead letters (their numbers) that `batches` hold once more.
    retried: list[int] = field(default_factory=list)
    checkpoint: Slice | None = None
    #: Of pairs of vehicles; added last.
    proximity: list[ProximityStates] = field(default_factory=list)
    reasons: Counter[Reason] = field(default_factory=Counter)
    flagged: Counter[Flag] = field(default_factory=Counter)
    duplicates: int = 0
    #: The last of the pipeline's steps that this includes.
    step: int = 0

    @property
    def messages(self) -> int:
        return sum(map(len, self.batches))

    @property
    def weight(self) -> int:
        """How much work it is, in messages of one fix."""
        return sum(map(weight_of, self.batches))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write and nobody to tell."""
        return not (
            self.batches
            or any(map(len, self.fixes))
            or self.dead_letters
            or self.retried
            or self.answers
            or self.connections
            or self.clocks
            or self.anchors
            or self.checkpoint is not None
            or not self.outcome.is_empty
        )

    @property
    def has_nothing_to_write(self) -> bool:
        """Whether only the acknowledgement is left (duplicates, ignored messages)."""
        return not any(map(len, self.fixes)) and not (
            self.dead_letters
            or self.proximity
            or self.retried
            or self.answers
            or self.connections
            or self.clocks
            or self.anchors
            or self.checkpoint is not None
            or not self.outcome.is_empty
        )

    def add(self, later: Prepared) -> None:
        """Append later work. Its fixes' messages are counted on from ours. Nothing is added once there is a checkpoint."""
        before = self.messages
        if before:
            for fixes in later.fixes:
                fixes.message = fixes.message + np.int32(before)
        self.batches += later.batches
        self.fixes += later.fixes
        self.outcome.extend(later.outcome)
        self.dead_letters += later.dead_letters
        self.clocks += later.clocks
        self.anchors += later.anchors
        self.retried += later.retried
        self.answers += later.answers
        self.uplinks += later.uplinks
        self.connections += later.connections
        self.reasons += later.reasons
        self.flagged += later.flagged
        self.duplicates += later.duplicates

    def commit(self) -> Commit:
        """The one transaction."""
        return Commit(
            fixes=FixBatch.concatenate([fixes for fixes in self.fixes if len(fixes)]),
            outcome=self.outcome,
            dead_letters=self.dead_letters,
            clocks=self.clocks,
            checkpoint_vehicles=None if self.checkpoint is None else self.checkpoint.states,
            checkpoint_up_to=None if self.checkpoint is None else self.checkpoint.up_to,
            anchors=self.anchors,
            proximity=self.proximity,
            retried=self.retried,
            answers=self.answers,
            uplinks=self.uplinks,
            connections=self.connections,
            messages=joined(self.batches) if self.batches else None,
        )


def newest_receipt(batches: Sequence[MessageBatch]) -> int:
    """Microseconds of the last message of the last batch; 0 where there is none."""
    return int(batches[-1].received[-1]) if batches else 0
