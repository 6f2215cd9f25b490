"""Free-form telemetry: a JSON object in which people put positions under names of their own choice.

ThingsBoard and The Things Network carry whatever a device's profile makes of it. `Names` says under which keys to look; a speed
without a unit in its name is not guessed at, it stays among the extras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fleet.screening import Flag
from ingest.formats.each import from_kmh
from ingest.formats.refusing import number, required, whole
from ingest.formats.rows import Row

_KNOT_MPS: Final = 1852 / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Keys to look under, the first that is there counts."""

    lat: Sequence[str] = ("latitude", "lat")
    lon: Sequence[str] = ("longitude", "lon", "lng", "long")
    altitude_m: Sequence[str] = ("altitude_m", "altitude", "alt")
    heading_deg: Sequence[str] = ("heading_deg", "heading", "course", "bearing")
    accuracy_m: Sequence[str] = ("accuracy_m", "accuracy")
    satellites: Sequence[str] = ("satellites", "sats")
    speed_mps: Sequence[str] = ("speed_mps",)
    speed_kmh: Sequence[str] = ("speed_kmh",)
    speed_knots: Sequence[str] = ("speed_knots",)

    @property
    def measures(self) -> frozenset[str]:
        """All keys that go into columns."""
        return frozenset(name for field in self.__slots__ for name in getattr(self, field))


DEFAULT_NAMES: Final = Names()


def has_position(values: Mapping[str, Any], names: Names) -> bool:
    return _first(values, names.lat) is not None and _first(values, names.lon) is not None


def position_of(values: Mapping[str, Any], names: Names, *, time: int, flags: Flag, extras: Mapping[str, Any]) -> Row:
    """The fix that these values are; `has_position` holds. Raises Unreadable for values of the wrong type."""

    def measure(keys: Sequence[str]) -> float | None:
        key = _first(values, keys)
        return None if key is None else number(values, key)

    satellites = _first(values, names.satellites)
    speed_mps, speed_kmh, speed_knots = measure(names.speed_mps), measure(names.speed_kmh), measure(names.speed_knots)
    if speed_mps is None:
        speed_mps = from_kmh(speed_kmh) if speed_knots is None else speed_knots * _KNOT_MPS
    return Row(
        time=time,
        lat=required(values, _first(values, names.lat) or ""),
        lon=required(values, _first(values, names.lon) or ""),
        speed_mps=speed_mps,
        heading_deg=measure(names.heading_deg),
        accuracy_m=measure(names.accuracy_m),
        altitude_m=measure(names.altitude_m),
        satellites=None if satellites is None else whole(values, satellites),
        flags=flags,
        extras=extras,
    )


def _first(values: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    return next((key for key in keys if key in values), None)
