"""Two workers with one client id: one works, the other stands by, and the work changes hands without loss when the first ends.

By MQTT alone they would throw each other out of the session for ever, and each would see only some of the messages. That they
do not is the database's doing: whoever has no claim there (`store/postgres/claim.py`) does not even connect to the broker.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.rig import Rig
from tests.acceptance.worker_process import WorkerProcess, until
from tests.realparts.process import free_port

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow]

HANDOVERS = 3
STANDING_BY = "standing by: another worker does this work"


def test_the_second_stands_by_and_takes_over_when_the_first_is_killed(start_rig: StartRig) -> None:
    with start_rig() as rig, second_worker(rig) as second:
        for _ in range(HANDOVERS):
            active, waiting = (rig.worker, second) if rig.worker.readiness()[0] == 200 else (second, rig.worker)
            rig.ledger.send(1_000)
            until(partial(stands_by, waiting), waiting)
            assert active.metric("outrider_ingest_source_reconnects") == 0, "somebody took the session over"
            active.kill()
            waiting.wait_ready()
            active.start()
        rig.ledger.finish()
        settle_both(rig, second)
        rig.verdict()


def test_the_database_is_killed_under_both(start_rig: StartRig) -> None:
    """The claim is anybody's then. Whoever lost it stops with one clear line, and is started again as a supervisor would."""
    with start_rig() as rig, second_worker(rig) as second:
        for _ in range(HANDOVERS):
            rig.ledger.send(1_000)
            rig.server.kill()
            rig.server.start()
            keep_running(rig.worker, second)
        rig.ledger.finish()
        settle_both(rig, second)
        rig.verdict()


@contextmanager
def second_worker(rig: Rig) -> Iterator[WorkerProcess]:
    """The same settings, so the same client id, on the same broker and database."""
    second = WorkerProcess(
        database_url=rig.worker.database_url,
        mqtt_url=rig.worker.mqtt_url,
        log=rig.folder / "second.log",
        settings=rig.worker.settings,
        port=free_port(),
    )
    second.start()
    try:
        yield second
    finally:
        if second.process is not None and second.process.poll() is None:
            second.kill()


def stands_by(worker: WorkerProcess) -> bool:
    status, said = worker.readiness()
    return status == 503 and said["detail"].startswith(STANDING_BY)


def keep_running(*workers: WorkerProcess) -> None:
    """Start again who ended, until one of them works."""
    while not any(worker.readiness()[0] == 200 for worker in workers):
        for worker in workers:
            assert worker.process is not None
            if worker.process.poll() is not None:
                assert "has taken over the work of" in worker.log.read_text()
                worker.start()
        time.sleep(0.2)


def settle_both(rig: Rig, second: WorkerProcess) -> None:
    """Leave the one that works to finish, as the rig's own worker."""
    keep_running(rig.worker, second)
    if rig.worker.readiness()[0] != 200:
        assert rig.worker.process is not None
        if rig.worker.process.poll() is None:
            rig.worker.kill()
        rig.worker.start()
        assert second.stop() == 0
        rig.worker.wait_ready()
    else:
        second.kill()
    rig.settle()
