"""Fixes in memory, as the columns they came in: one chunk a batch, and for each vehicle where in the chunks its fixes are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fleet.fix import FixBatch
from fleet.screening import ELSEWHERE
from store.dedupe import first_of_each


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows [first_row, end_row) of a chunk: fixes of one vehicle, by time."""

    chunk: int
    first_row: int
    end_row: int
    first_micros: int
    last_micros: int


@dataclass(slots=True)
class _Trail:
    """What is known of one vehicle's fixes."""

    spans: list[_Span] = field(default_factory=list)
    times: set[int] = field(default_factory=set)
    newest_micros: int = -1
    #: The chunk itself, not its number: the newest fix outlives the retention of the rest.
    newest_chunk: FixBatch | None = None
    newest_row: int = 0

    def take_newest(self, other: _Trail) -> None:
        if other.newest_micros > self.newest_micros:
            self.newest_micros, self.newest_chunk, self.newest_row = other.newest_micros, other.newest_chunk, other.newest_row


class FixLog:
    """Appends batches, drops duplicates, finds the fixes of a vehicle again."""

    def __init__(self) -> None:
        self._chunks: list[FixBatch] = []
        self._batches: list[int] = []
        #: The first and the last instant of each chunk.
        self._spans: list[tuple[int, int]] = []
        self._trails: dict[int, _Trail] = {}

    def append(self, batch: int, fixes: FixBatch) -> npt.NDArray[np.bool_]:
        """Keep what is new of the fixes; which rows those were, a boolean a row."""
        new_rows = np.zeros(len(fixes), np.bool_)
        new = self._new_rows(fixes)
        if not len(new):
            return new_rows
        new_rows[new] = True
        chunk = fixes.take(new)
        chunk.message = np.zeros(len(chunk), np.int32)
        self._index(chunk)
        self._chunks.append(chunk)
        self._batches.append(batch)
        self._spans.append((int(chunk.time.min()), int(chunk.time.max())))
        return new_rows

    def after(self, batch: int) -> Iterator[tuple[int, FixBatch]]:
        """The chunks of later batches with the numbers of these, in order of commit."""
        first = int(np.searchsorted(np.array(self._batches, np.int64), batch, side="right"))
        yield from ((number, _copy(chunk)) for number, chunk in zip(self._batches[first:], self._chunks[first:], strict=True))

    def of(self, key: int, start_micros: int, end_micros: int) -> FixBatch:
        """Fixes of one vehicle in [start, end], by time."""
        trail = self._trails.get(key)
        if trail is None:
            return FixBatch.empty()
        parts = [
            self._chunks[span.chunk].take(np.arange(span.first_row, span.end_row))
            for span in trail.spans
            if span.last_micros >= start_micros and span.first_micros <= end_micros
        ]
        found = FixBatch.concatenate(parts)
        inside = np.flatnonzero((found.time >= start_micros) & (found.time <= end_micros))
        return found.take(inside[np.argsort(found.time[inside])])

    def between(self, start_micros: int, end_micros: int) -> FixBatch:
        """Fixes of all vehicles in [start, end], in no particular order."""
        spans = np.array(self._spans, np.int64).reshape(-1, 2)
        chunks = np.flatnonzero((spans[:, 1] >= start_micros) & (spans[:, 0] <= end_micros)).tolist()
        found = FixBatch.concatenate([self._chunks[number] for number in chunks])
        return found.take((found.time >= start_micros) & (found.time <= end_micros))

    def newest(self) -> Iterator[tuple[int, FixBatch, int]]:
        """For each vehicle key the chunk and the row of its newest fix that is taken for where it is."""
        for key, trail in self._trails.items():
            if trail.newest_chunk is not None:
                yield key, trail.newest_chunk, trail.newest_row

    def drop_before(self, end_micros: int) -> int:
        """Forget the fixes before an instant; how many there were. The newest of each vehicle stays known to `newest`."""
        trails = self._trails
        kept = [(batch, chunk.take(chunk.time >= end_micros)) for batch, chunk in zip(self._batches, self._chunks, strict=True)]
        dropped = sum(map(len, self._chunks)) - sum(len(chunk) for _, chunk in kept)
        self._chunks, self._batches, self._spans, self._trails = [], [], [], {}
        for batch, chunk in kept:
            self.append(batch, chunk)
        for key, trail in trails.items():
            self._trails.setdefault(key, _Trail()).take_newest(trail)
        return dropped

    def _new_rows(self, fixes: FixBatch) -> npt.NDArray[np.intp]:
        """First rows of their (vehicle, time) that are not kept yet, in order of vehicle and time."""
        first = first_of_each(fixes.vehicle, fixes.time)
        times = fixes.time[first].tolist()
        known: list[int] = []
        for key, start, end in _runs(fixes.vehicle[first]):
            trail = self._trails.get(key)
            if trail is None or times[start] > trail.newest_micros:
                continue
            known += [place for place in range(start, end) if times[place] in trail.times]
        return np.delete(first, known) if known else first

    def _index(self, chunk: FixBatch) -> None:
        number, times = len(self._chunks), chunk.time.tolist()
        for key, start, end in _runs(chunk.vehicle):
            trail = self._trails.get(key)
            if trail is None:
                trail = self._trails[key] = _Trail()
            trail.spans.append(_Span(number, start, end, times[start], times[end - 1]))
            trail.times.update(times[start:end])
            shown = np.flatnonzero((chunk.flags[start:end] & ELSEWHERE) == 0)
            if len(shown) and times[start + (last := int(shown[-1]))] > trail.newest_micros:
                trail.newest_micros, trail.newest_chunk, trail.newest_row = times[start + last], chunk, start + last


def _runs(sorted_keys: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """(key, first place, end place) of each run of equal keys."""
    if not len(sorted_keys):
        return
    starts = np.concatenate(([0], np.flatnonzero(sorted_keys[1:] != sorted_keys[:-1]) + 1))
    ends = np.append(starts[1:], len(sorted_keys))
    yield from zip(sorted_keys[starts].tolist(), starts.tolist(), ends.tolist(), strict=True)


def _copy(chunk: FixBatch) -> FixBatch:
    """The reader may write into what it gets; the log must not change with it."""
    return chunk.take(np.arange(len(chunk)))
