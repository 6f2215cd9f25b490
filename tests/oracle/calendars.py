"""Opening hours of fences: said as iCalendar text for the engine, told in plain local time for the oracle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_READ: Final = re.compile(
    r"TZID=(?P<zone>[^:]+):\d{8}T(?P<opens>\d{4})00\r\nDTEND;[^:]+:\d{8}T(?P<closes>\d{4})00\r\n.*BYDAY=(?P<days>\S+)"
)


@dataclass(frozen=True, kw_only=True)
class Weekly:
    """Open on these days (0 = Monday) from `opens` until before `closes`, local time of one day."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: time = time(8)
    closes: time = time(18)
    zone: str = "Europe/Zurich"

    def text(self) -> str:
        """As an iCalendar with one event a week, since the first of the year 2024 (a Monday)."""
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//outrider//tests//EN",
            "BEGIN:VEVENT",
            "UID:hours",
            "DTSTAMP:20240101T000000Z",
            f"DTSTART;TZID={self.zone}:20240101T{self.opens:%H%M}00",
            f"DTEND;TZID={self.zone}:20240101T{self.closes:%H%M}00",
            f"RRULE:FREQ=WEEKLY;BYDAY={','.join(_DAYS[day] for day in self.days)}",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
        return "\r\n".join([*lines, ""])

    @classmethod
    def read(cls, text: str) -> Weekly:
        """The hours of a text that `text` has written."""
        found = _READ.search(text)
        assert found is not None, text
        opens, closes = (time(int(found[name][:2]), int(found[name][2:])) for name in ("opens", "closes"))
        return cls(days=tuple(_DAYS.index(day) for day in found["days"].split(",")), opens=opens, closes=closes, zone=found["zone"])

    def closes_at(self, instant: datetime) -> datetime | None:
        """When it closes next; None where it is closed at this instant."""
        local = instant.astimezone(ZoneInfo(self.zone))
        is_open = local.weekday() in self.days and self.opens <= local.time() < self.closes
        return datetime.combine(local.date(), self.closes, ZoneInfo(self.zone)).astimezone(instant.tzinfo) if is_open else None
