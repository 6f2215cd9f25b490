"""What the fleet of the fault matrix sends: message number n is always the same, so that what became of it can be told.

Vehicles go to and fro on one line past two fences, a fix each 5 s by their own clocks, which are hours ago: what they say does not
depend on how fast a test sends it. Every tenth vehicle stores and forwards three fixes a message, and every fiftieth message is
none at all, to become a dead letter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

VEHICLES = 60
#: Places on the line, 25 m apart: 5 m/s.
PLACES = 60
STEP_DEG = 25 / 111_195
TURN_S = 5
FORWARDS_EACH = 10
BAD_EACH = 50
FENCES = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": name,
                "geometry": {"type": "Point", "coordinates": [24.0, 60.0 + along * STEP_DEG]},
                "properties": {"name": name, "radius_m": 150},
            }
            for name, along in (("depot", 15), ("yard", 45))
        ],
    }
).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A message and the fixes that must come of it; none: a dead letter must."""

    number: int
    topic: str
    payload: bytes
    #: (vehicle, microseconds since 1970) to (lat, lon).
    fixes: dict[tuple[str, int], tuple[float, float]]
    #: When it could have been received, had it been sent live: microseconds.
    at_us: int


class Traffic:
    """Message by message; `start` is the time of the first fixes."""

    def __init__(self, start: datetime) -> None:
        self._start_us = round(start.astimezone(UTC).timestamp()) * 1_000_000

    def message(self, number: int) -> Sent:
        """Vehicles take turns; all have had theirs before the first one has its next."""
        turn, index = divmod(number, VEHICLES)
        vehicle = f"van-{index}"
        at_us = self._start_us + turn * TURN_S * 1_000_000
        if number % BAD_EACH == BAD_EACH - 1:
            return self._sent(number, vehicle, b'{"number":%d,' % number, {}, at_us)
        instants = [at_us + second * 1_000_000 for second in ((0, 1, 2) if index % FORWARDS_EACH == 0 else (0,))]
        fixes = {(vehicle, instant): _place(index, turn, (instant - at_us) // 1_000_000) for instant in instants}
        records = [
            b'{"time":%d,"lat":%r,"lon":%r,"speed_mps":5.0}' % (instant // 1000, lat, lon)
            for (_, instant), (lat, lon) in fixes.items()
        ]
        return self._sent(number, vehicle, b"[" + b",".join(records) + b"]", fixes, at_us)

    @staticmethod
    def _sent(number: int, vehicle: str, payload: bytes, fixes: dict[tuple[str, int], tuple[float, float]], at_us: int) -> Sent:
        return Sent(number=number, topic=f"fleet/default/{vehicle}/fix", payload=payload, fixes=fixes, at_us=at_us)


def _place(index: int, turn: int, second: int) -> tuple[float, float]:
    """Each vehicle starts at a place of its own, and turns round at both ends of the line."""
    along = (turn + second / TURN_S + 2 * index) % (2 * PLACES)
    return round(60.0 + min(along, 2 * PLACES - along) * STEP_DEG, 7), 24.0
