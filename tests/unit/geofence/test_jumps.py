"""Jumps: who is thrown aside, who has really been taken elsewhere, and that columns find what the plain rule finds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.fix import Fix, FixBatch
from fleet.screening import Flag
from geofence.movement.engine import MovementEngine
from geofence.movement.settings import MovementSettings
from geofence.roster import Roster
from geofence.rows import by_vehicle
from tests.oracle.drives import BEGIN, batch_of, jumping, place, swapped
from tests.oracle.jumps import without_wild


def at(seconds: float, km: float, **said: float) -> Fix:
    lon, lat = place(1_000.0 * km, 0.0)
    return Fix(time=BEGIN + timedelta(seconds=seconds), lat=lat, lon=lon, **said)  # type: ignore[arg-type]  # only floats are given


def row(*km: float, every_s: float = 15.0) -> list[Fix]:
    """Fixes so many kilometres east, one after the other."""
    return [at(number * every_s, far) for number, far in enumerate(km)]


class Judge:
    """The judge of a pipeline's engines alone, with the engine of movement behind it."""

    def __init__(self) -> None:
        self.roster = Roster()
        self.roster.name([(1, "acme", "van-1"), (2, "acme", "van-2")])
        self.engine = MovementEngine(MovementSettings(), self.roster)

    def believed(self, batch: FixBatch) -> list[int]:
        """The instants of the fixes that are believed."""
        if not len(batch):
            return []
        rows = self.engine.judge(by_vehicle(batch, self.roster.assign(batch.vehicle)))
        self.engine.take(rows, BEGIN)
        wild = (rows.batch.flags & int(Flag.TELEPORT)) != 0
        kept: list[int] = rows.batch.time[~wild].tolist()
        return kept


def left_out(fixes: Sequence[Fix]) -> list[int]:
    """The numbers of the fixes that are not believed; asked of the judge and of the plain rule."""
    kept = set(Judge().believed(batch_of(fixes)))
    plain = without_wild(fixes)
    assert [fix for fix, time in zip(fixes, batch_of(fixes).time.tolist(), strict=True) if time in kept] == plain
    return [number for number, fix in enumerate(fixes) if fix not in plain]


@pytest.mark.parametrize(
    ("fixes", "wild"),
    [
        pytest.param(row(0, 0.1, 0.2, 0.3), [], id="a drive"),
        pytest.param(row(0, 0.1, 8, 0.2, 0.3), [2], id="there and back"),
        pytest.param(row(0, 0.1, 8, 8.1, 0.2, 0.3), [2, 3], id="there for two fixes and back"),
        pytest.param(row(0, 0.1, 9, -9, 9, 0.2), [2, 3, 4], id="about, and back"),
        pytest.param(row(0, 90, 0.1, 90, 0.2, 90, 0.3, 90, 0.4), [1, 3, 5, 7], id="two receivers in turn"),
        pytest.param(row(0, 0.1, 90, 90.1, 90.2, 90.3, 90.4, 90.5), [2, 3, 4, 5], id="taken elsewhere: believed after a minute"),
        pytest.param(row(0, 0.1, 900, 901, 902, every_s=60), [2, 3], id="taken elsewhere: believed with the third fix"),
        pytest.param(row(90, 0, 0.1, 0.2, 0.3, 0.4, 0.5), [1, 2, 3, 4], id="only the first fix was wrong"),
        pytest.param([at(0, 0), at(3_600, 200)], [], id="a ferry"),
        pytest.param([at(0, 0), at(15, 0.1), at(30, 70, accuracy_m=900.0), at(45, 0.2)], [], id="inaccurate: not judged"),
    ],
)
def test_of_two_places_the_one_that_the_following_fixes_speak_for_is_believed(fixes: list[Fix], wild: list[int]) -> None:
    assert left_out(fixes) == wild


def test_latitude_and_longitude_swapped_are_never_believed_however_often() -> None:
    fixes = row(*[number / 10 for number in range(30)])
    fixes[5:25] = map(swapped, fixes[5:25])
    assert left_out(fixes) == list(range(5, 25))


def test_a_first_fix_that_was_swapped_does_not_have_the_right_ones_left_out() -> None:
    fixes = row(*[number / 10 for number in range(12)])
    fixes[0] = swapped(fixes[0])
    assert left_out(fixes) == [1, 2, 3, 4]


def test_a_jump_over_the_antimeridian_is_no_jump() -> None:
    fixes = [Fix(time=BEGIN + timedelta(seconds=30 * number), lat=-17.0, lon=lon) for number, lon in enumerate([179.999, -179.999])]
    assert left_out(fixes) == []


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(one=jumping(), other=jumping(), data=st.data())
def test_judges_as_the_plain_rule_however_batches_are_cut(one: list[Fix], other: list[Fix], data: st.DataObject) -> None:
    batch = FixBatch.concatenate([batch_of(one, 1), batch_of(other, 2)])
    batch = batch.take(np.lexsort((batch.vehicle, batch.time)))
    # What screening has flagged does not count.
    batch.flags[:] = np.random.default_rng(len(batch)).choice([0, int(Flag.TELEPORT)], len(batch))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(batch)), max_size=15)))
    judge, kept = Judge(), list[int]()
    for start, end in pairwise([0, *cuts, len(batch)]):
        kept += judge.believed(batch.take(np.arange(start, end)))
        restarted = Judge()
        restarted.engine.restore(judge.engine.snapshot([1, 2]))
        judge = restarted
    expected = [fix for fixes in (one, other) for fix in without_wild(fixes)]
    assert sorted(kept) == sorted(batch_of(expected).time.tolist())
