"""One installation under test: a real Mosquitto with the shipped tuning, a real TimescaleDB, the real `outrider worker`, and a
fleet that sends. What a test does to it is plain sequence; `settle` ends the sending, `verdict` tells what became of it all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from fleet.subscription import Subscription
from ingest.fence_file import parse_fences
from store.migrate import migrate_database
from store.open import open_store
from tests.acceptance.faults.judge import Verdict, judge
from tests.acceptance.faults.ledger import RATE, Ledger
from tests.acceptance.faults.traffic import FENCES, Sent, Traffic
from tests.acceptance.worker_process import WorkerProcess, query, running_worker, until
from tests.realparts.databases import Databases
from tests.realparts.mosquitto import Mosquitto
from tests.realparts.postgres import PostgresServer

#: The fleet's clocks are so far behind the machine's, so that no fix is of the future whatever a test does to the worker's clock.
AGO_S = 12 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Rig:
    broker: Mosquitto
    server: PostgresServer
    database_url: str
    worker: WorkerProcess
    ledger: Ledger
    folder: Path

    def settle(self) -> None:
        """Send nothing more; return when the broker has all of it, and the worker has written the last message and folded again
        what was late."""
        self.ledger.finish()
        self.wait_for(self.ledger.sent[-1])
        for what in ("in_flight", "repairs_due"):
            until(partial(self._has_no, what), self.worker)

    def _has_no(self, what: str) -> bool:
        return self.worker.metric(f"outrider_ingest_{what}") == 0

    def wait_for(self, message: Sent) -> None:
        """Until it is there. A broker hands a session's messages over in order: those before it are there too, or nowhere."""
        until(lambda: is_there(self.database_url, message), self.worker)

    def verdict(self, *, forgotten: Collection[int] = ()) -> Verdict:
        """Stop the worker in order and judge. Printed, so that a run's figures are in its report."""
        assert self.worker.stop() == 0
        verdict = judge(self.database_url, self.ledger.sent, self.folder, forgotten=forgotten)
        print(verdict)  # noqa: T201 - for the report of the run
        return verdict

    def keep_flowing(self, count: int) -> None:
        """Until so many more messages have been sent and written."""
        self.ledger.send(count)
        self.wait_for(self.ledger.sent[-1])


def is_there(database_url: str, message: Sent) -> bool:
    """Whether a message has been written, as fixes or as a dead letter."""
    if not message.fixes:
        return bool(query(database_url, "SELECT 1 FROM dead_letters WHERE payload = %s", message.payload))
    (vehicle, time_us), *_ = message.fixes
    at = datetime.fromtimestamp(time_us / 1_000_000, UTC)
    statement = "SELECT 1 FROM fixes JOIN vehicles ON vehicles.id = vehicle_id WHERE vehicle = %s AND time = %s"
    return bool(query(database_url, statement, vehicle, at))


@contextmanager
def running_rig(
    broker: Mosquitto,
    server: PostgresServer,
    folder: Path,
    *,
    rate: int = RATE,
    ago_s: float = AGO_S,
    module: str | None = None,
    mqtt_url: Callable[[str], str] = str,
    database_url: Callable[[str], str] = str,
    **settings: str,
) -> Iterator[Rig]:
    """The worker is ready and messages flow, as long as the block. `mqtt_url` and `database_url` may lead the worker, and nobody
    else, another way (through a proxy)."""
    databases = Databases(server)
    with databases.fresh() as url:
        prepare(url)
        traffic = Traffic(datetime.now(UTC) - timedelta(seconds=ago_s))
        try:
            with (
                running_worker(database_url(url), mqtt_url(broker.url), folder, module=module, **settings) as worker,
                Ledger(broker.url, traffic, rate=rate) as ledger,
            ):
                yield Rig(broker=broker, server=server, database_url=url, worker=worker, ledger=ledger, folder=folder)
        finally:
            server.restore()


def prepare(url: str) -> None:
    """The schema, the fences, and a subscription to everything."""
    migrate_database(url)
    asyncio.run(_fill(url))


async def _fill(url: str) -> None:
    store = await open_store(url)
    for fence in parse_fences(FENCES, tenant="default"):
        await store.fences.create(fence)
    await store.subscriptions.create(Subscription(id="all", tenant="default", url="http://127.0.0.1:9/", types=("*",)))
    await store.close()
