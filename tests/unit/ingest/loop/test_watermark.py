"""The engines' time: it follows what is heard, and goes by the clock only when there is nothing left to hear."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from fleet.clock import to_micros
from fleet.fix import FixBatch
from ingest.loop.watermark import QUIET_S, Watermark
from tests.unit.ingest.loop.parts import NOW


def fixes(*instants: datetime) -> FixBatch:
    batch = FixBatch.allocate(len(instants))
    batch.time = np.array([to_micros(instant) for instant in instants], np.int64)
    return batch


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_time_has_not_begun_before_anything_was_heard() -> None:
    watermark = Watermark()
    assert watermark.instant(NOW, 0.0, is_listening=False) is None
    assert watermark.instant(NOW, 1.0, is_listening=True) is None


def after(seconds: float) -> datetime:
    """The clock, so many monotonic seconds after the start."""
    return NOW + timedelta(seconds=seconds)


def test_it_follows_a_backlog_and_reaches_the_clock() -> None:
    watermark = Watermark()
    watermark.instant(NOW, 0.0, is_listening=True)
    watermark.heard(fixes(ago(60), ago(61)), 1.0)
    assert watermark.instant(after(1), 1.0, is_listening=True) == ago(60)
    watermark.heard(fixes(ago(5)), 2.0)
    assert watermark.instant(after(2), 2.0, is_listening=True) == ago(5)
    quiet_s = 2.0 + QUIET_S
    assert watermark.instant(after(quiet_s), quiet_s, is_listening=True) == after(quiet_s)


def test_it_stands_still_while_nobody_can_be_heard() -> None:
    watermark = Watermark()
    watermark.instant(NOW, 0.0, is_listening=True)
    watermark.heard(fixes(NOW), 0.0)
    assert watermark.instant(NOW, 0.0, is_listening=True) == NOW
    assert watermark.instant(after(3600), 3600.0, is_listening=False) == NOW
    assert watermark.instant(after(3601), 3601.0, is_listening=True) == NOW
    quiet_s = 3601.0 + QUIET_S
    assert watermark.instant(after(quiet_s), quiet_s, is_listening=True) == after(quiet_s)


def test_it_never_goes_back_nor_beyond_the_clock() -> None:
    watermark = Watermark()
    watermark.instant(NOW, 0.0, is_listening=True)
    assert watermark.instant(after(QUIET_S), QUIET_S, is_listening=True) == after(QUIET_S)
    watermark.heard(fixes(ago(30)), QUIET_S + 1)
    assert watermark.instant(after(QUIET_S + 1), QUIET_S + 1, is_listening=True) == after(QUIET_S)
    watermark.heard(fixes(NOW + timedelta(minutes=4)), QUIET_S + 2)
    assert watermark.instant(after(QUIET_S + 2), QUIET_S + 2, is_listening=True) == after(QUIET_S + 2)


@pytest.mark.parametrize("step", [timedelta(hours=3), timedelta(hours=-3), timedelta(minutes=7)])
def test_a_step_of_the_clock_is_no_silence(step: timedelta) -> None:
    watermark = Watermark()
    watermark.instant(NOW, 0.0, is_listening=True)
    watermark.heard(fixes(NOW), 0.0)
    assert watermark.instant(NOW, 0.0, is_listening=True) == NOW
    for second in range(1, 60):
        assert watermark.instant(after(second) + step, float(second), is_listening=True) in {NOW, after(second)}
    assert watermark.instant(after(60) + step, 60.0, is_listening=True) == after(60)


def test_a_clock_that_was_behind_at_the_start_is_put_right_by_what_is_heard() -> None:
    watermark = Watermark()
    watermark.instant(ago(120), 0.0, is_listening=True)
    watermark.heard(fixes(NOW), 10.0)
    assert watermark.instant(after(0), 10.0, is_listening=True) == NOW
    assert watermark.instant(after(60), 70.0, is_listening=True) == after(60)
