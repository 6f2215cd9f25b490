"""Stories of how a vehicle has kept to its plan: which of its stands served which stops. Pure arithmetic on odds.

A stand by itself says little: circles of neighbours overlap, positions wander by tens of metres, and vans stand at lights, in
queues and for lunch. What it was for shows in its place, in its length and in what comes before and after. So several stories
are told side by side, each with its cost: minus the logarithm of how likely it is (a beam search over a hidden Markov model;
Viterbi 1967, and Newson and Krumm 2009 for positions on maps). A new stand continues each story in each way that makes sense:

* it was for nothing;
* it was for a stop: the nearer, the likelier, and the more so the less of the plan is passed over;
* it was for several neighbours, one after the other on foot.

The costs below are rounded logarithms of shares: one stop in fifty is passed over, and so on. Where the share mattered it was
chosen on simulated days (`bench.arrivals`) of other seeds than those that are reported; most decisions have large margins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

#: So many stories are followed, and so many stops behind the furthest one a stop may still be caught up with.
STORIES: Final = 16
GAPS: Final = 12
#: Stories this much less likely than the best are given up: 1 in 20,000.
_HOPELESS: Final = 10.0

#: Passing over one open stop, and each further one; at most.
_PASSED_OVER: Final = 4.0
_EACH_MORE: Final = 1.0
_JUMP: Final = 6.5
#: Going back to where the plan was left just now; to a stop that was put off.
_BACK_TO_PLAN: Final = 0.7
_PUT_OFF: Final = 2.5
#: Going on with the plan after either.
_RESUMED: Final = 0.3
#: A stop that was passed over was never served.
_LEFT_OUT: Final = 1.5
#: A neighbour is served on foot.
_ON_FOOT: Final = 0.7
_ON_FOOT_M: Final = 25.0
#: Standing for nothing: the share of such stands, spread evenly over a ground of this radius.
_NOTHING: Final = 1.0
_GROUND_M: Final = 150.0

#: Lengths of services: log-normal, the median as planned, else two minutes.
USUAL_SERVICE_S: Final = 120.0
_SERVICE_SPREAD: Final = 0.8
#: Lengths of stands for nothing: mostly traffic, any length up to a long red phase (known to some seconds); else exponential.
_LONGEST_RED_S: Final = 90.0
_KNOWN_TO_S: Final = 4.0
_NO_TRAFFIC: Final = 0.1
_BREAK_S: Final = 900.0
#: This share of the vans finds no room near the pin, and stands so far away, each way.
_NO_ROOM: Final = 0.07
_NO_ROOM_M: Final = 40.0


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """A stand that may have served a stop: how far from its pin it was."""

    index: int
    away_m: float
    radius_m: float
    #: As planned, where it is.
    service_s: float = USUAL_SERVICE_S


class Story(msgspec.Struct, array_like=True):
    """`last`: the stop served last, `furthest`: the one furthest in the plan; `gaps`: open stops before that, in order.
    `served`: (index, when the stand began), newest last, as far back as decisions are open."""

    cost: float = 0.0
    last: int = -1
    furthest: int = -1
    gaps: list[int] = []
    served: list[tuple[int, int]] = []
    jumped: bool = False

    @classmethod
    def after(cls, served: Sequence[int]) -> Story:
        """A story that begins when these stops are served."""
        furthest = max(served, default=-1)
        gaps = [index for index in range(max(0, furthest - GAPS), furthest) if index not in served]
        return cls(last=furthest, furthest=furthest, gaps=gaps)

    def is_open(self, index: int) -> bool:
        return index > self.furthest or index in self.gaps

    def following(self, index: int) -> int:
        """The first open stop after one."""
        return next((gap for gap in self.gaps if gap > index), self.furthest + 1 if index < self.furthest else index + 1)

    def step_cost(self, index: int) -> float:
        """Of serving this open stop next."""
        due = self.following(self.last)
        if index == due:
            return 0.05
        if index in self.gaps and index < max(due, self.furthest):
            return _BACK_TO_PLAN if self.jumped and index == self._left_at() else _PUT_OFF
        if index == self.furthest + 1 and self.last < self.furthest:
            return _RESUMED
        passed = sum(gap >= due for gap in self.gaps if gap < index) + max(0, index - max(due, self.furthest + 1))
        return min(_JUMP, _PASSED_OVER + _EACH_MORE * (max(1, passed) - 1))

    def _left_at(self) -> int:
        """Where the plan was left with the last jump: the first of the open stops that lead up to the furthest one."""
        first = self.furthest
        while first - 1 in self.gaps:
            first -= 1
        return first

    def serve(self, index: int, since: int, cost: float) -> Story:
        """The story that goes on with this."""
        step = self.step_cost(index)
        gaps = [gap for gap in self.gaps if gap != index] + list(range(self.furthest + 1, index))
        furthest = max(self.furthest, index)
        lost = [gap for gap in gaps if gap < furthest - GAPS]
        return Story(
            cost=self.cost + cost + step + _LEFT_OUT * len(lost),
            last=index,
            furthest=furthest,
            gaps=[gap for gap in gaps if gap >= furthest - GAPS],
            served=[*self.served, (index, since)],
            jumped=index > self.furthest + 1 or (self.jumped and index < self.furthest),
        )

    def stand_idle(self, cost: float) -> Story:
        return Story(self.cost + cost, self.last, self.furthest, self.gaps, self.served, self.jumped)


def _service_cost(lasts_s: float, planned_s: float, *, goes_on: bool) -> float:
    """Of a service of that length, a minute being the unit of its density; one that goes on may become any longer one."""
    z = math.log(max(lasts_s, 1.0) / planned_s) / _SERVICE_SPREAD
    if goes_on:
        return -math.log(max(0.5 * math.erfc(z / math.sqrt(2.0)), 1e-9))
    return 0.5 * z * z + math.log(math.sqrt(2.0 * math.pi) * _SERVICE_SPREAD * max(lasts_s, 1.0) / 60.0)


def _pause_cost(lasts_s: float, *, goes_on: bool) -> float:
    """The same of a stand for nothing."""
    is_red = 1.0 / (1.0 + math.exp(min((lasts_s - _LONGEST_RED_S) / _KNOWN_TO_S, 50.0)))
    no_traffic = _NO_TRAFFIC * math.exp(-lasts_s / _BREAK_S)
    if goes_on:
        return -math.log((1 - _NO_TRAFFIC) * is_red * max(0.0, 1.0 - lasts_s / (_LONGEST_RED_S + 3 * _KNOWN_TO_S)) + no_traffic)
    return -math.log(((1 - _NO_TRAFFIC) * is_red / _LONGEST_RED_S + no_traffic / _BREAK_S) * 60.0)


def continued(
    stories: Sequence[Story], claims: Sequence[Claim], since: int, lasts_s: float, spread_m: float, *, goes_on: bool = False
) -> list[Story]:
    """Each story with each meaning of a stand: the most likely ones, best first, the best at cost 0."""
    idle = math.log(math.pi * _GROUND_M**2) + _NOTHING + _pause_cost(lasts_s, goes_on=goes_on)
    by_index = {claim.index: claim for claim in claims}
    found = []
    for story in stories:
        found.append(story.stand_idle(idle))
        for claim in claims:
            if story.is_open(claim.index):
                service = _service_cost(lasts_s, claim.service_s, goes_on=goes_on)
                served = story.serve(claim.index, since, service + _place_cost(claim, spread_m))
                found.append(served)
                found += _on_foot(served, by_index, since)
    return pruned(found)


def _place_cost(claim: Claim, spread_m: float) -> float:
    """Of standing there for the stop: mostly near the pin, sometimes anywhere."""
    wide_m = math.hypot(spread_m, _NO_ROOM_M)
    return -math.log((1 - _NO_ROOM) * _density(claim.away_m, spread_m) + _NO_ROOM * _density(claim.away_m, wide_m))


def _density(away_m: float, spread_m: float) -> float:
    return math.exp(-0.5 * (away_m / spread_m) ** 2) / (2 * math.pi * spread_m**2)


def concluded(stories: Sequence[Story], size: int) -> list[Story]:
    """The plan of so many stops is over: what is still open was left out."""
    for story in stories:
        story.cost += _LEFT_OUT * len(story.gaps) + (_PASSED_OVER + _LEFT_OUT) * (size - 1 - story.furthest)
    return pruned(stories)


def _on_foot(story: Story, claims: dict[int, Claim], since: int) -> Iterable[Story]:
    """The neighbours that follow in the plan, one, two ... of them."""
    while (claim := claims.get(story.following(story.last))) is not None and claim.away_m < 3.0 * _ON_FOOT_M:
        story = story.serve(claim.index, since, _ON_FOOT + 0.5 * (claim.away_m / _ON_FOOT_M) ** 2)
        yield story


def pruned(stories: Iterable[Story]) -> list[Story]:
    """The best of each kind, not hopeless."""
    best: dict[tuple[int, int, tuple[int, ...], tuple[tuple[int, int], ...]], Story] = {}
    for story in stories:
        key = (story.last, story.furthest, tuple(story.gaps), tuple(story.served))
        if key not in best or story.cost < best[key].cost:
            best[key] = story
    kept = sorted(best.values(), key=lambda story: (story.cost, story.served))[:STORIES]
    least = kept[0].cost
    kept = [story for story in kept if story.cost - least < _HOPELESS]
    for story in kept:
        story.cost -= least
    return kept


def odds(stories: Sequence[Story]) -> dict[tuple[int, int], float]:
    """How likely each open decision (stop, stand) is, of all stories."""
    total = sum(math.exp(-story.cost) for story in stories)
    found: dict[tuple[int, int], float] = {}
    for story in stories:
        for decision in story.served:
            found[decision] = found.get(decision, 0.0) + math.exp(-story.cost) / total
    return found


def settled(stories: Sequence[Story], decision: tuple[int, int]) -> list[Story]:
    """Only the stories in which this is so, where there are any; it is no open decision any more."""
    kept = [story for story in stories if decision in story.served] or list(stories)
    for story in kept:
        story.served = [other for other in story.served if other != decision]
    return pruned(kept)


def continued_on_foot(stories: Sequence[Story], claims: Sequence[Claim], since: int) -> list[Story]:
    """Stories that have just told of a stand, without and with neighbours that were served on foot from it."""
    by_index = {claim.index: claim for claim in claims}
    return pruned([*stories, *(further for story in stories for further in _on_foot(story, by_index, since))])
