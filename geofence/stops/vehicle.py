"""One vehicle with its routes: which of them it attends to, which one takes over from which, and what is near.

Routes follow one another. A route is attended to from a while before its start until it is over: its last stop left, a later
route so far along that it has taken over, or long past its planned end without progress. Routes that the plan lets overlap are
followed side by side; which of them is believed where they lead the same way is decided in `rivals`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleet.clock import MICROS_PER_S
from fleet.route import RouteStatus
from geofence.stops.compiled import CompiledRoute
from geofence.stops.course import Course, new_record
from geofence.stops.field import Contact, Field, Place, Step
from geofence.stops.findings import Findings
from geofence.stops.gate import FLAT_M, FLAT_SHARE, NEVER_DUE, flat_m
from geofence.stops.pins import watch_pin
from geofence.stops.placing import concerns
from geofence.stops.records import NEVER, VehicleRecord
from geofence.stops.replan import carry_over
from geofence.stops.rivals import find_rivals, is_to_be_set_aside, is_to_stand_again
from geofence.stops.settings import RouteSettings


@dataclass(slots=True)
class Vehicle:
    """`routes` are in order of their start; `courses` those attended to, in the same order."""

    routes: tuple[CompiledRoute, ...]
    settings: RouteSettings
    record: VehicleRecord = field(default_factory=VehicleRecord)
    courses: list[Course] = field(default_factory=list)
    circles: Field = field(default_factory=lambda: Field(()))
    #: Where the stops of each course begin in `circles`.
    bases: list[int] = field(default_factory=list)
    #: Of each course, the positions of its rivals.
    rivals: tuple[frozenset[int], ...] = ()
    #: The next instant at which `attend` may change something.
    attention_due: int = 0
    #: Where the vehicle was last looked at, and how far from there nothing happens at a circle, nor is a stop approached.
    _free_from: Place | None = None
    _free_m: float = 0.0

    # the plan

    def plan(self, routes: Sequence[CompiledRoute]) -> None:
        """Take on these routes instead of those before; what is known of stops that stay is kept."""
        self.routes = tuple(sorted(routes, key=lambda route: (route.starts_us, route.route.id)))
        planned = {route.route.id: route for route in self.routes}
        before = {route.compiled.route.id: route.compiled for route in self.courses}
        self.note_forecasts()
        self.record.courses = [
            record
            if before[record.route] is planned[record.route]
            else carry_over(record, before[record.route], planned[record.route])
            for record in self.record.courses
            if record.route in planned
        ]
        self.record.closed = [route for route in self.record.closed if route in planned]
        self._link(planned)

    def note_forecasts(self) -> None:
        """Make the record complete, to be kept."""
        for course in self.courses:
            course.note_forecasts()

    def load(self, record: VehicleRecord) -> None:
        """Go on from a record, as far as its routes are still planned."""
        planned = {route.route.id: route for route in self.routes}
        record.courses = [
            course for course in record.courses if course.route in planned and len(course.stops) == planned[course.route].size
        ]
        for course in record.courses:
            by_stay = {(call.index, call.entered): call for call in course.calls}
            for held in course.held:
                held.call = by_stay.get((held.index, held.call.entered), held.call)
            course.doubtful = [by_stay.get((call.index, call.entered), call) for call in course.doubtful]
        self.record = record
        self._link(planned)

    def _link(self, planned: Mapping[str, CompiledRoute]) -> None:
        order = {route.route.id: position for position, route in enumerate(self.routes)}
        self.record.courses.sort(key=lambda record: order[record.route])
        self.courses = [Course.of(planned[record.route], record, self.settings) for record in self.record.courses]
        self.bases, base = [], 0
        for course in self.courses:
            self.bases.append(base)
            base += course.compiled.size
        self.rivals = find_rivals([course.compiled for course in self.courses])
        self.circles = Field([course.compiled for course in self.courses])
        self._free_m = 0.0
        self._mute()
        self._find_attention_due()

    def _mute(self) -> None:
        for base, course in zip(self.bases, self.courses, strict=True):
            for index in range(course.compiled.size):
                if course.is_muted(index):
                    self.circles.mute(base + index)

    # which routes count

    def attend(self, at: int, findings: Findings) -> None:
        """Attend to the routes whose time has come, and let go of those that are long over."""
        if at < self.attention_due:
            return
        for course in self.courses:
            if at > self.expires(course):
                course.close("overdue", at, findings)
        fresh = [route for route in self._unattended() if self._attended_from(route) <= at]
        for route in fresh:
            if at > route.ends_us + round(self.settings.overdue_s * MICROS_PER_S):
                self.record.closed.append(route.route.id)
                findings.route(route.route, RouteStatus.DONE, at)
            else:
                self.record.courses.append(new_record(route))
        self.drop_finished(changed=bool(fresh))
        self._find_attention_due()

    def _unattended(self) -> list[CompiledRoute]:
        known = {course.compiled.route.id for course in self.courses}.union(self.record.closed)
        return [route for route in self.routes if route.route.id not in known]

    def _attended_from(self, route: CompiledRoute) -> int:
        return route.starts_us - round(self.settings.lead_at_first_stop_s * MICROS_PER_S)

    def expires(self, course: Course) -> int:
        if course.awaits_what_was_put_off:
            return course.record.progressed + round(self.settings.put_off_s * MICROS_PER_S)
        return max(course.compiled.ends_us, course.record.progressed) + round(self.settings.overdue_s * MICROS_PER_S)

    def drop_finished(self, *, changed: bool = False) -> bool:
        """Let go of the routes that are over; returns whether the circles are others now."""
        over = [course.compiled.route.id for course in self.courses if course.finished]
        if not (over or changed):
            return False
        self.record.closed += over
        self.note_forecasts()
        self.record.courses = [record for record in self.record.courses if record.route not in over]
        self._link({route.route.id: route for route in self.routes})
        return True

    def _find_attention_due(self) -> None:
        """A course that makes progress meanwhile expires later than this says: then `attend` finds nothing to do."""
        waiting = [self._attended_from(route) for route in self._unattended()]
        self.attention_due = min([*waiting, *(self.expires(course) + 1 for course in self.courses)], default=NEVER_DUE)

    # fixes

    def take(self, previous: Place | None, current: Place, last_seen: int, findings: Findings) -> None:
        """One more segment. `last_seen` is the instant of the vehicle's last good fix, also where too much may have happened since
        for a segment."""
        for course in self.courses:
            course.served = []
        contacts = self.circles.sweep(previous, current, self._open_slots())
        standstill = self.record.standstill
        matters = bool(contacts) and self._stand_matters(contacts)
        standstill.update(current, last_seen, matters=matters, settings=self.settings)
        self._split_stand()
        if contacts:
            self._hand_out(contacts, Step(previous, current, last_seen), findings)
            matters = self._stand_matters(contacts)
        standstill.mattered = matters

    def watch_pins(self, place: Place, last_seen: int) -> float:
        """Stands beside stops that are not reached; returns how far the vehicle may go before that matters."""
        return min([watch_pin(course, place, last_seen, self.settings) for course in self.courses], default=math.inf)

    @property
    def has_served(self) -> bool:
        """Whether the newest fix proved that a stop was served."""
        return any(course.served for course in self.courses)

    def pass_by(self) -> None:
        """One more fix, at which nothing can have happened at a circle."""
        for course in self.courses:
            course.served = []

    def sets_aside(self, place: Place, last: Place | None) -> bool:
        """Whether the fix is one that a standing vehicle cannot have been at."""
        return self.record.standstill.sets_aside(place, last, self.settings)

    def _stand_matters(self, contacts: Mapping[int, Contact]) -> bool:
        """Whether the vehicle is at a stop that a stand would serve."""
        for base, course in zip(self.bases, self.courses, strict=True):
            compiled, record, end = course.compiled, course.record, base + course.compiled.size
            for slot in contacts:
                if base <= slot < end and concerns(compiled, record, slot - base):
                    return True
        return False

    def _open_slots(self) -> list[int]:
        return [base + call.index for base, course in zip(self.bases, self.courses, strict=True) for call in course.record.calls]

    def keep_free(self, place: Place, approach_m: float) -> float:
        """Returns how far the vehicle may go before anything can happen at a circle, or, after `approach_m`, a stop is approached;
        remembers it."""
        reach_m = approach_m
        for base, course in zip(self.bases, self.courses, strict=True):
            for call in course.record.calls:
                reach_m = min(reach_m, course.quiet_m(call, self.circles.distance_m(base + call.index, place)))
        if reach_m > 0.0:
            reach_m = self.circles.reach_m(place, self._open_slots(), reach_m)
        self._free_from, self._free_m = place, reach_m
        return reach_m

    def free_m(self, place: Place) -> float:
        """How much of that is left here; 0 where more is to be looked at than circles and approaches: stands, other routes, calls
        that may end."""
        if self._free_from is None or self._free_m <= 0.0 or len(self.courses) != 1 or place.time >= self.attention_due:
            return 0.0
        course, standstill = self.courses[0], self.record.standstill
        if standstill.stand is not None or course.record.calls or not course.is_under_way or course.is_aside:
            return 0.0
        # As the gate has it: in the plane of where it was, with a margin for the sphere.
        return FLAT_SHARE * min(self._free_m, FLAT_M) - flat_m(self._free_from, place)

    def _hand_out(self, contacts: Mapping[int, Contact], step: Step, findings: Findings) -> None:
        if len(self.courses) == 1 and not self.courses[0].is_aside:
            self._give(0, self.courses[0], contacts, step, findings)
            self._settle_stand()
            return
        free = [self.is_free(course) for course in self.courses]
        told: list[Findings] = []
        begins: list[bool] = []
        for base, course, is_free in zip(self.bases, self.courses, free, strict=True):
            begins.append(course.record.reached < 0)
            told.append(findings.apart())
            self._give(base, course, contacts, step, told[-1], free=is_free)
        self._settle_stand()
        self._decide(told, begins, step.current.time, findings)
        self._take_over(step.current.time, findings)

    def _give(
        self,
        base: int,
        course: Course,
        contacts: Mapping[int, Contact],
        step: Step,
        findings: Findings,
        *,
        free: bool = True,
    ) -> None:
        """To a course its own contacts."""
        size, reached = course.compiled.size, course.record.reached
        own = {slot - base: contact for slot, contact in contacts.items() if 0 <= slot - base < size}
        if not own:
            return
        course.take(own, step, self.record.standstill, free=free, findings=findings)
        # All open calls are among the contacts, so that fewer are left only when one has ended.
        if len(course.record.calls) < len(own) or course.record.reached != reached:
            self._mute_behind(base, course, own)

    def _split_stand(self) -> None:
        """Where the vehicle has moved on unseen, two stands are made of one."""
        stand = self.record.standstill.stand
        if stand is None:
            return
        moved_at = max([course.placing.has_moved_unseen(stand) for course in self.courses], default=NEVER)
        if moved_at != NEVER:
            self.record.standstill.split(stand, moved_at)

    def _settle_stand(self) -> None:
        stand = self.record.standstill.stand
        if stand is not None:
            stand.settled = stand.settled or any(course.record.used == stand.since for course in self.courses)

    def _mute_behind(self, base: int, course: Course, touched: Iterable[int]) -> None:
        """Only these stops can have become irrelevant: those touched, the first ones, those left out just now."""
        behind = max(0, course.record.reached - self.settings.jump_stops)
        first = min(self.settings.anew_stops, course.compiled.size)
        for index in {*touched, *range(first), *range(behind, course.record.reached)}:
            if course.is_muted(index):
                self.circles.mute(base + index)

    def _decide(self, told: Sequence[Findings], begins: Sequence[bool], at: int, findings: Findings) -> None:
        """Say what was found about each course, unless it is aside, or would begin only to be set aside."""
        for position, (course, own, has_begun_now) in enumerate(zip(self.courses, told, begins, strict=True)):
            rivals = [self.courses[other] for other in self.rivals[position] if self.courses[other].served]
            if course.is_aside:
                if course.served and is_to_stand_again(course, rivals, self.settings):
                    course.stand_again(at, findings)
                elif course.finished:
                    findings.route(course.compiled.route, RouteStatus.DONE, at)
            elif course.served and is_to_be_set_aside(course, rivals, self.settings):
                if not has_begun_now:
                    findings.outcome.extend(own.outcome)
                course.set_aside(at, findings.apart() if has_begun_now else findings)
            else:
                findings.outcome.extend(own.outcome)

    def is_free(self, course: Course) -> bool:
        """Whether no other route has the vehicle on its way: none that is between its beginning and its end."""
        return len(self.courses) == 1 or not any(other.is_midway for other in self.courses if other is not course)

    def _take_over(self, at: int, findings: Findings) -> None:
        """A route falls behind with each stop that only a later one serves, of those that are believed."""
        for position, course in enumerate(self.courses):
            if course.served or course.finished:
                continue
            course.record.overtaken += max(
                (len(later.served) for later in self.courses[position + 1 :] if not later.is_aside), default=0
            )
            if course.record.overtaken >= self.settings.takeover_stops:
                course.close("next_route_took_over", at, findings)
