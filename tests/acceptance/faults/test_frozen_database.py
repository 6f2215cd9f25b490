"""A database that stops answering, by SIGSTOP and by being down, under load: the worker says so, its memory stays flat while the
broker keeps the rest, and it catches up by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.rig import Rig
from tests.acceptance.worker_process import until

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow, pytest.mark.timeout(600)]

RATE = 2_000
#: More than the window (20,000) comes in meanwhile: it is full, and nothing more is taken.
FROZEN_S = 30.0
DOWN_S = 15.0
WINDOW = 20_000
WAITS = "outrider_ingest_waits_for_database"


def test_a_database_frozen_for_thirty_seconds(start_rig: StartRig) -> None:
    with start_rig(rate=RATE) as rig:
        outage(rig, rig.server.suspend, rig.server.resume, FROZEN_S)
        rig.settle()
        rig.verdict()


def test_a_database_that_is_down(start_rig: StartRig) -> None:
    with start_rig(rate=RATE) as rig:
        outage(rig, rig.server.kill, rig.server.start, DOWN_S)
        rig.settle()
        rig.verdict()


def outage(rig: Rig, stop: Callable[[], None], go_on: Callable[[], None], lasts_s: float) -> None:
    worker = rig.worker
    fill_the_window_once(rig)
    rig.keep_flowing(2 * RATE)
    before_mb = worker.memory_mb
    assert worker.metric(WAITS) == 0
    stop()
    began_s = time.monotonic()
    until(lambda: worker.readiness()[0] == 503 and "database" in worker.readiness()[1]["detail"], worker)
    assert worker.metric(WAITS) == 1
    sizes_mb = []
    while time.monotonic() - began_s < lasts_s:
        sizes_mb.append(worker.memory_mb)
        time.sleep(0.5)
    assert worker.readiness()[0] == 503
    go_on()
    until(lambda: worker.readiness()[0] == 200, worker)
    assert worker.metric(WAITS) == 0
    print(f"{before_mb:.0f} MB before, {max(sizes_mb):.0f} MB at most meanwhile")  # noqa: T201 - for the report of the run
    assert max(sizes_mb) < 1.1 * before_mb


def fill_the_window_once(rig: Rig) -> None:
    """What a full window takes (some 10 MB) a worker has had to take before, at the latest when it caught up after a start: what
    is asked here is whether it grows beyond that."""
    rig.server.suspend()
    until(lambda: rig.worker.metric("outrider_ingest_in_flight") >= WINDOW, rig.worker)
    rig.server.resume()
    until(lambda: rig.worker.metric("outrider_ingest_in_flight") < RATE, rig.worker)
