"""How a vehicle comes along one route: which calls serve which stops, which are left out, when the route begins and ends.

A call at a circle is only a sign; a street has two sides, a loop passes its end at its beginning, and the way back leads along
the same stops. What fits the order of the plan is believed; what does not is doubted until more of the plan follows:

1. The next stop, or one a few further on, is served by its call.
2. A stand (a stop where passing is not enough) further on, or left out before, is served: a driver may change the order.
3. A pass further on waits for others behind it in planned order (`chain_stops`); then all of them are served.
4. A pass at a stop behind the furthest one counts only around the same moment (two neighbours in reversed order).
5. A route that has not begun begins at its first stop, or anywhere with a chain as in 3.
6. The same stay never serves a later stop at the same place, except the very next one: a loop's start is not its end.
7. A vehicle that comes back to its first stop around the route's start, hardly further than that, begins anew: it only passed
   there on its way to where it waits.
8. A vehicle that passes the stop it served last once more, nearer by far, served it only now: the first pass was on the other
   side of the street.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fleet.clock import MICROS_PER_S
from fleet.fix import Int64s
from fleet.geodesy import distance_m
from fleet.route import RouteStatus, StopStatus
from geofence.stops import doubts
from geofence.stops.call import Call, arrival_of, extend_call, is_confirmed, open_call
from geofence.stops.compiled import CompiledRoute
from geofence.stops.field import Contact, Step
from geofence.stops.findings import Findings
from geofence.stops.placing import Placing
from geofence.stops.records import NEVER, CourseRecord, Phase, Standing, StopRecord
from geofence.stops.risk import DELAYS, Codes
from geofence.stops.settings import RouteSettings
from geofence.stops.stand import Standstill


def new_record(compiled: CompiledRoute) -> CourseRecord:
    return CourseRecord(route=compiled.route.id, stops=[StopRecord() for _ in compiled.route.stops])


@dataclass(slots=True)
class Course:
    """A route with its record. `served` lists what the last `take` served: (index, instant).

    `told` and `delays` are columns of the stops' records, for the forecasts: there they are kept, `note_forecasts` puts them back.
    """

    compiled: CompiledRoute
    record: CourseRecord
    settings: RouteSettings
    served: list[tuple[int, int]]
    told: Int64s
    delays: Codes
    #: The last instant at each stop that is not late: the window's end, else the planned arrival plus grace; else never.
    deadlines: Int64s
    finished: bool = False

    @classmethod
    def of(cls, compiled: CompiledRoute, record: CourseRecord, settings: RouteSettings) -> Course:
        told = np.array([stop.told for stop in record.stops], np.int64)
        delays = np.array([DELAYS.index(stop.delay) for stop in record.stops], np.int8)
        return cls(compiled, record, settings, [], told, delays, compiled.deadlines(settings.grace_s))

    def note_forecasts(self) -> None:
        """Make the record complete."""
        for record, told, delay in zip(self.record.stops, self.told.tolist(), self.delays.tolist(), strict=True):
            record.told, record.delay = told, DELAYS[delay]

    @property
    def placing(self) -> Placing:
        return Placing(self.compiled, self.record, self.settings)

    @property
    def is_under_way(self) -> bool:
        return self.record.phase is Phase.UNDER_WAY

    @property
    def is_aside(self) -> bool:
        """Whether another route is believed in its place: it is followed in silence."""
        return self.record.standing is Standing.ASIDE

    @property
    def is_midway(self) -> bool:
        """Under way, not just begun, and not as good as over."""
        return (
            self.is_under_way and not self.is_aside and 1 < self.record.reached < self.compiled.size - 1 - self.settings.jump_stops
        )

    @property
    def awaits_what_was_put_off(self) -> bool:
        """Whether the last stop was left in its turn, with others still open behind the vehicle."""
        return self.record.stops[-1].departed != NEVER and not self._jumped_to_the_end()

    def is_muted(self, index: int) -> bool:
        """Whether nothing can happen at the stop any more."""
        record = self.record
        is_behind = record.reached >= self.settings.anew_stops and index != record.reached
        return is_behind and record.stops[index].departed != NEVER

    def quiet_m(self, call: Call, distance_m: float) -> float:
        """How far the vehicle may go, within the circle of an open call, before that matters."""
        if not self.record.stops[call.index].is_served or call.is_outside:
            return 0.0
        to_edge_m = float(self.compiled.radius_m[call.index]) - distance_m
        if self.is_pass(call.index) and call.said_m > self.settings.revise_nearer_m:
            return max(0.0, min(to_edge_m, distance_m - (call.said_m - self.settings.revise_nearer_m)))
        return max(0.0, to_edge_m)

    def take(self, contacts: Mapping[int, Contact], step: Step, standstill: Standstill, *, free: bool, findings: Findings) -> None:
        """One more segment: `contacts` by index of the stop. `free`: no other route keeps the vehicle from beginning this."""
        at = step.current.time
        calls = self._calls(contacts, step)
        for call in self.placing.take(standstill):
            self._serve_placed(call, at, free, findings)
        for call in calls:
            if call.confirmed and self._begins_anew(call):
                self._begin_anew(at, findings)
            elif call.confirmed and self._passes_nearer(call):
                self._take_back(call.index, "nearer_pass", at, findings)
        confirmed = [call for call in calls if call.confirmed and not self.record.stops[call.index].is_served]
        for call in sorted(confirmed, key=lambda call: (self._arrival(call), call.index)):
            self._offer(call, at, free, findings)
        for call in calls:
            self._revise(call, at, findings)
            if call.left:
                self._end_call(call, at, findings)

    # calls

    def _calls(self, contacts: Mapping[int, Contact], step: Step) -> list[Call]:
        """The calls that this segment touches, extended by it."""
        calls = {call.index: call for call in self.record.calls}
        for index, contact in contacts.items():
            if index not in calls:
                calls[index] = open_call(index, contact, step)
            call, stop = calls[index], self.compiled.route.stops[index]
            extend_call(call, contact, step, stop.arrival_radius_m, self.settings)
            call.confirmed = call.confirmed or is_confirmed(call, stop, self.settings)
        self.record.calls = list(calls.values())
        return self.record.calls

    def _end_call(self, call: Call, at: int, findings: Findings) -> None:
        self.record.calls = [other for other in self.record.calls if other is not call]
        stop = self.record.stops[call.index]
        if stop.is_served:
            if stop.departed == NEVER:
                self._depart(call, at, findings)
        elif call.index < self.record.reached and stop.is_open:
            self._give_up(call.index, "not_served", at, findings)
        elif call.index == self.compiled.size - 1 and self._is_at_the_end():
            for last in self.placing.conclude():
                self._serve(last, at, findings)

    def _is_at_the_end(self) -> bool:
        """Whether the last stop is next, or was likely served with few left out."""
        to_come = self.compiled.size - 1 - self.record.reached
        return to_come <= 1 or (to_come <= 1 + self.settings.jump_stops and self.placing.ends_the_plan())

    def _arrival(self, call: Call) -> int:
        return arrival_of(call, self.compiled.route.stops[call.index])

    def is_pass(self, index: int) -> bool:
        return self.compiled.route.stops[index].min_dwell_s == 0

    # what fits

    def _offer(self, call: Call, at: int, free: bool, findings: Findings) -> None:
        """Serve the stop by this confirmed call, or doubt it, or let it be."""
        if self.record.reached < 0 and call.index == 0 and self.is_under_way:
            self._serve(call, at, findings)
        elif self.record.reached < 0:
            self._offer_first(call, at, free, findings)
        elif call.index == self.record.reached:
            self._serve(call, at, findings)
        elif call.index < self.record.reached:
            if self._fits_backward(call):
                self._serve(call, at, findings)
        elif self._shares_a_stay(call):
            return
        elif self._fits_forward(call):
            self._serve(call, at, findings)
        else:
            self._doubt(call, at, free, findings)

    def _offer_first(self, call: Call, at: int, free: bool, findings: Findings) -> None:
        earliest = self._earliest(call.index, free)
        if max(call.last_inside, self._arrival(call)) < earliest:
            return
        if call.index == 0 and free:
            self._serve(call, at, findings, not_before=earliest)
        else:
            self._doubt(call, at, free, findings)

    def _earliest(self, index: int, free: bool) -> int:
        """The first instant at which the stop may be served."""
        settings, compiled = self.settings, self.compiled
        if index == 0:
            lead_s = settings.lead_at_first_stop_s if free else settings.lead_s
            return compiled.starts_us - round(lead_s * MICROS_PER_S)
        planned = compiled.planned_us[index]
        return max(compiled.starts_us, planned or 0) - round(settings.lead_s * MICROS_PER_S)

    def _shares_a_stay(self, call: Call) -> bool:
        """Whether the call is the stay that served an earlier stop at the same place (case 6)."""
        if call.index == self.record.reached + 1:
            return False
        occupied = [
            index
            for index, stop in enumerate(self.record.stops[: call.index])
            if stop.is_served and (stop.departed == NEVER or stop.departed > call.entered)
        ]
        return any(self.compiled.share_a_place(index, call.index) for index in occupied)

    def _fits_forward(self, call: Call) -> bool:
        record, compiled = self.record, self.compiled
        since_s = (self._arrival(call) - record.stops[record.reached].arrived) / MICROS_PER_S
        apart_m = compiled.apart_m(record.reached, call.index)
        slack_m = compiled.radius_m[call.index] + compiled.radius_m[record.reached]
        if apart_m - slack_m > self.settings.max_speed_mps * max(since_s, 0.0):
            return False
        if not self.is_pass(call.index):
            return True
        if call.index == record.reached + 1:
            return since_s >= -1.0
        if call.index - record.reached > self.settings.jump_stops or doubts.come_from_ahead(
            self.compiled, self.record, call, self.settings
        ):
            return False
        along_m = compiled.along_m[call.index] - compiled.along_m[record.reached]
        return since_s >= -1.0 and (along_m <= self.settings.jump_m or self._ends_in_time(call, since_s))

    def _ends_in_time(self, call: Call, since_s: float) -> bool:
        """Whether this is the last stop, and not too early for the way to it: the pass of a stop that is still far ahead by the
        plan, and only near on the map, must not end the route."""
        planned = self.compiled.planned_us
        if call.index != self.compiled.size - 1:
            return False
        ends, began = planned[call.index], planned[self.record.reached]
        if ends is None or began is None:
            return True
        return since_s >= self.settings.last_leg_share * (ends - began) / MICROS_PER_S

    def _fits_backward(self, call: Call) -> bool:
        if not self.is_pass(call.index):
            return True
        record, compiled = self.record, self.compiled
        apart_s = abs(self._arrival(call) - record.stops[record.reached].arrived) / MICROS_PER_S
        back_m = compiled.along_m[record.reached] - compiled.along_m[call.index]
        return apart_s <= self.settings.backward_s and back_m <= self.settings.backward_m

    def _doubt(self, call: Call, at: int, free: bool, findings: Findings) -> None:
        """Keep the call among the doubtful ones, and serve them when enough of them follow one another as planned."""
        self.record.doubtful = doubts.kept(self.record, call, self.settings)
        chain = doubts.chain(self.compiled, self.record, call, self.settings)
        if not doubts.is_believed(self.compiled, self.record, chain, self.settings):
            return
        for member in chain:
            self._serve(member, at, findings, not_before=self._earliest(member.index, free))
        self.record.doubtful = []

    def _begins_anew(self, call: Call) -> bool:
        """Case 7."""
        record, first = self.record, self.record.stops[0]
        if call.index != 0 or not first.is_served or first.departed == NEVER or record.reached >= self.settings.anew_stops:
            return False
        # A stand is a service and no mere pass; and who comes back where the plan itself comes back is keeping to it.
        if not self.is_pass(0) or self._returns_to_first():
            return False
        latest = self.compiled.starts_us + round(self.settings.lead_s * MICROS_PER_S)
        came_back = record.reached > 0 or call.closest_m < call.said_m
        return came_back and call.entered > first.departed and self._arrival(call) <= latest

    def _passes_nearer(self, call: Call) -> bool:
        """Case 8."""
        record = self.record.stops[call.index]
        if call.index != self.record.reached or not self.is_pass(call.index) or record.departed == NEVER:
            return False
        is_soon = call.entered - record.arrived <= self.settings.chain_s * MICROS_PER_S
        return is_soon and call.entered > record.departed and call.closest_m <= record.closest_m - self.settings.revise_nearer_m

    def _returns_to_first(self) -> bool:
        """Whether a stop that is still to come lies at the first stop's place (a round trip)."""
        first, *others = self.compiled.route.stops
        to_come = others[max(0, self.record.reached) :]
        return any(
            distance_m(first.lat, first.lon, stop.lat, stop.lon) <= first.arrival_radius_m + stop.arrival_radius_m
            for stop in to_come
        )

    # what follows

    def _begin_anew(self, at: int, findings: Findings) -> None:
        """Take back what was said of the first stops; the call that brought the vehicle back serves the first again."""
        for index in range(self.record.reached, -1, -1):
            self._take_back(index, "began_anew", at, findings)
        self.record.reached, self.record.judged = -1, 0
        self.placing.start_over()
        self.record.doubtful = []

    def _take_back(self, index: int, reason: str, at: int, findings: Findings) -> None:
        route, record = self.compiled.route, self.record.stops[index]
        findings.taken_back(route, route.stops[index], record, reason, at)
        self.record.stops[index] = StopRecord(delay=record.delay, approached=record.approached, told=record.told)

    def _serve(self, call: Call, at: int, findings: Findings, not_before: int = 0) -> None:
        index, route = call.index, self.compiled.route
        stop, record = route.stops[index], self.record.stops[index]
        if self.record.phase is Phase.WAITING:
            self.record.phase = Phase.UNDER_WAY
            findings.route(route, RouteStatus.UNDER_WAY, at)
        if record.skipped != NEVER:
            findings.skip_retracted(route, stop, record, at)
            record.skipped = record.suggested = NEVER
        self.record.beside = [halt for halt in self.record.beside if halt.index != index]
        record.status, record.arrived = StopStatus.ARRIVED, max(self._arrival(call), not_before)
        call.said_m = record.closest_m = call.closest_m
        findings.arrived(route, stop, record, call, at)
        self._leave_out(index, at, findings)
        self.record.progressed, self.record.overtaken = at, 0
        self.served.append((index, record.arrived))
        self.placing.note(index)
        self._judge_fit(index, record.arrived)
        if call.left and call not in self.record.calls:
            self._depart(call, at, findings)

    def _judge_fit(self, index: int, arrived: int) -> None:
        """Take the stop into the mean of how far off the plan the vehicle is. At the first stop vehicles wait: it counts only until
        there is another one."""
        planned, record = self.compiled.planned_us[index], self.record
        if planned is None:
            return
        off_s = abs(arrived - planned) / MICROS_PER_S
        record.off_s += (off_s - record.off_s) / (record.judged + 1)
        record.judged += 0 if index == 0 else 1

    def _leave_out(self, index: int, at: int, findings: Findings) -> None:
        """Stops before the one just served are skipped, unless the vehicle is at them."""
        visited = {call.index for call in self.record.calls}
        for earlier in range(self.record.reached + 1, index):
            if self.record.stops[earlier].is_open and earlier not in visited:
                self._give_up(earlier, "later_stop_served", at, findings)
        self.record.reached = max(self.record.reached, index)

    def _give_up(self, index: int, reason: str, at: int, findings: Findings) -> None:
        """The vehicle has gone on from a stop: it is left out, unless it may turn out to have been served."""
        if not self.placing.may_be_served(index):
            self._skip(index, reason, at, findings)

    def _serve_placed(self, call: Call, at: int, free: bool, findings: Findings) -> None:
        """Serve the stop that a stand was for."""
        if self.record.stops[call.index].is_served:
            return
        earliest = self._earliest(call.index, free)
        if self.record.reached >= 0:
            self._serve(call, at, findings)
        elif max(call.last_inside, self._arrival(call)) >= earliest:
            self._serve(call, at, findings, not_before=earliest)
        else:  # it is early; who waits at the first stop has arrived when the route may begin
            call.confirmed = call.index == 0
            self.placing.start_over()

    def _skip(self, index: int, reason: str, at: int, findings: Findings) -> None:
        record = self.record.stops[index]
        record.status, record.skipped = StopStatus.SKIPPED, at
        route = self.compiled.route
        findings.skipped(route, route.stops[index], record, reason, at)
        for halt in self.record.beside:
            if halt.index == index:
                record.suggested = halt.since
                findings.place_suggested(route, route.stops[index], halt, at)

    def _revise(self, call: Call, at: int, findings: Findings) -> None:
        """A pass that was said while the vehicle stood inside, and came nearer later."""
        record = self.record.stops[call.index]
        if not record.is_served or not self.is_pass(call.index) or record.departed != NEVER:
            return
        moved_s = (call.closest - record.arrived) / MICROS_PER_S
        if moved_s >= self.settings.revise_s and call.closest_m <= call.said_m - self.settings.revise_nearer_m:
            was, record.arrived = record.arrived, call.closest
            call.said_m = record.closest_m = call.closest_m
            findings.arrival_revised(self.compiled.route, self.compiled.route.stops[call.index], record, call, was, at)

    def _depart(self, call: Call, at: int, findings: Findings) -> None:
        index, route = call.index, self.compiled.route
        record = self.record.stops[index]
        record.status, record.departed = StopStatus.COMPLETED, max(call.departed, record.arrived)
        findings.departed(route, route.stops[index], record, call, at)
        if index == self.compiled.size - 1 and not self._jumped_to_the_end() and not self.placing.is_awaited():
            self.close("route_finished", at, findings)

    def _jumped_to_the_end(self) -> bool:
        """Whether the last stop was served out of order, with others still to come."""
        last = self.record.stops[-1 - self.settings.jump_stops : -1]
        return not self.is_pass(self.compiled.size - 1) and len(last) > 0 and not any(stop.is_served for stop in last)

    def close(self, reason: str, at: int, findings: Findings) -> None:
        """The route is over. What was not served of a route that was under way is skipped."""
        if self.record.phase is Phase.UNDER_WAY:
            for call in self.placing.conclude():
                self._serve(call, at, findings)
            for index, record in enumerate(self.record.stops):
                if record.is_open:
                    self._skip(index, reason, at, findings)
        self.record.phase = Phase.DONE
        self.finished = True
        findings.route(self.compiled.route, RouteStatus.DONE, at)

    # against rivals

    def set_aside(self, at: int, findings: Findings) -> None:
        """Another route is under way: what was said of this one is taken back."""
        route = self.compiled.route
        for index, record in enumerate(self.record.stops):
            if record.is_served or record.skipped != NEVER:
                findings.taken_back(route, route.stops[index], record, "another_route_fits", at)
                record.withdrawn = 1 if record.departed == NEVER else 2
        self.record.standing, self.record.alone = Standing.ASIDE, 0
        findings.route(route, RouteStatus.DONE if self.finished else RouteStatus.PLANNED, at)

    def stand_again(self, at: int, findings: Findings) -> None:
        """This route is under way after all: all that is known of it is said, and is not taken back for a rival any more."""
        route = self.compiled.route
        self.record.standing = Standing.RETURNED
        findings.route(route, RouteStatus.DONE if self.finished else RouteStatus.UNDER_WAY, at)
        for index, record in enumerate(self.record.stops):
            if record.is_served or record.skipped != NEVER:
                findings.said_again(route, route.stops[index], record, at)
