"""Writing a commit until it is written.

* The database cannot be reached: the same commit again (`Patience`). Repeating is harmless.
* The database refuses the values: the commit is cut in halves until the poison stands alone. A poisonous fix goes to the
  dead letters (REFUSED_BY_DATABASE) with what is known of it; anything else that is refused is logged and left out. The
  rest is written.
* Anything else (not migrated, a defect) is for the operator: it is raised, and the service stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Protocol

import numpy as np

from fleet.clock import from_micros, rfc3339_micros
from fleet.fix import FixBatch
from fleet.message import DeadLetter
from fleet.outcome import Outcome
from fleet.screening import Reason
from ingest.deadletters import LONGEST_PAYLOAD_BYTES, storable
from ingest.loop.patience import Patience
from store.protocol import Commit, Committed, Rejected

log = logging.getLogger(__name__)


class Commits(Protocol):
    """The part of the store that is needed here."""

    async def commit(self, commit: Commit) -> Committed: ...


@dataclass(slots=True, kw_only=True)
class Written:
    """What became of a commit, in however many transactions."""

    stored: int = 0
    duplicates: int = 0
    seq: int = 0
    batch: int = 0
    collided: bool = False
    refused: int = 0

    def add(self, committed: Committed) -> None:
        self.stored += committed.stored
        self.duplicates += committed.duplicates
        self.seq = max(self.seq, committed.seq)
        self.batch = max(self.batch, committed.batch)
        self.collided |= committed.collided
        self.refused += len(committed.refused)


class Writer:
    """Writes commits through `patience`."""

    def __init__(self, store: Commits, patience: Patience, *, whose: Callable[[int], tuple[str, str]]) -> None:
        """`whose`: (tenant, vehicle) of a key; may raise KeyError."""
        self._store = store
        self._patience = patience
        self._whose = whose
        #: Fixes and findings that the database refused.
        self.poisons = 0

    async def write(self, commit: Commit) -> Written:
        """Returns when all of the commit that can be written is written. Raises StoreError."""
        written = Written()
        try:
            written.add(await self._patience.until_reached(lambda: self._store.commit(commit)))
        except Rejected as refusal:
            log.warning("the database refuses a batch of %d fixes, looking for the cause: %s", len(commit.fixes), refusal)
            await self._write_apart(commit, written)
        return written

    async def _write_apart(self, commit: Commit, written: Written) -> None:
        """Clocks before the fixes that they put right; fixes, as they prove the findings; then findings and dead letters; the
        checkpoint last, as it includes all."""
        bare = Commit(fixes=FixBatch.empty(), outcome=Outcome(), messages=commit.messages)
        await self._halve(list(commit.clocks), lambda clocks: replace(bare, clocks=clocks), written, on_poison=self._drop)
        await self._halve(
            list(range(len(commit.fixes))), lambda rows: replace(bare, fixes=commit.fixes.take(np.array(rows))), written,
            on_poison=lambda rows: self._bury(commit, rows[0], written),
        )  # fmt: skip
        found = [(name, item) for name in _FINDINGS for item in getattr(commit.outcome, name)]
        await self._halve(found, lambda items: replace(bare, outcome=_outcome(items)), written, on_poison=self._drop)
        letters = list(commit.dead_letters)
        await self._halve(letters, lambda items: replace(bare, dead_letters=items), written, on_poison=self._drop)
        rest = replace(commit, fixes=bare.fixes, outcome=bare.outcome, dead_letters=(), clocks=())
        if (
            rest.checkpoint_vehicles is not None
            or rest.anchors
            or rest.stale_anchors
            or rest.proximity
            or rest.retried
            or rest.answers
            or rest.uplinks
            or rest.connections
        ):
            await self._halve([rest], lambda _: rest, written, on_poison=self._drop)

    async def _halve(
        self, items: list[Any], commit_of: Callable[[list[Any]], Commit], written: Written, *, on_poison: Callable[[list[Any]], Any]
    ) -> None:
        """Write the items together; where they are refused, each half by itself."""
        if not items:
            return
        try:
            part = commit_of(items)
            written.add(await self._patience.until_reached(lambda: self._store.commit(part)))
        except Rejected as refusal:
            if len(items) == 1:
                self.poisons += 1
                log.error("refused by the database: %s", refusal)  # noqa: TRY400 - bad data is no defect of ours
                result = on_poison(items)
                if asyncio.iscoroutine(result):
                    await result
                return
            middle = len(items) // 2
            for half in (items[:middle], items[middle:]):
                await self._halve(half, commit_of, written, on_poison=on_poison)

    async def _bury(self, commit: Commit, row: int, written: Written) -> None:
        """A fix that the database refuses becomes a dead letter."""
        letter = Commit(fixes=FixBatch.empty(), outcome=Outcome(), dead_letters=[self._letter(commit, row)])
        written.refused += 1
        await self._halve([letter], lambda _: letter, written, on_poison=self._drop)

    def _letter(self, commit: Commit, row: int) -> DeadLetter:
        fixes, messages = commit.fixes, commit.messages
        try:
            tenant, vehicle = self._whose(int(fixes.vehicle[row]))
        except KeyError:
            tenant, vehicle = None, None
        index = int(fixes.message[row])
        payload = messages.payloads[index] if messages is not None else fixes.extras[row] or b""
        return DeadLetter(
            received_at=from_micros(int(fixes.received[row])),
            topic=storable(messages.topics[index]) if messages is not None else "",
            payload=payload[:LONGEST_PAYLOAD_BYTES],
            payload_bytes=len(payload),
            reason=Reason.REFUSED_BY_DATABASE,
            detail=f"the fix of {rfc3339_micros(int(fixes.time[row]))} at lat {fixes.lat[row]:g}, lon {fixes.lon[row]:g}",
            tenant=tenant,
            tracker=vehicle,
        )

    def _drop(self, items: Sequence[Any]) -> None:
        log.error("left out, because the database refuses it: %.500r", items[0])


_FINDINGS: Final = tuple(one.name for one in fields(Outcome))


def _outcome(found: Sequence[tuple[str, Any]]) -> Outcome:
    outcome = Outcome()
    for name, item in found:
        getattr(outcome, name).append(item)
    return outcome
