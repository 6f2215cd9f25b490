"""The newest events, numbered, ready to be sent; older ones are read from the store again.

Readers keep no queue of events: each has a number, and takes from here what is above it. One that is further behind than this
window reaches is fed from the store, page by page, at its own pace. So nothing grows, and nothing is dropped.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from store.protocol import NumberedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyEvent:
    """An event and its message, written once for all readers."""

    seq: int
    tenant: str
    vehicle: str
    data: dict[str, Any]
    message: str


def make_ready(numbered: NumberedEvent) -> ReadyEvent:
    """The `event` message of contracts.md."""
    event = numbered.event
    body = {"type": "event", "seq": numbered.seq, "event": {**event.as_json(), "seq": numbered.seq}}
    return ReadyEvent(
        seq=numbered.seq,
        tenant=event.tenant,
        vehicle=event.vehicle,
        data=event.data,
        message=orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS).decode(),
    )


class EventFeed:
    """A window of at most `2 * window` events, cut back to `window` (so that the cost of cutting is spread)."""

    def __init__(self, window: int = 10_000) -> None:
        self._window = window
        self._events: list[ReadyEvent] = []
        self._seqs: list[int] = []
        #: All events up to this number were taken in, or passed over before the feed began.
        self.last_seq = 0
        #: Events after this number are here, gapless.
        self.starts_after = 0

    def begin(self, seq: int) -> None:
        """Start with an empty window after `seq`."""
        self._events, self._seqs = [], []
        self.last_seq = self.starts_after = seq

    def extend(self, events: Sequence[NumberedEvent]) -> None:
        """Take in the next events, by number."""
        ready = [make_ready(event) for event in events if event.seq > self.last_seq]
        if not ready:
            return
        self._events += ready
        self._seqs += [event.seq for event in ready]
        self.last_seq = self._seqs[-1]
        if len(self._seqs) > 2 * self._window:
            cut = len(self._seqs) - self._window
            self.starts_after = self._seqs[cut - 1]
            del self._events[:cut], self._seqs[:cut]

    def reaches_back_to(self, seq: int) -> bool:
        """Whether everything after `seq` is in the window."""
        return seq >= self.starts_after

    def after(self, seq: int, limit: int) -> list[ReadyEvent]:
        """The next events after `seq`, at most `limit`. Only where the window reaches back to it."""
        start = bisect_right(self._seqs, seq)
        return self._events[start : start + limit]
