"""The machine's clock is stepped, by minutes and by hours, back and forth, while the worker works.

Trackers have clocks of their own, so nothing may be refused, and nothing found, because of it: fixes are stored once with their
own times, no vehicle is called silent, and nothing waits for the clock to come back.
"""

from __future__ import annotations

import re
import time

import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.rig import Rig
from tests.acceptance.faults.stepped_worker import READERS
from tests.shared import REPOSITORY

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

#: How far the clock is off, after each step: seconds.
STEPS_S = (7 * 60, -7 * 60, 3 * 3600, -3 * 3600, 0)
#: Longer than a silence that counts.
QUIET_S = 12.0
HOUSES = ("ingest", "mqttwire", "store", "outrider/tiers")
#: Not the worker's: the twin of the store that tests and the replay use.
NOT_THE_WORKER = "store/memory/"


def test_the_worker_reads_the_wall_clock_nowhere_else() -> None:
    reads = re.compile(r"\b(datetime\.now|time\.time_ns|time\.time|datetime\.utcnow)\(")
    found = {}
    for house in HOUSES:
        for path in (REPOSITORY / house).rglob("*.py"):
            name = str(path.relative_to(REPOSITORY))
            match = reads.search(path.read_text())
            if match and not name.startswith(NOT_THE_WORKER):
                found[name] = match[1]
    assert found == READERS


def test_a_clock_stepped_while_messages_flow(start_rig: StartRig) -> None:
    with start_rig(module="tests.acceptance.faults.stepped_worker") as rig:
        for offset_s in STEPS_S:
            step(rig, offset_s)
            rig.keep_flowing(2_000)
            assert rig.worker.readiness()[0] == 200
        rig.settle()
        rig.verdict()


def test_a_clock_stepped_while_the_fleet_is_quiet(start_rig: StartRig) -> None:
    """In the quiet the engines' time goes on by itself: a vehicle that reported a moment ago is not silent for hours by a step."""
    with start_rig(module="tests.acceptance.faults.stepped_worker", ago_s=60.0, rate=60) as rig:
        rig.keep_flowing(600)
        rig.ledger.pause()
        for offset_s in (3 * 3600, 0):
            step(rig, offset_s)
            time.sleep(QUIET_S)
        assert rig.worker.cpu_share(2.0) < 0.5, "something spins"
        rig.ledger.go_on()
        rig.settle()
        rig.verdict()


def step(rig: Rig, offset_s: float) -> None:
    process = rig.worker.process
    assert process is not None
    assert process.stdin is not None
    process.stdin.write(f"{offset_s}\n".encode())
    process.stdin.flush()
