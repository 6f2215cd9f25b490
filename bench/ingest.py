"""Ingest from a QoS 1 publisher through a real Mosquitto into committed rows of a real TimescaleDB, beside its yardsticks.

    python -m bench.ingest [--messages 400000] [--part sink worker latency aiomqtt forward known long] [--json]

* `sink`: the ceiling: the same source, which only acknowledges;
* `worker`: the whole worker, 10,000 vehicles and 10,000 fences;
* `latency`: the same at half of the ceiling: from publishing to commit, with and without the first seconds;
* `aiomqtt`: the same on the MQTT 3.1.1 source;
* `forward`: messages of 50 fixes each, of which the broker never holds more than a few thousand, beside a bare COPY of the same
  rows into the same table;
* `known`: 1,000,000 vehicles that a worker before has left: time to start, memory then, and at most while each is heard once;
* `long`: 20,000,000 messages; memory after 2,000,000 and at the end.

The last two take minutes and are only run when they are named.

Each part has a broker and a database of its own, and its processes to itself; publisher, broker, worker and database share the
machine. Messages are counted from the first one taken to the last one acknowledged. The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import uvloop

from bench import ingest_copy, ingest_known, ingest_sinks
from bench.ingest_load import SIDE_DEG, SOUTH, WEST, Load, idents, publish
from bench.ingest_progress import Progress
from store.open import migrate
from tests.realparts.database_servers import timescale_server
from tests.realparts.databases import Databases
from tests.realparts.mosquitto import running_mosquitto

USUAL_PARTS = ("sink", "worker", "latency", "aiomqtt", "forward")
PARTS = (*USUAL_PARTS, "known", "long")
VEHICLES = 10_000
KNOWN_VEHICLES = 1_000_000
LONG_MESSAGES = 20_000_000
#: Messages of FIXES_EACH fixes, in percent of the messages of one.
FORWARD_SHARE = 15
FENCES = 10_000
_QUIET_S = 900.0

Figures = dict[str, float]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(USUAL_PARTS))
    parser.add_argument("--known-vehicles", type=int, default=KNOWN_VEHICLES)
    parser.add_argument("--long-messages", type=int, default=LONG_MESSAGES)
    parser.add_argument("--vehicles", type=int, default=VEHICLES)
    parser.add_argument("--fences", type=int, default=FENCES)
    parser.add_argument("--json", action="store_true", help="only the last line, the JSON object")
    parser.add_argument("--role", choices=["publish", "sink", "work"], help=argparse.SUPPRESS)
    parser.add_argument("--source", choices=["mqtt5", "aiomqtt"], default="mqtt5", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--database", default="", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--forward", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--progress", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--patient", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.role is None:
        sizes = Sizes(
            messages=chosen.messages,
            vehicles=chosen.vehicles,
            fences=chosen.fences,
            known_vehicles=chosen.known_vehicles,
            long_messages=chosen.long_messages,
        )
        bench = Bench(sizes, is_quiet=chosen.json)
        print(json.dumps(bench.run(chosen.part)), flush=True)
        return 0
    _play(chosen)
    return 0


def _play(chosen: argparse.Namespace) -> None:
    """One of the processes of a part."""
    progress = None if chosen.progress is None else Progress(chosen.progress)
    if chosen.role == "publish":
        load = Load(
            url=chosen.url,
            messages=chosen.messages,
            vehicles=chosen.vehicles,
            rate=chosen.rate,
            is_stored_and_forwarded=chosen.forward,
            progress=progress,
        )
        uvloop.run(publish(load))
    elif chosen.role == "sink":
        uvloop.run(ingest_sinks.sink(chosen.source, chosen.url, chosen.messages))
    else:
        uvloop.run(
            ingest_sinks.work(
                chosen.source, chosen.url, chosen.database, chosen.messages, is_patient=chosen.patient, progress=progress
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything; see the options."""

    messages: int
    vehicles: int
    fences: int
    known_vehicles: int
    long_messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    role: str
    vehicles: int
    source: str = "mqtt5"
    database: str = ""
    messages: int
    rate: int = 0
    is_forward: bool = False
    #: Silence is not told: the fleet has been silent for as long as it took to make it.
    is_patient: bool = False


