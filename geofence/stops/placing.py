"""Stands to stops: which stands of a vehicle were arrivals at which stops of a route, as soon as that is certain enough.

Only for stops whose plan names no dwell; the others go by their own rule (`geofence.stops.call`). What is likely is said by
`story`. While the vehicle stands, it is asked at some lengths of its stand whether it is certain what that is for: mostly after
half a minute at the next stop. What is not certain then waits for what comes: the stand's end, the next stands. What does not
become certain is decided when the vehicle has gone on for long, or the route is over.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Set as AbstractSet
from statistics import median
from typing import Final

from fleet.clock import MICROS_PER_S
from geofence.stops.call import Call
from geofence.stops.compiled import METRES_LAT, CompiledRoute
from geofence.stops.records import NEVER, CourseRecord, Held
from geofence.stops.settings import RouteSettings
from geofence.stops.stand import Stand, Standstill, drive_s
from geofence.stops.story import GAPS, USUAL_SERVICE_S, Claim, Story, concluded, continued, continued_on_foot, odds, pruned, settled

#: Standard deviation of the distance between a pin and where vans stand for it, each way, metres.
_PARKING_M: Final = 15.0
#: Lengths of a stand at which it is asked what it is for.
_ASKED_S: Final = (25.0, 35.0, 50.0, 65.0, 95.0, 106.0, 125.0, 180.0, 300.0)
#: Where so many of a stand's fixes are so near a pin, the others may be multipath: then these say where it was, and somewhat less.
_NEAR_M: Final = 40.0
_NEAR_SHARE: Final = 0.2
_DOUBT_M: Final = 10.0
#: Shorter stands are for nothing.
_BRIEF_S: Final = 10.0
#: What has to be decided is decided for what is likelier than not.
_LIKELIER: Final = 0.5
#: That a van has moved though no fast fix was seen: where one was not slow, and where all were.
_MOVED_UNSTEADY: Final = 1.0
_MOVED_UNSEEN: Final = 2.5
#: Noise wanders: fixes speak for themselves only after so long; and a gap speaks no louder than this.
_INDEPENDENT_S: Final = 60.0
_LONGEST_STEP_S: Final = 30.0


def concerns(compiled: CompiledRoute, record: CourseRecord, index: int) -> bool:
    """Whether a stand may serve the stop."""
    return compiled.route.stops[index].min_dwell_s is None and not record.stops[index].is_served


class Placing:
    """The stands of one vehicle on one route. A view on the course's record."""

    def __init__(self, compiled: CompiledRoute, record: CourseRecord, settings: RouteSettings) -> None:
        self._compiled, self._record, self._settings = compiled, record, settings

    def take(self, standstill: Standstill) -> list[Call]:
        """The arrivals that have become certain, in the order in which they are to be said."""
        found: list[Call] = []
        if standstill.ended is not None:
            self._remember(standstill.ended, standstill.before)
            found += self._end(standstill.ended)
        if standstill.stand is not None:
            self._remember(standstill.stand, standstill.until)
            found += self._ask(standstill.stand)
        return found

    def note(self, index: int) -> None:
        """The stop was served, by whatever rule."""
        stories = []
        for story in self._record.stories:
            noted = story.serve(index, NEVER, -story.step_cost(index)) if story.is_open(index) else story
            noted.served = [decision for decision in noted.served if decision[0] != index]
            stories.append(noted)
        self._record.stories = pruned(stories)

    def start_over(self) -> None:
        """Nothing that was placed so far belongs to the route."""
        self._record.stories, self._record.held = [Story()], []

    def conclude(self) -> list[Call]:
        """The route is over: what is likelier than not."""
        self._record.stories = concluded(self._record.stories, self._compiled.size)
        short = {
            (held.index, held.since)
            for held in self._record.held
            if not self._is_long_enough(held.index, held.stood_s + held.unseen_s, held.away_m)
        }
        return self._decided(_LIKELIER, short)

    def is_awaited(self) -> bool:
        """Whether a stop that was put off may still be served."""
        return any(concerns(self._compiled, self._record, index) for index in self._record.stories[0].gaps)

    def ends_the_plan(self) -> bool:
        """Whether the last stop was served, by what is likeliest."""
        return self._record.stories[0].furthest == self._compiled.size - 1

    def may_be_served(self, index: int) -> bool:
        """Whether some story, not too unlikely, has the stop served."""
        return any(likely > self._settings.unlikely for (stop, _), likely in odds(self._record.stories).items() if stop == index)

    def has_moved_unseen(self, stand: Stand) -> int:
        """When a vehicle that had served a stop went on to the next one though no fast fix was seen; NEVER if it has not."""
        record = self._record
        if record.asked_since != stand.since or record.taken_for < 0:
            return NEVER
        story = record.stories[0]
        if record.used != stand.since and story.is_open(record.taken_for):
            story = story.serve(record.taken_for, stand.since, 0.0)
        index = story.following(story.last)
        held = next((held for held in record.held if (held.index, held.since) == (index, stand.since)), None)
        if held is None or held.peak_at == NEVER or not concerns(self._compiled, self._record, index):
            return NEVER
        unsteady = stand.unsteady_at >= held.peak_at - round(20 * MICROS_PER_S)
        needed = _MOVED_UNSTEADY if unsteady else _MOVED_UNSEEN
        has_moved = held.peak - held.evidence > needed and self._could_drive(record.taken_for, index, held.peak_at, stand)
        return held.peak_at if has_moved else NEVER

    def _could_drive(self, here: int, there: int, at: int, stand: Stand) -> bool:
        """Whether there was time to go from stop to stop between two fixes, both of which saw the vehicle slow."""
        after = next((time for time, _, _ in stand.recent if time > at), stand.last)
        way_m = max(0.0, self._compiled.apart_m(here, there) - 2 * _PARKING_M)
        return (after - at) / MICROS_PER_S >= drive_s(way_m)

    # within

    def _remember(self, stand: Stand, until: int) -> None:
        """Keep, of each open stop that the stand may be for, the call with the instant at which the vehicle came."""
        record = self._record
        for call in record.calls:
            index = call.index
            if not concerns(self._compiled, record, index):
                continue
            away_m = self._stood_away_m(index, stand)
            if away_m > self._compiled.radius_m[index] + stand.noise_m:
                continue
            held = next((held for held in record.held if (held.index, held.since) == (index, stand.since)), None)
            if held is None:
                way_in = round(drive_s(float(self._compiled.radius_m[index])) * MICROS_PER_S)
                came = max(min(call.reentered, stand.since), min(until, stand.since), stand.since - way_in, call.entered)
                held = Held(index=index, since=stand.since, call=call, came=came)
                record.held.append(held)
            held.call, held.away_m, held.stood_s = call, away_m, stand.lasts_s
            held.rolled_in, held.unseen_s = stand.rolled_in(), stand.unseen_s
            if record.asked_since == stand.since and record.taken_for not in (-1, index) and stand.recent:
                self._weigh(held, stand)

    def _stood_away_m(self, index: int, stand: Stand) -> float:
        """How far from the pin the vehicle stood: by the median of all its fixes, or of those that were near."""
        away_m = self._away_m(index, stand.lat, stand.lon)
        if away_m <= _NEAR_M or stand.settled:
            return away_m
        each_m = [self._away_m(index, lat, lon) for lat, lon in zip(stand.lats, stand.lons, strict=True)]
        near_m = [one for one in each_m if one <= _NEAR_M]
        return median(near_m) + _DOUBT_M if len(near_m) >= _NEAR_SHARE * len(each_m) else away_m

    def _weigh(self, held: Held, stand: Stand) -> None:
        """Whether the newest fix speaks for the stop that the stand has served, or for this one (the test of Page, 1954)."""
        at, lat, lon = stand.recent[-1]
        since_s = min((at - held.seen) / MICROS_PER_S, _LONGEST_STEP_S) if held.seen != NEVER else 0.0
        here_m, there_m = self._away_m(self._record.taken_for, lat, lon), self._away_m(held.index, lat, lon)
        variance = stand.noise_m**2 / 2 + _PARKING_M**2
        held.seen = at
        held.evidence += (there_m**2 - here_m**2) / (2 * variance) * since_s / _INDEPENDENT_S
        if held.evidence >= held.peak or held.peak_at == NEVER:
            held.peak, held.peak_at = held.evidence, at

    def _claims(self, stand: Stand) -> list[Claim]:
        return [
            Claim(held.index, held.away_m, float(self._compiled.radius_m[held.index]), self._service_s(held.index))
            for held in self._record.held
            if held.since == stand.since
        ]

    def _service_s(self, index: int) -> float:
        return self._compiled.route.stops[index].service_s or USUAL_SERVICE_S

    def _ask(self, stand: Stand) -> list[Call]:
        record = self._record
        asked = bisect_right(_ASKED_S, stand.lasts_s)
        if record.used == stand.since or (record.asked_since == stand.since and record.asked >= asked) or not asked:
            return []
        if record.asked_since != stand.since:
            record.taken_for = -1
        record.asked_since, record.asked = stand.since, asked
        due = record.stories[0].following(record.stories[0].last)
        stories = self._continued(stand, goes_on=True)
        sure = [(likely, index) for (index, since), likely in odds(stories).items() if since == stand.since]
        likely, index = max(sure, default=(0.0, -1))
        if record.taken_for < 0:
            record.taken_for = index
        away_m = self._away_m(index, stand.lat, stand.lon)
        is_expected = index == due and stand.lasts_s >= self._settings.stand_far_s
        certain = self._settings.certain_when_due if is_expected else self._settings.certain
        if likely < certain or not self._is_long_enough(index, stand.lasts_s, away_m):
            return []
        record.used, record.used_by = stand.since, index
        record.stories = settled(stories, (index, stand.since))
        call = self._arrival(index, stand.since)
        decided = self._decided(self._settings.certain)
        return decided if call is None else [*decided, call]

    def _is_long_enough(self, index: int, lasts_s: float, away_m: float) -> bool:
        """By the product's rule: in the outer half of the circle a red light is the likelier reason."""
        stop = self._compiled.route.stops[index]
        needed_s = self._settings.stand_near_s
        if away_m > stop.arrival_radius_m / 2:
            needed_s = self._settings.stand_far_s
        if stop.service_s is not None:
            needed_s = min(needed_s, stop.service_s * self._settings.stand_service_share)
        return lasts_s >= needed_s

    def _end(self, stand: Stand) -> list[Call]:
        record = self._record
        if stand.likely_s >= _BRIEF_S or record.used == stand.since:
            record.stories = self._continued(stand, goes_on=False)
        return self._decided(self._settings.certain, self._too_short(stand.since))

    def _too_short(self, since: int) -> set[tuple[int, int]]:
        """What the stand is not long enough for by itself; what follows may still say so."""
        held = [held for held in self._record.held if held.since == since]
        return {(one.index, since) for one in held if not self._is_long_enough(one.index, one.stood_s, one.away_m)}

    def _continued(self, stand: Stand, *, goes_on: bool) -> list[Story]:
        spread_m = math.hypot(_PARKING_M, stand.noise_m / math.sqrt(2.0))
        claims = self._claims(stand)
        if self._record.used == stand.since:
            return continued_on_foot(self._record.stories, claims, stand.since)
        return continued(self._record.stories, claims, stand.since, stand.likely_s, spread_m, goes_on=goes_on)

    def _decided(self, certain: float, but: AbstractSet[tuple[int, int]] = frozenset()) -> list[Call]:
        """What has become certain, and what has to be decided now."""
        record, found = self._record, []
        behind = record.stories[0].furthest - GAPS
        for (index, since), likely in self._likeliest():
            if (index, since) not in but and (likely >= certain or (index <= behind and likely >= _LIKELIER)):
                record.stories = settled(record.stories, (index, since))
                call = self._arrival(index, since)
                if call is not None:
                    found.append(call)
        self._forget()
        return found

    def _likeliest(self) -> list[tuple[tuple[int, int], float]]:
        """The open decisions (stop, stand), in order, with how likely it is that the stop was served. Of the stands within one stay
        in its circle only the likeliest: in a queue before the door it matters little which of them was the service."""
        stays = {(held.index, held.since): held.call.entered for held in self._record.held}
        best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {}
        total: dict[tuple[int, int], float] = {}
        for decision, likely in sorted(odds(self._record.stories).items()):
            stay = decision[0], stays.get(decision, decision[1])
            total[stay] = total.get(stay, 0.0) + likely
            best[stay] = max(best.get(stay, (0.0, decision)), (likely, decision))
        return sorted((decision, total[stay]) for stay, (_, decision) in best.items())

    def _arrival(self, index: int, since: int) -> Call | None:
        """The call that a stand made, as an arrival; the second from the same stand came when it was nearest."""
        held = next((held for held in self._record.held if (held.index, held.since) == (index, since)), None)
        if held is None or self._record.stops[index].is_served:
            return None
        held.is_served = True
        held.call.came = max(held.came, held.peak_at) if held.is_shared else max(held.came, held.rolled_in)
        for other in self._record.held:
            other.is_shared = other.is_shared or (other.since == since and other is not held)
        held.call.stood_s = max(held.call.stood_s, held.stood_s)
        return held.call

    def _forget(self) -> None:
        """Only what some story still tells of, and the present stand, is kept."""
        told = {decision for story in self._record.stories for decision in story.served}
        newest = max((held.since for held in self._record.held), default=0)
        self._record.held = [held for held in self._record.held if (held.index, held.since) in told or held.since == newest]

    def _away_m(self, index: int, lat: float, lon: float) -> float:
        compiled = self._compiled
        east = (lon - compiled.lon[index] + 180.0) % 360.0 - 180.0
        return float(math.hypot(east * compiled.metres_lon[index], (lat - compiled.lat[index]) * METRES_LAT))
