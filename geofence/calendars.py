"""When a fence exists: the occurrences of an iCalendar (RFC 5545), as spans of instants."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import recurring_ical_events

from fleet.calendar_text import read_calendar
from fleet.clock import MICROS_PER_S, from_micros, to_micros

#: Occurrences are worked out for so long at a time, and kept.
_WINDOW: Final = 28 * 86_400 * MICROS_PER_S
_KEPT_WINDOWS: Final = 64
#: The calendar is open.
OPEN: Final = int(np.iinfo(np.int64).max)

Int64s = npt.NDArray[np.int64]


class Calendar:
    """The spans of time that a calendar's events cover. A span holds its first instant and not its last."""

    def __init__(self, parsed: Any) -> None:
        self._query = recurring_ical_events.of(parsed)
        self._windows: dict[int, tuple[list[int], list[int]]] = {}

    @classmethod
    def parse(cls, text: str) -> Calendar:
        """Raises ValueError where the text is no iCalendar, or has no event."""
        return cls(read_calendar(text))

    def closes(self, micros: int) -> int | None:
        """When the span around this instant ends; None where the calendar is closed at it."""
        starts, ends = self._spans(micros // _WINDOW)
        at = bisect_right(starts, micros) - 1
        return ends[at] if at >= 0 and micros < ends[at] else None

    def closed_since(self, instants: Int64s) -> Int64s:
        """Of each instant (microseconds since 1970): when the calendar closed last; OPEN where it is open. It looks back no
        further than over the window before the instant's; where it was closed all the time, it says when that began."""
        since = np.empty(len(instants), np.int64)
        windows = instants // _WINDOW
        for window in np.unique(windows).tolist():
            chosen = windows == window
            starts, ends = (np.array(edges, np.int64) for edges in self._spans(window))
            before = self._spans(window - 1)[1]
            at = np.searchsorted(starts, instants[chosen], side="right")
            closed = np.append(before[-1] if before else (window - 1) * _WINDOW, ends)[at]
            since[chosen] = np.where(closed > instants[chosen], OPEN, closed)
        return since

    def _spans(self, window: int) -> tuple[list[int], list[int]]:
        if window not in self._windows:
            while len(self._windows) >= _KEPT_WINDOWS:
                self._windows.pop(next(iter(self._windows)))
            self._windows[window] = self._work_out(window)
        return self._windows[window]

    def _work_out(self, window: int) -> tuple[list[int], list[int]]:
        """Spans that touch the window, overlapping and adjoining ones joined, in order."""
        first = from_micros(window * _WINDOW)
        spans = sorted(_span(event) for event in self._query.between(first, from_micros((window + 1) * _WINDOW)))
        starts: list[int] = []
        ends: list[int] = []
        for start, end in spans:
            if ends and start <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            elif end > start:
                starts.append(start)
                ends.append(end)
        return starts, ends


def _span(event: Any) -> tuple[int, int]:
    return _instant(event.start), _instant(event.end)


def _instant(moment: date | datetime) -> int:
    """A date is its midnight; what names no time zone is in UTC."""
    if not isinstance(moment, datetime):
        return to_micros(datetime.combine(moment, time(), UTC))
    return to_micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
