"""Lines and rings on the globe laid flat: across the antimeridian without a jump, around a pole without a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fleet.fence import Position, Ring


def framed(lon: float, middle: float) -> float:
    """The longitude, turned by whole circles to within 180 degrees of `middle`; unchanged where it is already."""
    return lon + 360.0 * round((middle - lon) / 360.0)


def unrolled(positions: Sequence[Position], start: float) -> list[Position]:
    """The positions with each longitude within 180 degrees of the one before (the first: of `start`)."""
    result: list[Position] = []
    previous = start
    for lon, lat in positions:
        previous = framed(lon, previous)
        result.append((previous, lat))
    return result


def unrolled_ring(ring: Ring, start: float) -> list[Position]:
    """A closed ring laid flat. One that goes all around the globe encloses the pole of its own hemisphere and is closed over it."""
    positions = unrolled(ring, start)
    if abs(positions[-1][0] - positions[0][0]) < 180:
        return positions
    pole = math.copysign(90.0, sum(lat for _, lat in positions))
    return [*positions, (positions[-1][0], pole), (positions[0][0], pole), positions[0]]
