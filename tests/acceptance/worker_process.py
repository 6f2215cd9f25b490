"""`outrider worker` as a process of its own, on a real broker and a real database; and what can be asked of both from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import psycopg

from tests.realparts.process import free_port, log_end

ROOT = Path(__file__).parents[2]
WITHIN_S = 120.0


@dataclass(slots=True, kw_only=True)
class WorkerProcess:
    """Start, kill and start again; `port` is where it says how it is."""

    database_url: str
    mqtt_url: str
    log: Path
    settings: dict[str, str]
    port: int
    #: What is run, where it is not the command `outrider worker` itself; it may be told things on standard input.
    module: str | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """As `outrider worker`; returns at once."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")}
        environment |= {
            "OUTRIDER_DATABASE_URL": self.database_url,
            "OUTRIDER_MQTT_URL": self.mqtt_url,
            "OUTRIDER_METRICS_PORT": str(self.port),
            "OUTRIDER_CHECKPOINT_INTERVAL_S": "1",
            **{f"OUTRIDER_{name.upper()}": value for name, value in self.settings.items()},
        }
        program = ["outrider", "worker"] if self.module is None else [self.module]
        stdin = subprocess.DEVNULL if self.module is None else subprocess.PIPE
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program], cwd=ROOT, env=environment, stdin=stdin, stdout=output, stderr=output
            )

    def wait_ready(self) -> None:
        """Until it has taken up the work and is connected."""
        until(lambda: self.readiness()[0] == 200, self)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /readyz; status 0 where nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except HTTPError as refusal:
            return refusal.code, json.load(refusal)
        except OSError:
            return 0, {}

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split(" ")[1])
        raise AssertionError(f"no metric {name}")

    def cpu_share(self, seconds: float) -> float:
        """How much of one core it takes, over so many seconds."""
        assert self.process is not None
        return psutil.Process(self.process.pid).cpu_percent(seconds) / 100

    @property
    def memory_mb(self) -> float:
        assert self.process is not None
        return float(psutil.Process(self.process.pid).memory_info().rss / 2**20)


@contextmanager
def running_worker(
    database_url: str, mqtt_url: str, folder: Path, *, module: str | None = None, **settings: str
) -> Iterator[WorkerProcess]:
    """A worker that is ready, as long as the block."""
    worker = WorkerProcess(
        database_url=database_url,
        mqtt_url=mqtt_url,
        log=folder / "worker.log",
        settings=settings,
        port=free_port(),
        module=module,
    )
    worker.start()
    try:
        worker.wait_ready()
        yield worker
    finally:
        if worker.process is not None and worker.process.poll() is None:
            worker.kill()
        if worker.process is not None and worker.process.stdin is not None:
            worker.process.stdin.close()


def until(holds: Callable[[], bool], worker: WorkerProcess) -> None:
    """Ask again and again until it holds; fails with the end of the worker's log when it takes too long or the worker has ended."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert worker.process is not None
        assert worker.process.poll() is None, f"the worker ended with {worker.process.returncode}: {log_end(worker.log)}"
        assert time.monotonic() < deadline, f"it took too long: {log_end(worker.log)}"
        time.sleep(0.1)


def query(database_url: str, statement: str, *params: object) -> list[tuple[Any, ...]]:
    """All rows."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement, params or None).fetchall()


def count(database_url: str, table: str) -> int:
    return int(query(database_url, f"SELECT count(*) FROM {table}")[0][0])
