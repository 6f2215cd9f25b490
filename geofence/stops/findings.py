"""Events and states of stops, in the words of the contract, each with the evidence for it. Decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fleet.clock import MICROS_PER_S, from_micros, rfc3339, rfc3339_micros
from fleet.event import Event, event_id
from fleet.geodesy import distance_m
from fleet.outcome import Outcome, RouteState
from fleet.route import Route, RouteStatus, Stop, StopState
from geofence.stops.call import Call
from geofence.stops.records import NEVER, Halt, StopRecord


class Findings:
    """Collects what one step finds into an outcome.

    Events that are dated back say in `proved_at` which fix made them certain.
    """

    def __init__(self, outcome: Outcome, now: datetime) -> None:
        self.outcome = outcome
        self.now = now

    def apart(self) -> Findings:
        """Findings of their own, known at the same instant: to be added later, or dropped."""
        return Findings(Outcome(), self.now)

    def event(self, kind: str, route: Route, stop: Stop, at: int, data: dict[str, Any]) -> None:
        """`data` on top of what every event of a stop holds."""
        occurred_at = from_micros(at)
        self.outcome.events.append(
            Event(
                id=event_id(kind, route.tenant, route.vehicle, occurred_at, route.id, stop.id),
                type=kind,
                occurred_at=occurred_at,
                recorded_at=self.now,
                tenant=route.tenant,
                vehicle=route.vehicle,
                data={"route": route.id, "stop": stop.id, "seq": stop.seq, "place": stop.place, **data},
            )
        )

    def state(self, route: Route, stop: Stop, record: StopRecord, at: int) -> None:
        self.outcome.stops.append(
            StopState(
                tenant=route.tenant,
                vehicle=route.vehicle,
                route=route.id,
                stop=stop.id,
                status=record.status,
                delay=record.delay,
                arrived_at=_instant(record.arrived),
                departed_at=_instant(record.departed),
                changed_at=from_micros(at),
            )
        )

    def route(self, route: Route, status: RouteStatus, at: int) -> None:
        self.outcome.routes.append(
            RouteState(tenant=route.tenant, vehicle=route.vehicle, route=route.id, status=status, changed_at=from_micros(at))
        )

    def arrived(self, route: Route, stop: Stop, record: StopRecord, call: Call, at: int) -> None:
        self.event("stop.arrived", route, stop, record.arrived, _arrival(stop, record, call, at))
        self.state(route, stop, record, at)

    def arrival_revised(self, route: Route, stop: Stop, record: StopRecord, call: Call, was: int, at: int) -> None:
        """The approach that counts turned out to be a later, nearer one."""
        of = _said_id("stop.arrived", route, stop, record, was)
        self.event("stop.arrived.revised", route, stop, record.arrived, {"of": of, **_arrival(stop, record, call, at)})
        self.state(route, stop, record, at)

    def departed(self, route: Route, stop: Stop, record: StopRecord, call: Call, at: int) -> None:
        dwell_s = round((record.departed - call.entered) / MICROS_PER_S, 3)
        left = {"dwell_s": dwell_s, "proved_at": rfc3339_micros(at), "evidence": evidence(call)}
        self.event("stop.departed", route, stop, record.departed, left)
        served = {"arrived_at": rfc3339_micros(record.arrived), **left}
        self.event("stop.completed", route, stop, record.departed, served)
        self.state(route, stop, record, at)

    def taken_back(self, route: Route, stop: Stop, record: StopRecord, reason: str, at: int) -> None:
        """What was said of the stop is withdrawn: it is planned again."""
        for kind, instant in _said(record):
            of = _said_id(kind, route, stop, record, instant)
            self.event(f"{kind}.retracted", route, stop, instant, {"of": of, "reason": reason, "proved_at": rfc3339_micros(at)})
        self._suggestion_retracted(route, stop, record, reason, at)
        self.state(route, stop, StopRecord(delay=record.delay), at)

    def said_again(self, route: Route, stop: Stop, record: StopRecord, at: int) -> None:
        """All that is known of a stop whose route was followed in silence: what had been withdrawn in place of what withdrew it."""
        data = _found_in_silence(stop, record, at)
        for kind, instant in _said(record):
            if _was_withdrawn(kind, record):
                of = event_id(f"{kind}.retracted", route.tenant, route.vehicle, from_micros(instant), route.id, stop.id)
                self.event(f"{kind}.revised", route, stop, instant, {"of": of, **data})
            else:
                self.event(kind, route, stop, instant, data)
        self.state(route, stop, record, at)

    def skipped(self, route: Route, stop: Stop, record: StopRecord, reason: str, at: int) -> None:
        self.event("stop.skipped", route, stop, record.skipped, {"reason": reason, "proved_at": rfc3339_micros(at)})
        self.state(route, stop, record, at)

    def skip_retracted(self, route: Route, stop: Stop, record: StopRecord, at: int) -> None:
        of = _said_id("stop.skipped", route, stop, record, record.skipped)
        data = {"of": of, "reason": "served", "proved_at": rfc3339_micros(at)}
        self.event("stop.skipped.retracted", route, stop, record.skipped, data)
        self._suggestion_retracted(route, stop, record, "served", at)

    def _suggestion_retracted(self, route: Route, stop: Stop, record: StopRecord, reason: str, at: int) -> None:
        if record.suggested != NEVER:
            kind = "stop.place_suggested"
            of = event_id(kind, route.tenant, route.vehicle, from_micros(record.suggested), route.id, stop.id)
            data = {"of": of, "reason": reason, "proved_at": rfc3339_micros(at)}
            self.event(f"{kind}.retracted", route, stop, record.suggested, data)

    def place_suggested(self, route: Route, stop: Stop, halt: Halt, at: int) -> None:
        """A stop that was not reached, and a stand beside it."""
        off_m = distance_m(halt.lat, halt.lon, stop.lat, stop.lon)
        data = {
            "lat": round(halt.lat, 6),
            "lon": round(halt.lon, 6),
            "distance_m": round(off_m, 1),
            "stood_s": round((halt.until - halt.since) / MICROS_PER_S, 3),
            "proved_at": rfc3339_micros(at),
            "evidence": {"stood_from": rfc3339_micros(halt.since), "stood_until": rfc3339_micros(halt.until)},
        }
        self.event("stop.place_suggested", route, stop, halt.since, data)

    def approaching(self, route: Route, stop: Stop, record: StopRecord, by: str, at: int, measured: dict[str, Any]) -> None:
        self.event("stop.approaching", route, stop, at, {"by": by, "evidence": measured})
        self.state(route, stop, record, at)


def _said(record: StopRecord) -> list[tuple[str, int]]:
    """The types and instants of what is known of a stop."""
    known = (
        ("stop.arrived", record.arrived),
        ("stop.departed", record.departed),
        ("stop.completed", record.departed),
        ("stop.skipped", record.skipped),
    )
    return [(kind, instant) for kind, instant in known if instant != NEVER]


def _was_withdrawn(kind: str, record: StopRecord) -> bool:
    return record.withdrawn >= (1 if kind in ("stop.arrived", "stop.skipped") else 2)


def _said_id(kind: str, route: Route, stop: Stop, record: StopRecord, instant: int) -> str:
    """The id of the event that stands."""
    said = f"{kind}.revised" if _was_withdrawn(kind, record) else kind
    return event_id(said, route.tenant, route.vehicle, from_micros(instant), route.id, stop.id)


def _found_in_silence(stop: Stop, record: StopRecord, at: int) -> dict[str, Any]:
    if record.arrived == NEVER:
        return {"reason": "later_stop_served", "proved_at": rfc3339_micros(at)}
    return {
        "planned_arrival": None if stop.planned_arrival is None else rfc3339(stop.planned_arrival),
        "late_s": late_s(stop, record.arrived),
        "proved_at": rfc3339_micros(at),
        "evidence": {"closest_m": round(record.closest_m, 1), "closest_at": rfc3339_micros(record.arrived)},
    }


def _arrival(stop: Stop, record: StopRecord, call: Call, at: int) -> dict[str, Any]:
    return {
        "planned_arrival": None if stop.planned_arrival is None else rfc3339(stop.planned_arrival),
        "late_s": late_s(stop, record.arrived),
        "proved_at": rfc3339_micros(at),
        "evidence": evidence(call),
    }


def evidence(call: Call) -> dict[str, Any]:
    """What proves a call."""
    return {
        "fixes": call.fixes,
        "entered_at": rfc3339_micros(call.entered),
        "closest_m": round(call.closest_m, 1),
        "closest_at": rfc3339_micros(call.closest),
        "inside_s": round(call.inside_s, 3),
        "stood_s": round(call.stood_s, 3),
        "stood_m": round(call.stood_m, 1) if call.stood_s > 0 else None,
        "stood_at": {"lat": round(call.stood_lat, 6), "lon": round(call.stood_lon, 6)} if call.stood_s > 0 else None,
        "worst_accuracy_m": round(call.worst_accuracy_m, 1) or None,
    }


def late_s(stop: Stop, arrived: int) -> float | None:
    """Seconds after the planned arrival; negative when before, None where nothing was planned."""
    if stop.planned_arrival is None:
        return None
    return round((from_micros(arrived) - stop.planned_arrival).total_seconds(), 3)


def _instant(micros: int) -> datetime | None:
    return None if micros == NEVER else from_micros(micros)