class Bench:
    """Runs the parts one after the other."""

    def __init__(self, sizes: Sizes, *, is_quiet: bool) -> None:
        self._sizes = sizes
        self._is_quiet = is_quiet

    def run(self, parts: Sequence[str]) -> dict[str, object]:
        """The figures of the parts, and those of the contract that they allow."""
        found: dict[str, Figures] = {}
        with timescale_server(settings={"fsync": "on", "shared_buffers": "256MB"}) as server:
            self._server, databases = server, Databases(server)
            for part in parts:
                found[part] = self._part(part, databases, found)
                self._tell(part, found[part])
        return _summary(found) | found

    def _part(self, part: str, databases: Databases, found: Mapping[str, Figures]) -> Figures:
        sizes = self._sizes
        if part == "sink":
            return self._measure(_Run(role="sink", vehicles=sizes.vehicles, messages=sizes.messages))
        vehicles = sizes.known_vehicles if part == "known" else sizes.vehicles
        with self._database(databases, vehicles) as url:
            run = _Run(role="work", vehicles=vehicles, database=url, messages=sizes.messages)
            if part == "latency":
                ceiling = found["sink"]["messages_per_s"] if "sink" in found else 40_000
                return self._measure(replace(run, rate=round(ceiling / 2)))
            if part == "forward":
                return self._forward(run)
            if part == "known":
                uvloop.run(ingest_known.leave_behind(url))
                return self._measure(replace(run, messages=vehicles, is_patient=True))
            if part == "long":
                return self._measure(replace(run, messages=sizes.long_messages))
            if part == "aiomqtt":
                return self._measure(replace(run, source="aiomqtt", messages=sizes.messages // 4))
            return self._measure(run)

    def _forward(self, run: _Run) -> Figures:
        messages = max(1, run.messages * FORWARD_SHARE // 100 // run.vehicles) * run.vehicles
        figures = self._measure(replace(run, messages=messages, is_forward=True))
        assert self._server.process is not None
        database = psutil.Process(self._server.process.pid)
        copied = uvloop.run(ingest_copy.copy_again(run.database, lambda: _cpu_s(database)))
        per_s = figures["fixes"] / figures["seconds"]
        return figures | copied | {"fixes_per_s": per_s, "ratio_to_copy": per_s / copied["copy_fixes_per_s"]}

    @contextmanager
    def _database(self, databases: Databases, vehicles: int) -> Iterator[str]:
        with databases.fresh() as url:
            asyncio.run(migrate(url))
            uvloop.run(ingest_sinks.prepare(url, idents(vehicles), self._sizes.fences, (SOUTH, WEST, SIDE_DEG)))
            yield url

    def _measure(self, run: _Run) -> Figures:
        """Start the taker, then the publisher; wait for both."""
        with running_mosquitto() as broker, TemporaryDirectory() as directory:
            assert broker.process is not None
            command = [sys.executable, "-m", "bench.ingest", "--url", broker.url, "--messages", str(run.messages)]
            command += ["--vehicles", str(run.vehicles)]
            if run.is_forward:
                Progress.create(path := Path(directory) / "progress")
                command += ["--progress", str(path)]
            taking = subprocess.Popen(
                [
                    *command,
                    "--role",
                    run.role,
                    "--source",
                    run.source,
                    "--database",
                    run.database,
                    *(["--patient"] if run.is_patient else []),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert taking.stdout is not None
            taking.stdout.readline()  # subscribed, hence started
            assert self._server.process is not None
            watched = {"broker": psutil.Process(broker.process.pid), "database": psutil.Process(self._server.process.pid)}
            before = {name: _cpu_s(process) for name, process in watched.items()}
            machine_before_s, began_s = _machine_cpu_s(), time.perf_counter()
            forward = ["--forward"] if run.is_forward else []
            publishing = subprocess.run(
                [*command, "--role", "publish", "--rate", str(run.rate), *forward], stdout=subprocess.PIPE, text=True, check=True
            )
            figures: Figures = json.loads(taking.stdout.readline())
            taking.wait(_QUIET_S)
            published = json.loads(publishing.stdout)
            took_s, machine_s = time.perf_counter() - began_s, _machine_cpu_s() - machine_before_s
            used_s = {name: _cpu_s(process) - before[name] for name, process in watched.items()}
            used = {name: cpu_s / figures["messages"] * 1e6 for name, cpu_s in used_s.items()}
            ours_s = sum(used_s.values()) + published["cpu_s"] + figures["cpu_us_per_message"] * figures["messages"] / 1e6
        return figures | {
            "broker_cpu_us": used["broker"],
            "database_cpu_us": used["database"],
            "publisher_cpu_us": published["cpu_s"] / published["messages"] * 1e6,
            "published_per_s": published["messages"] / published["seconds"],
            # What the rest of the machine was busy with: near 0 on a machine that has nothing else to do.
            "others_cores": (machine_s - ours_s) / took_s,
        }

    def _tell(self, part: str, figures: Figures) -> None:
        if not self._is_quiet:
            print(f"{part:8} " + "  ".join(f"{name} {value:,.1f}" for name, value in figures.items()), flush=True)


def _summary(found: Mapping[str, Figures]) -> dict[str, object]:
    """The keys of the contract."""
    worker, ceiling = found.get("worker"), found.get("sink")
    timed = found.get("latency") or worker
    summary: dict[str, object] = {}
    if worker is not None:
        summary |= {"messages_per_s": worker["messages_per_s"], "cpu_us_per_message": worker["cpu_us_per_message"]}
    lasting = found.get("long") or worker
    if lasting is not None:
        summary["memory_growth"] = lasting["memory_end_mb"] / lasting["memory_start_mb"] - 1
    if worker is not None and ceiling is not None:
        summary["ratio_to_broker"] = worker["messages_per_s"] / ceiling["messages_per_s"]
    if "forward" in found:
        summary["ratio_to_copy"] = found["forward"]["ratio_to_copy"]
    if timed is not None:
        summary |= {"commit_p50_ms": timed["p50_ms"], "commit_p99_ms": timed["p99_ms"]}
        summary["commit_p99_with_start_ms"] = timed["p99_with_start_ms"]
    return summary


def _cpu_s(process: psutil.Process) -> float:
    """CPU of a process, of its children, and of those that it has waited for."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:  # its parent has it in its books now
            continue
        total += times.user + times.system
        if one is process:
            total += times.children_user + times.children_system
    return total


def _machine_cpu_s() -> float:
    """All that the machine's cores have done so far."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


if __name__ == "__main__":
    began = time.perf_counter()
    code = main()
    print(f"{time.perf_counter() - began:.0f} s in all", file=sys.stderr)
    sys.exit(code)
