"""A route was changed while it may be under way: what is known of the stops that stay is carried over to the new plan."""

from __future__ import annotations

from geofence.stops.call import Call
from geofence.stops.compiled import CompiledRoute
from geofence.stops.records import CourseRecord, StopRecord
from geofence.stops.story import Story


def carry_over(record: CourseRecord, was: CompiledRoute, now: CompiledRoute) -> CourseRecord:
    """The record for the new plan. Stops are the same when their id is; a circle that moved or changed begins its calls anew."""
    old = {stop.id: index for index, stop in enumerate(was.route.stops)}
    new = {stop.id: index for index, stop in enumerate(now.route.stops)}
    stops = [record.stops[old[stop.id]] if stop.id in old else StopRecord() for stop in now.route.stops]
    served = [index for index, stop in enumerate(stops) if stop.is_served]

    def moved(calls: list[Call]) -> list[Call]:
        kept = []
        for call in calls:
            stop = was.route.stops[call.index]
            index = new.get(stop.id)
            if index is not None and _same_circle(was, call.index, now, index):
                call.index = index
                kept.append(call)
        return kept

    return CourseRecord(
        route=record.route,
        stops=stops,
        phase=record.phase,
        reached=max(served, default=-1),
        stories=[Story.after(served)],
        progressed=record.progressed,
        calls=moved(record.calls),
        doubtful=moved([call for call in record.doubtful if call not in record.calls]),
        samples=record.samples.moved({old[name]: new[name] for name in old.keys() & new.keys()}),
    )


def _same_circle(was: CompiledRoute, index: int, now: CompiledRoute, other: int) -> bool:
    before, after = was.route.stops[index], now.route.stops[other]
    return (before.lat, before.lon, before.arrival_radius_m) == (after.lat, after.lon, after.arrival_radius_m)
