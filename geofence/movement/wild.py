"""Wild fixes: those that `geofence.jumps` does not believe, found for a whole batch at once.

Columns find the vehicles that may have jumped; only those, and the ones with suspects from before, are judged fix by fix. The
believed place of a vehicle is that of its last usable fix in the traces, so that judging costs no memory of its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from fleet.fix import Uint16s
from fleet.screening import Flag
from geofence.jumps import Place, Track
from geofence.movement.course import Floats, before, usable
from geofence.movement.settings import MovementSettings
from geofence.movement.traces import CONFIRMED, SUSPECTED, Traces
from geofence.rows import Rows
from geofence.slots import Int64s
from geofence.stays import NEVER

WILD: Final = np.uint16(Flag.TELEPORT)


def judged(rows: Rows, traces: Traces, settings: MovementSettings) -> Uint16s:
    """The flags of the rows, with TELEPORT for those that are not believed and for no others: what screening has flagged so depends
    on the order in which fixes came in. To be asked once for each batch, before the traces move on."""
    flags = rows.batch.flags
    if (flags & WILD).any():
        flags = flags & ~WILD
    numbers, batch, accurate, starts, counts = usable(rows, flags, settings.max_accuracy_m)
    slots = rows.vehicles
    trust = traces["trust"][slots]
    chosen = (trust & SUSPECTED) != 0
    first, of_row = starts[counts > 0], slots[numbers]
    time: Int64s = before(traces["placed"][of_row], batch.time, first)
    lat: Floats = before(traces["lat"][of_row], batch.lat, first)
    lon: Floats = before(traces["lon"][of_row], batch.lon, first)
    chosen[numbers[settings.reach.doubtful(batch.time, batch.lat, batch.lon, (time, lat, lon))]] = True
    _confirm(rows, traces, np.flatnonzero((trust == 0) & (counts > 0) & ~chosen), counts)
    wild: list[int] = []
    for number in np.flatnonzero(chosen).tolist():
        wild += _judge(rows, accurate[starts[number] : starts[number] + counts[number]], int(slots[number]), traces, settings)
    if wild:
        flags = flags.copy()
        flags[wild] |= WILD
    return flags


def _confirm(rows: Rows, traces: Traces, calm: Int64s, counts: Int64s) -> None:
    """Of vehicles whose place nobody has confirmed yet: it is with the second fix."""
    slots = rows.vehicles[calm]
    is_second = (traces["placed"][slots] != NEVER) | (counts[calm] > 1)
    traces["trust"][slots[is_second]] = CONFIRMED


def _judge(rows: Rows, accurate: Int64s, slot: int, traces: Traces, settings: MovementSettings) -> list[int]:
    """Those of one vehicle's accurate rows that are wild."""
    trace, batch = traces.one(slot), rows.batch
    believed = Place(trace.placed, trace.lat, trace.lon) if trace.placed != NEVER else None
    track = Track(believed, bool(trace.trust & CONFIRMED), traces.suspects.get(slot))
    fixes = zip(batch.time[accurate].tolist(), batch.lat[accurate].tolist(), batch.lon[accurate].tolist(), strict=True)
    wild = [row for row, fix in zip(accurate.tolist(), fixes, strict=True) if not track.takes(Place(*fix), settings.reach)]
    traces.suspect(slot, track.suspect, is_confirmed=track.is_confirmed)
    return wild
