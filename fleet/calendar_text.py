"""Calendars as people give them: iCalendar text (RFC 5545)."""

from __future__ import annotations

from typing import Any

import icalendar


def read_calendar(text: str) -> Any:
    """The parsed calendar. Raises ValueError where the text is no iCalendar, or has no event."""
    try:
        parsed = icalendar.Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError) as problem:
        raise ValueError(f"calendar: {problem}") from problem
    if not any(component.name == "VEVENT" for component in parsed.walk()):
        raise ValueError("calendar: it has no VEVENT")
    return parsed
