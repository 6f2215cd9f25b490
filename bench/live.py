"""From a tracker's fix to a thousand screens, and what the screens cost ingest.

    python -m bench.live [--connections 1000] [--vehicles 1000] [--rate 500] [--seconds 20] [--json]

A real Mosquitto, a real TimescaleDB, the whole worker, the API as it is served, one process of readers and one of trackers share
the machine. Every reader follows the whole fleet in JSON. In one run:

* `alone`: ingest as fast as it goes, the API running, nobody looking;
* `idle`: all readers connected, nothing moving: memory of the API a connection;
* `watched`: the fleet at `rate` fixes/s: from the instant of publishing (in the fix) to the parsed message in a reader;
* `crowded`: ingest as fast as it goes with all readers looking: `ingest_ratio` is this beside `alone`.

The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvloop

from bench import ingest_sinks, live_parts
from bench.ingest_load import SIDE_DEG, SOUTH, WEST, idents
from store.open import migrate
from tests.realparts.database_servers import timescale_server
from tests.realparts.databases import Databases
from tests.realparts.mosquitto import running_mosquitto

_FENCES = 100


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--vehicles", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=500, help="fixes a second while readers are timed")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--max-hz", type=float, default=10.0)
    parser.add_argument("--messages", type=int, default=100_000, help="of each measurement of ingest")
    parser.add_argument("--json", action="store_true", help="only the last line, the JSON object")
    parser.add_argument("--role", choices=["api", "read"], help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.role == "api":
        uvloop.run(live_parts.api(chosen.url, chosen.database, chosen.connections))
    elif chosen.role == "read":
        uvloop.run(live_parts.read(chosen.port, chosen.connections, chosen.max_hz))
    else:
        print(json.dumps(Bench(chosen).run()), flush=True)
    return 0


class Part:
    """A child process that is asked by a line and answers by a line."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise SystemExit(f"a part of the benchmark ended: {self.process.args!r}")
        return text

    def ask(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return self.line()

    def end(self) -> str:
        """Close its standard input; what it says last."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        last: str = self.process.stdout.read()
        self.process.wait(60)
        return last


class Bench:
    def __init__(self, chosen: argparse.Namespace) -> None:
        self._chosen = chosen

    def run(self) -> dict[str, Any]:
        with (
            timescale_server(settings={"fsync": "on"}) as server,
            running_mosquitto() as broker,
            Databases(server).fresh() as database,
        ):
            asyncio.run(migrate(database))
            uvloop.run(ingest_sinks.prepare(database, idents(self._chosen.vehicles), _FENCES, (SOUTH, WEST, SIDE_DEG)))
            self._broker, self._database = broker.url, database
            return self._measure()

    def _measure(self) -> dict[str, Any]:
        chosen = self._chosen
        with self._part("api") as api:
            port = api.line().strip()
            self._ingest(chosen.messages // 4, rate=0)  # first batches, caches and partitions are nobody's figure
            alone = self._ingest(chosen.messages, rate=0)
            self._tell("alone", alone)
            before = json.loads(api.ask())
            with self._part("read", "--port", port) as readers:
                readers.line()
                time.sleep(2)
                idle = json.loads(api.ask())
                self._tell("idle", idle)
                crowded = self._ingest(chosen.messages, rate=0)
                self._tell("crowded", crowded)
                time.sleep(2)
                readers.ask()
                began, started = json.loads(api.ask()), time.perf_counter()
                watched = self._ingest(chosen.rate * chosen.seconds, rate=chosen.rate)
                time.sleep(1)
                ended, seconds = json.loads(api.ask()), time.perf_counter() - started
                seen = json.loads(readers.end())
                self._tell("watched", {**watched, **seen})
        memory = max(0, idle["memory"] - before["memory"])
        return {
            "connections": idle["connections"],
            "fix_to_screen_p99_ms": seen.get("p99_ms"),
            "fix_to_screen_p50_ms": seen.get("p50_ms"),
            "bytes_per_connection": memory / max(1, idle["connections"]),
            "ingest_ratio": crowded["messages_per_s"] / alone["messages_per_s"],
            "ingest_alone_per_s": alone["messages_per_s"],
            "ingest_crowded_per_s": crowded["messages_per_s"],
            "commit_p99_ms": watched["p99_ms"],
            "messages_per_s_to_readers": (ended["messages_sent"] - began["messages_sent"]) / seconds,
            "mb_per_s_to_readers": (ended["bytes_sent"] - began["bytes_sent"]) / seconds / 1e6,
            "api_cpu_share": (ended["cpu_s"] - began["cpu_s"]) / seconds,
            "lost_connections": seen["lost"],
            "positions_timed": seen["timed"],
            "rate_per_s": chosen.rate,
            "vehicles": chosen.vehicles,
            "max_hz": chosen.max_hz,
        }

    @contextmanager
    def _part(self, role: str, *options: str) -> Iterator[Part]:
        chosen = self._chosen
        command = [sys.executable, "-m", "bench.live", "--role", role, "--url", self._broker, "--database", self._database]
        command += ["--connections", str(chosen.connections), "--max-hz", str(chosen.max_hz), *options]
        part = Part(command)
        try:
            yield part
        finally:
            if part.process.poll() is None:
                part.end()

    def _ingest(self, messages: int, *, rate: int) -> dict[str, float]:
        """A worker and a publisher for so many messages."""
        vehicles = str(self._chosen.vehicles)
        command = [sys.executable, "-m", "bench.ingest", "--url", self._broker, "--messages", str(messages), "--vehicles", vehicles]
        worker = subprocess.Popen([*command, "--role", "work", "--database", self._database], stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        worker.stdout.readline()  # subscribed
        subprocess.run([*command, "--role", "publish", "--rate", str(rate)], stdout=subprocess.DEVNULL, check=True)
        figures: dict[str, float] = json.loads(worker.stdout.readline())
        worker.wait(120)
        return figures

    def _tell(self, part: str, figures: dict[str, Any]) -> None:
        if not self._chosen.json:
            print(f"{part:8} " + "  ".join(f"{name} {value:,.1f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
