"""Passes that do not fit the order of the plan by themselves: they are kept in doubt until enough of them follow one another."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.clock import MICROS_PER_S
from geofence.stops.call import Call, arrival_of
from geofence.stops.compiled import CompiledRoute
from geofence.stops.records import CourseRecord
from geofence.stops.settings import RouteSettings


def kept(record: CourseRecord, newest: Call, settings: RouteSettings) -> list[Call]:
    """The calls in doubt with one more, oldest first: one a stop, none too old, and no more than could be of use."""
    oldest = newest.closest - round(settings.chain_s * MICROS_PER_S)
    others = [other for other in record.doubtful if other.index != newest.index and other.closest >= oldest]
    return [*others, newest][-4 * settings.chain_stops :]


def chain(compiled: CompiledRoute, record: CourseRecord, newest: Call, settings: RouteSettings) -> list[Call]:
    """The calls in doubt that lead to the newest one, in planned order and in order of time."""
    found = [newest]
    for call in sorted(record.doubtful, key=lambda call: _arrival(compiled, call), reverse=True):
        gap = found[0].index - call.index
        before = _arrival(compiled, call) < _arrival(compiled, found[0])
        if before and 0 < gap <= settings.chain_gap_stops and call.index > record.reached:
            found.insert(0, call)
    return found


def is_believed(compiled: CompiledRoute, record: CourseRecord, calls: Sequence[Call], settings: RouteSettings) -> bool:
    """Whether a chain is long enough, in stops and in metres."""
    needed = settings.chain_stops
    if record.reached < 0 and calls[0].index == 0:
        needed -= 1
    way_m = compiled.along_m[calls[-1].index] - compiled.along_m[calls[0].index]
    return len(calls) >= min(needed, compiled.size) and bool(way_m > 2 * compiled.radius_m[calls[0].index])


def come_from_ahead(compiled: CompiledRoute, record: CourseRecord, call: Call, settings: RouteSettings) -> bool:
    """Whether the vehicle passed stops shortly behind this one just before: it drives against the order of the plan."""
    arrival = _arrival(compiled, call)
    oldest = arrival - round(settings.chain_s * MICROS_PER_S)
    return any(
        0 < other.index - call.index <= settings.chain_gap_stops and oldest <= _arrival(compiled, other) < arrival
        for other in record.doubtful
    )


def _arrival(compiled: CompiledRoute, call: Call) -> int:
    return arrival_of(call, compiled.route.stops[call.index])
