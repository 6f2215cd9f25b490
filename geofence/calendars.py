"""When a fence exists: the occurrences of an iCalendar (RFC 5545), as spans of instants."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time
from typing import Any, Final

import icalendar
import recurring_ical_events

from fleet.clock import MICROS_PER_S, from_micros, to_micros

#: Occurrences are worked out for so long at a time, and kept.
_WINDOW: Final = 28 * 86_400 * MICROS_PER_S
_KEPT_WINDOWS: Final = 64


class Calendar:
    """The spans of time that a calendar's events cover. A span holds its first instant and not its last."""

    def __init__(self, parsed: Any) -> None:
        self._query = recurring_ical_events.of(parsed)
        self._windows: dict[int, tuple[list[int], list[int]]] = {}

    @classmethod
    def parse(cls, text: str) -> Calendar:
        """Raises ValueError where the text is no iCalendar, or has no event."""
        try:
            parsed = icalendar.Calendar.from_ical(text)
        except (ValueError, IndexError, KeyError) as problem:
            raise ValueError(f"calendar: {problem}") from problem
        if not any(component.name == "VEVENT" for component in parsed.walk()):
            raise ValueError("calendar: it has no VEVENT")
        return cls(parsed)

    def closes(self, micros: int) -> int | None:
        """When the span around this instant ends; None where the calendar is closed at it."""
        starts, ends = self._spans(micros // _WINDOW)
        at = bisect_right(starts, micros) - 1
        return ends[at] if at >= 0 and micros < ends[at] else None

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
