"""The broker is killed, and restarted with and without its sessions, in the shipped configuration.

What Mosquitto loses by itself is counted apart. It acknowledges a message when it has it in memory, and writes what it has to
disk at intervals (`autosave_interval`, 5 s as shipped); killed, it comes back with what it had saved. The accounting (`held.py`):

* acknowledged: the publisher has the broker's PUBACK, by its own ledger;
* still had: what a twin of the broker, started from a copy of the killed one's disk, hands over in the worker's session;
* lost by the broker: acknowledged before the kill, not still had, and not in the store. Whatever was acknowledged and still had,
  or acknowledged after the restart, must be in the store or in the dead letters: losing one of those fails the test.
"""

from __future__ import annotations

import time

import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.held import forgotten
from tests.acceptance.faults.judge import Verdict
from tests.acceptance.faults.rig import Rig
from tests.acceptance.worker_process import until
from tests.realparts.mosquitto import SHIPPED

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

#: The kill comes so long after a save.
AFTER_SAVE_S = 3.0
#: After a kill, acknowledgements that were on their way have come in.
SETTLED_S = 0.5
#: What was acknowledged longer ago than this before the kill was saved: an interval, and the time that a save and the loop take.
SURELY_SAVED_S = 8.0


def test_the_shipped_interval_is_the_one_that_is_measured_here() -> None:
    assert "autosave_interval 5" in (SHIPPED / "tuning.conf").read_text().splitlines()


def test_a_broker_killed_while_the_worker_keeps_up(start_rig: StartRig) -> None:
    """Messages are with the broker for milliseconds: it hardly has any to lose."""
    with start_rig() as rig:
        rig.broker.wait_saved()
        lost_at = kill_broker(rig)
        rig.settle()
        check_loss(rig, *lost_at)


def test_a_broker_killed_while_the_worker_is_away(start_rig: StartRig) -> None:
    """Messages wait at the broker: what came since its last save is gone."""
    with start_rig() as rig:
        rig.broker.wait_saved()
        rig.worker.kill()
        rig.broker.wait_saved()
        time.sleep(AFTER_SAVE_S)
        lost_at = kill_broker(rig)
        rig.worker.start()
        rig.settle()
        verdict = check_loss(rig, *lost_at)
        assert verdict.lost_by_broker


def test_a_broker_restarted_with_its_sessions(start_rig: StartRig) -> None:
    """Stopped in order it saves everything, also what waits for a worker that is away."""
    with start_rig() as rig:
        for is_away in (False, True, False):
            if is_away:
                rig.worker.kill()
            rig.ledger.send(1_000)
            rig.broker.stop()
            rig.broker.start()
            if is_away:
                rig.worker.start()
        rig.settle()
        rig.verdict()


def test_a_broker_restarted_without_its_sessions(start_rig: StartRig) -> None:
    """The worker holds messages that are not written yet, and the broker has forgotten them and their packet ids. What the worker
    holds is the only copy and is written; its acknowledgements must not reach the new session, where the same packet ids mean
    other messages: the worker is killed as soon as the old ones are written, and none of the new ones may be missing then."""
    with start_rig() as rig:
        rig.keep_flowing(1_000)
        rig.server.suspend()
        rig.ledger.send(3_000)
        rig.ledger.pause()
        held = rig.ledger.sent[-1]
        until(lambda: rig.worker.metric("outrider_ingest_in_flight") > 2_000, rig.worker)
        rig.broker.stop()
        rig.broker.forget()
        rig.broker.start()
        until(lambda: rig.worker.metric("outrider_ingest_source_sessions_lost") == 1, rig.worker)
        until(lambda: rig.worker.metric("outrider_ingest_source_connected") == 1, rig.worker)
        rig.ledger.go_on()
        rig.ledger.send(3_000)
        rig.server.resume()
        rig.wait_for(held)
        rig.worker.kill()
        rig.worker.start()
        rig.settle()
        rig.verdict()


def kill_broker(rig: Rig) -> tuple[float, set[int]]:
    """kill -9 and start again. The monotonic second by which everything that it had acknowledged had come in, and the numbers
    of what it had acknowledged and no longer has."""
    rig.broker.kill()
    time.sleep(SETTLED_S)
    killed_at_s = time.monotonic()
    gone = forgotten(rig.broker, rig.ledger, killed_at_s)
    rig.broker.start()
    return killed_at_s, gone


def check_loss(rig: Rig, killed_at_s: float, gone: set[int]) -> Verdict:
    verdict = rig.verdict(forgotten=gone)
    oldest_s = min((rig.ledger.acknowledged[number] for number in verdict.lost_by_broker), default=killed_at_s)
    span_s = max(0.0, killed_at_s - SETTLED_S - oldest_s)
    print(f"the broker lost {len(verdict.lost_by_broker)}, of its last {span_s:.1f} s")  # noqa: T201 - for the report of the run
    assert span_s < SURELY_SAVED_S
    return verdict
