"""kill -9 of the worker and of the database at random moments, fifty times, while messages flow.

The database's processes are killed all at once, the ones that serve the worker as well as the ones that write its log and its
pages, and recover from the write-ahead log. `fsync` is off: what a killed process has written is in the kernel's hands and
survives it. Only a machine that stops makes the difference, and that no test in one machine can show (docs/durability.md).
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.faults.rig import Rig

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow, pytest.mark.timeout(900)]

ROUNDS = 50
#: Between the end of one round and the kill of the next: anything from the middle of a start to a worker that has caught up.
SHORTEST_S, LONGEST_S = 0.0, 1.2
#: Of each round: the worker alone, the database alone, or both.
WEIGHTS = {"worker": 4, "database": 4, "both": 2}


def test_fifty_kills_of_worker_and_database(start_rig: StartRig) -> None:
    seed = int(os.environ.get("OUTRIDER_TESTS_SEED") or random.randrange(1 << 32))
    print(f"seed {seed} (OUTRIDER_TESTS_SEED repeats it)")  # noqa: T201 - for the report of the run
    rng = random.Random(seed)
    with start_rig() as rig:
        for _ in range(ROUNDS):
            time.sleep(rng.uniform(SHORTEST_S, LONGEST_S))
            (victim,) = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
            kill_and_start(rig, victim)
        rig.settle()
        verdict = rig.verdict()
    assert verdict.visits > 100


def kill_and_start(rig: Rig, victim: str) -> None:
    """A worker is started again at once, as a supervisor would, whether or not the database is back."""
    if victim in {"worker", "both"}:
        rig.worker.kill()
    if victim in {"database", "both"}:
        rig.server.kill()
        rig.server.start()
    if victim in {"worker", "both"}:
        rig.worker.start()
