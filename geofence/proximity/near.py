"""Who is near whom: all pairs of places no further apart than a distance, without looking at most of them.

Places are put into cubes of space as wide as the distance, so that neighbours are in the same cube or in one of the 26 around it,
also across the antimeridian and at the poles. Who has more neighbours than counts is in a crowd, and in no pair: without that, a
yard of a few hundred vans would make pairs by the ten thousand. Who shares a cube of half the width with that many is known to be
in one before anything is measured, so a crowd costs no more than its members.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s, Int64s
from fleet.geodesy import EARTH_RADIUS_M, distances_m

Booleans = npt.NDArray[np.bool_]

#: Bits of a cube's number along each axis: cubes of 6.1 m and more fit (half of `fleet.proximity_rules.LEAST_NEAR_M`: 7.5 m).
_BITS: Final = 21
_HALF: Final = 1 << (_BITS - 1)
#: Cubes in a row along the last axis have numbers in a row: three at once.
_ROWS_AROUND: Final = tuple((x << 2 * _BITS) + (y << _BITS) for x, y in product((-1, 0, 1), repeat=2))
#: Rounding must not put a neighbour two cubes away.
_ROOM: Final = 1 + 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Pairs as rows (`first` < `second`), and which rows are in a crowd."""

    first: Int64s
    second: Int64s
    distance_m: Float64s
    is_crowded: Booleans


def find_near(lat: Float64s, lon: Float64s, near_m: float, most_near: int) -> Near:
    """Pairs of places within `near_m` of each other, both of which have no more than `most_near` others within it."""
    in_space = _in_space(lat, lon)
    _, cube, members = np.unique(_cubes(in_space, near_m / 2), return_inverse=True, return_counts=True)
    # The diagonal of a cube of half the width is 0.87 of it: all of its members are near each other.
    is_crowded = np.asarray(members[cube.ravel()] > most_near + 1)
    first, second = _candidates(_cubes(in_space, near_m * _ROOM), np.flatnonzero(~is_crowded))
    distance = distances_m(lat[first], lon[first], lat[second], lon[second])
    is_near = distance <= near_m
    first, second, distance = first[is_near], second[is_near], distance[is_near]
    is_crowded |= np.bincount(first, minlength=len(lat)) > most_near
    kept = (first < second) & ~is_crowded[first] & ~is_crowded[second]
    return Near(first=first[kept], second=second[kept], distance_m=distance[kept], is_crowded=is_crowded)


def _in_space(lat: Float64s, lon: Float64s) -> Float64s:
    """Places on the sphere as (3, N) metres. What is near on the sphere is no further apart in space."""
    phi, lambda_ = np.radians(lat), np.radians(lon)
    return EARTH_RADIUS_M * np.stack([np.cos(phi) * np.cos(lambda_), np.cos(phi) * np.sin(lambda_), np.sin(phi)])


def _cubes(in_space: Float64s, width_m: float) -> Int64s:
    """The number of the cube that each place is in."""
    x, y, z = np.floor(in_space / width_m).astype(np.int64) + _HALF
    return np.asarray((x << 2 * _BITS) + (y << _BITS) + z)


def _candidates(cubes: Int64s, subjects: Int64s) -> tuple[Int64s, Int64s]:
    """Each of the subjects with everybody else in its cube and those around it."""
    order = np.argsort(cubes, kind="stable")
    by_cube = cubes[order]
    # In order, so that looking one up finds where the last one was found still in the cache.
    subjects = subjects[np.argsort(cubes[subjects], kind="stable")]
    wanted = cubes[subjects]
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in _ROWS_AROUND:
        start = np.searchsorted(by_cube, wanted + (step - 1))
        counts = np.searchsorted(by_cube, wanted + (step + 1), side="right") - start
        if not counts.any():
            continue
        first = np.repeat(subjects, counts)
        offsets = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
        second = order[np.repeat(start, counts) + offsets]
        other = first != second
        firsts.append(first[other])
        seconds.append(second[other])
    return np.concatenate(firsts), np.concatenate(seconds)
