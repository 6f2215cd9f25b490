"""The engines' time: it follows what is heard, and goes by the clock only when there is nothing left to hear."""

from datetime import datetime, timedelta

import numpy as np

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
    assert watermark.instant(NOW, 0.0, is_connected=False) is None
    assert watermark.instant(NOW, 1.0, is_connected=True) is None


def test_it_follows_a_backlog_and_reaches_the_clock() -> None:
    watermark = Watermark()
    watermark.instant(NOW, 0.0, is_connected=True)
    watermark.heard(fixes(ago(60), ago(61)), 1.0)
    assert watermark.instant(NOW, 1.0, is_connected=True) == ago(60)
    watermark.heard(fixes(ago(5)), 2.0)
    assert watermark.instant(NOW, 2.0, is_connected=True) == ago(5)
    assert watermark.instant(NOW, 2.0 + QUIET_S, is_connected=True) == NOW


def test_it_stands_still_while_nobody_can_be_heard() -> None:
    watermark = Watermark()
    watermark.instant(ago(60), 0.0, is_connected=True)
    watermark.heard(fixes(ago(60)), 0.0)
    assert watermark.instant(ago(60), 0.0, is_connected=True) == ago(60)
    assert watermark.instant(NOW, 3600.0, is_connected=False) == ago(60)
    assert watermark.instant(NOW, 3601.0, is_connected=True) == ago(60)
    assert watermark.instant(NOW, 3601.0 + QUIET_S, is_connected=True) == NOW


def test_it_never_goes_back_nor_beyond_the_clock() -> None:
    watermark = Watermark()
    watermark.instant(NOW, 0.0, is_connected=True)
    assert watermark.instant(NOW, QUIET_S, is_connected=True) == NOW
    watermark.heard(fixes(ago(30)), QUIET_S + 1)
    assert watermark.instant(NOW, QUIET_S + 1, is_connected=True) == NOW
    watermark.heard(fixes(NOW + timedelta(minutes=4)), QUIET_S + 2)
    assert watermark.instant(NOW + timedelta(seconds=2), QUIET_S + 2, is_connected=True) == NOW + timedelta(seconds=2)
