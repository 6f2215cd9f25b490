"""Duplicates within one batch: the first row of a (vehicle, time) wins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleet.fix import Int64s


def first_of_each(vehicle: Int64s, time: Int64s) -> npt.NDArray[np.intp]:
    """Row numbers of the first row of each (vehicle, time), in order of vehicle and time.

    That order is also the one in which every writer takes its locks on the unique index, so that two writers of the same
    fixes wait for each other instead of deadlocking. The sort is stable: of equal rows the first comes first.
    """
    order = np.lexsort((time, vehicle))
    if len(order) < 2:
        return order
    vehicles, times = vehicle[order], time[order]
    is_first = np.ones(len(order), np.bool_)
    np.not_equal(vehicles[1:], vehicles[:-1], out=is_first[1:])
    is_first[1:] |= times[1:] != times[:-1]
    return order[is_first]
