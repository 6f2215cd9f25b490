"""Checkpoints in slices: each vehicle once a round, the mark where all states have come to, lessons with their teachers."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from fleet.fix import NO_VEHICLE
from ingest.loop.checkpoints import UNFINISHED, Checkpoints, Slice

INTERVAL_S = 10.0


class Fleet:
    """Vehicles with counters for states; `learned` counts lessons."""

    def __init__(self, size: int) -> None:
        self.fixes = dict.fromkeys(range(1, size + 1), 1)
        self.dirty = set(self.fixes)
        self.lessons: set[int] = set()

    def drive(self, *keys: int) -> None:
        for key in keys:
            self.fixes[key] += 1
            self.dirty.add(key)

    def changed(self) -> npt.NDArray[np.int64]:
        return np.array(sorted(self.dirty), np.int64)

    def teachers(self) -> Collection[int]:
        return self.lessons

    def states(self, keys: Collection[int], *, with_learned: bool) -> dict[int, bytes]:
        self.dirty -= set(keys)
        states = {key: b"%d" % self.fixes[key] for key in keys}
        if with_learned and self.lessons:
            states[NO_VEHICLE] = repr(sorted(self.lessons)).encode()
            self.lessons = set()
        return states


def taken(checkpoints: Checkpoints, now_s: float) -> Slice:
    found = checkpoints.take(now_s, fixes=0)
    assert found is not None
    return found


def test_a_small_fleet_is_saved_with_one_commit_which_is_the_mark_itself() -> None:
    fleet = Fleet(3)
    checkpoints = Checkpoints(fleet, interval_s=INTERVAL_S)
    checkpoints.start(0.0)
    assert checkpoints.take(9.9, fixes=0) is None
    assert taken(checkpoints, 10.0) == Slice(states={1: b"1", 2: b"1", 3: b"1"}, up_to=None)
    assert checkpoints.take(30.0, fixes=0) is None, "nothing has changed since"
    fleet.drive(2)
    assert taken(checkpoints, 30.0 + INTERVAL_S).states == {2: b"2"}


def test_a_large_fleet_is_saved_in_slices_and_the_mark_is_the_commit_of_the_first() -> None:
    fleet = Fleet(600)
    checkpoints = Checkpoints(fleet, interval_s=INTERVAL_S)
    found = [taken(checkpoints, 10.0)]
    checkpoints.written(71)
    while checkpoints.is_under_way:
        found.append(taken(checkpoints, 10.0))
        checkpoints.written(71 + len(found))
    assert sorted(key for one in found for key in one.states) == list(range(1, 601))
    assert [one.up_to for one in found] == [UNFINISHED, UNFINISHED, 71]


def test_a_commit_with_many_fixes_carries_more() -> None:
    checkpoints = Checkpoints(Fleet(5_000), interval_s=INTERVAL_S)
    found = checkpoints.take(10.0, fixes=8_000)
    assert found is not None
    assert 250 < len(found.states) <= 2_000


def test_a_vehicle_is_saved_as_it_is_when_its_turn_comes_and_what_changes_later_is_for_the_next_round() -> None:
    fleet = Fleet(300)
    checkpoints = Checkpoints(fleet, interval_s=INTERVAL_S)
    first = taken(checkpoints, 10.0)
    checkpoints.written(1)
    saved, waiting = min(first.states), max(fleet.fixes)
    fleet.drive(saved, waiting)
    assert taken(checkpoints, 10.1).states[waiting] == b"2"
    assert taken(checkpoints, 20.0 + 0.1).states == {saved: b"2"}


def test_what_was_learned_goes_with_all_who_have_taught_it_and_they_go_no_sooner() -> None:
    fleet = Fleet(600)
    fleet.lessons = {1, 599}
    checkpoints = Checkpoints(fleet, interval_s=INTERVAL_S)
    first = taken(checkpoints, 10.0)
    checkpoints.written(1)
    assert 1 not in first.states
    taught_late = min(first.states)
    fleet.lessons.add(taught_late)
    found = [first]
    while checkpoints.is_under_way:
        found.append(taken(checkpoints, 10.0))
    assert [NO_VEHICLE in one.states for one in found] == [False] * (len(found) - 1) + [True]
    assert {1, 599, taught_late} <= found[-1].states.keys()


def test_at_the_end_all_that_changed_is_saved_whatever_round_was_under_way() -> None:
    fleet = Fleet(12_000)
    checkpoints = Checkpoints(fleet, interval_s=INTERVAL_S)
    saved = taken(checkpoints, 10.0).states
    fleet.drive(1)
    last = list(checkpoints.last())
    assert all(len(one.states) <= 5_000 for one in last)
    assert {key for one in last for key in one.states} == (fleet.fixes.keys() - saved.keys()) | {1}
    assert [one.up_to for one in last] == [UNFINISHED] * (len(last) - 1) + [None]
    assert list(checkpoints.last()) == []
