"""Silence: judged by the fix that ends it, or said before that by the passing of time."""

from __future__ import annotations

from typing import Any

import numpy as np

from geofence.findings import instant_text, seconds
from geofence.movement.said import SILENCE, Said, Word
from geofence.movement.settings import Durations
from geofence.movement.traces import Traces
from geofence.rows import Rows
from geofence.slots import Int64s
from geofence.stays import NEVER


def watch_silence(rows: Rows, before: Int64s, traces: Traces, durations: Durations, said: Said) -> None:
    """Find fixes after a silence. `before`: the instant of the fix before each row, NEVER where there is none."""
    time = rows.batch.time
    is_first = before == NEVER
    # The difference to NEVER wraps around below zero.
    for row in np.flatnonzero(is_first | (time - before >= durations.stale)).tolist():
        number = int(rows.vehicle_numbers[row])
        if is_first[row]:
            data: dict[str, Any] = {"silent_s": None, "proved_at": instant_text(int(time[row]))}
            said.add(Word(row, SILENCE, number, "vehicle.online", int(time[row]), data))
            continue
        # Only of the first row's silence something may have been said.
        told = int(traces["told"][rows.vehicles[number]]) if row == rows.starts[number] else 0
        last, at = int(before[row]), int(time[row])
        for word in silence_words(row, number, last, told, level_of(at - last, durations), durations):
            said.add(word)
        data = {"silent_s": seconds(at - last), "last_fix": instant_text(last), "proved_at": instant_text(at)}
        said.add(Word(row, SILENCE, number, "vehicle.online", at, data))


def level_of(silent: int, durations: Durations) -> int:
    """How many words a silence of so long deserves: stale, offline."""
    return int(silent >= durations.stale) + int(silent >= durations.offline)


def silence_words(row: int, number: int, last: int, told: int, level: int, durations: Durations) -> list[Word]:
    """The words about a silence since `last` that were not told yet."""
    words = []
    for kind, after in (("vehicle.stale", durations.stale), ("vehicle.offline", durations.offline))[told:level]:
        data = {"last_fix": instant_text(last), "limit_s": seconds(after), "proved_at": instant_text(last + after)}
        words.append(Word(row, SILENCE, number, kind, last + after, data))
    return words
