"""Idling: standing with the ignition on for long enough, once until the ignition goes off or the vehicle moves."""

from __future__ import annotations

import numpy as np

from geofence.findings import instant_text
from geofence.movement.gait import Columns
from geofence.movement.ignition import ON, Ignition
from geofence.movement.said import IDLING, Said, Word
from geofence.movement.settings import Durations, MovementSettings
from geofence.movement.traces import STANDING, Traces
from geofence.rows import Rows
from geofence.slots import Int64s


def watch_idling(
    rows: Rows, ignition: Ignition, gait: Columns, traces: Traces, settings: MovementSettings, durations: Durations, said: Said
) -> Int64s:
    """Find idling vehicles. `gait`: state and since behind each row. Returns since when they idled that it was told of last, by
    vehicle.

    An episode is known by when it began: the later one of standing and ignition. Later episodes begin later.
    """
    told = traces["idle_since"][rows.vehicles]
    began = np.maximum(gait["since"], ignition.since)
    idles = (gait["state"] == STANDING) & (ignition.state == ON)
    idles &= rows.batch.time - began >= durations.idle
    found = np.flatnonzero(idles)
    if not len(found):
        return told
    for row in found.tolist():
        number, since = int(rows.vehicle_numbers[row]), int(began[row])
        if since > told[number]:
            told[number] = since
            data = {"limit_s": settings.idle_s, "proved_at": instant_text(int(rows.batch.time[row]))}
            said.add(Word(row, IDLING, number, "vehicle.idle", since, data))
    return told
