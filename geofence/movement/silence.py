"""Silence: judged by the fix that ends it, or said before that by the passing of time.

A vehicle that is silent is stale after a while and offline after a longer one. Where its tracker's connection was lost (the broker
has published its last will), it is offline already after a short grace, in which a tracker that only changes its network is back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from geofence.findings import instant_text, seconds
from geofence.movement.said import SILENCE, Said, Word
from geofence.movement.settings import Durations
from geofence.movement.traces import Traces
from geofence.rows import Rows
from geofence.slots import Int64s
from geofence.stays import NEVER

#: `cause` of a `vehicle.offline` that did not wait for the limit.
LOST: Final = "connection_lost"


def watch_silence(
    rows: Rows, before: Int64s, traces: Traces, durations: Durations, lost: Mapping[int, Sequence[int]], said: Said
) -> None:
    """Find fixes after a silence. `before`: the instant of the fix before each row, NEVER where there is none; `lost`: by slot,
    when connections were lost."""
    time = rows.batch.time
    is_first = before == NEVER
    # The difference to NEVER wraps around below zero.
    ends_silence = is_first | (time - before >= durations.stale)
    # Of a vehicle that was disconnected something was said after a shorter silence.
    ends_silence[rows.starts] |= traces["told"][rows.vehicles] > 0
    if lost:
        ends_silence |= _disconnected(rows, before, durations, lost)
    for row in np.flatnonzero(ends_silence).tolist():
        number = int(rows.vehicle_numbers[row])
        if is_first[row]:
            data: dict[str, Any] = {"silent_s": None, "proved_at": instant_text(int(time[row]))}
            said.add(Word(row, SILENCE, number, "vehicle.online", int(time[row]), data))
            continue
        # Only of the first row's silence something may have been said.
        told = int(traces["told"][rows.vehicles[number]]) if row == rows.starts[number] else 0
        last, at = int(before[row]), int(time[row])
        for word in silence_words(row, number, last, told, at, durations, lost.get(int(rows.vehicles[number]), ())):
            said.add(word)
        data = {"silent_s": seconds(at - last), "last_fix": instant_text(last), "proved_at": instant_text(at)}
        said.add(Word(row, SILENCE, number, "vehicle.online", at, data))


def _disconnected(rows: Rows, before: Int64s, durations: Durations, lost: Mapping[int, Sequence[int]]) -> Any:
    """Which rows end a silence in which a connection was lost for long enough."""
    found = np.zeros(len(rows.batch), np.bool_)
    for row, slot in enumerate(rows.slots.tolist()):
        if slot in lost and before[row] != NEVER:
            found[row] = lost_in(int(before[row]), int(rows.batch.time[row]), durations, lost[slot]) != NEVER
    return found


def lost_in(last: int, at: int, durations: Durations, lost: Sequence[int]) -> int:
    """When the connection was lost in a silence since `last`, as far as that counts by `at`: the grace is over, and the limit was
    not reached before. NEVER where it was not."""
    first = min((instant for instant in lost if instant >= last), default=NEVER)
    if first == NEVER:
        return NEVER
    counts_from = first + durations.disconnected
    return first if counts_from <= at and counts_from < last + durations.offline else NEVER


def level_of(last: int, at: int, durations: Durations, lost: Sequence[int] = ()) -> int:
    """How many words a silence since `last` deserves by `at`: stale, offline."""
    if lost and lost_in(last, at, durations, lost) != NEVER:
        return 2
    return int(at - last >= durations.stale) + int(at - last >= durations.offline)


def silence_words(
    row: int, number: int, last: int, told: int, at: int, durations: Durations, lost: Sequence[int] = ()
) -> list[Word]:
    """The words about a silence since `last` that are due by `at` and were not told yet."""
    disconnected = lost_in(last, at, durations, lost) if lost else NEVER
    until = at if disconnected == NEVER else disconnected + durations.disconnected
    limits = (("vehicle.stale", durations.stale), ("vehicle.offline", durations.offline))
    words = []
    for kind, after in limits[told : level_of(last, until, durations)]:
        data = {"last_fix": instant_text(last), "limit_s": seconds(after), "proved_at": instant_text(last + after)}
        words.append(Word(row, SILENCE, number, kind, last + after, data))
    if disconnected != NEVER and told < len(limits):
        data = {
            "last_fix": instant_text(last),
            "limit_s": seconds(durations.disconnected),
            "cause": LOST,
            "proved_at": instant_text(until),
        }
        words.append(Word(row, SILENCE, number, "vehicle.offline", disconnected, data))
    return words
