"""What the MQTT source costs a message at QoS 1, into a sink that only acknowledges, beside a bare socket that does just that.

    python -m bench.sources_sink [--seconds 10] [--sink wire|wire311|aiomqtt|bare ...] [--rate 0] [--read-interval-ms 2]

Each sink runs in a process of its own against the same Mosquitto with the shipped tuning, one after the other, fed by one publisher
process. CPU is what the processes themselves used while the messages flowed. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil
import uvloop

from ingest.protocol import Source
from ingest.sources.limits import SourceLimits
from ingest.sources.mqtt5 import Mqtt5Source
from mqttwire import MqttOptions, MqttVersion, Publisher
from mqttwire.packets import PUBACK_HEAD, SessionWish
from mqttwire.v5 import V5
from tests.realparts.mosquitto import Mosquitto, running_mosquitto

SINKS = ("bare", "wire", "wire311", "aiomqtt")
PAYLOAD = b'{"time":"2026-02-16T15:58:03.120Z","lat":60.169912,"lon":24.938412,"speed_mps":8.3,"heading_deg":123.0}'
FILTER = "fleet/+/+/fix"
VEHICLES = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=0, help="messages/s of the publisher; 0 is as fast as it can")
    parser.add_argument("--read-interval-ms", type=float, default=2.0)
    parser.add_argument("--sink", nargs="+", choices=SINKS, default=["bare", "wire"])
    parser.add_argument("--role", choices=["publish", *SINKS], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.role is None:
        return compare(chosen)
    if chosen.role == "publish":
        uvloop.run(publish(chosen.url, chosen.seconds, chosen.rate))
    elif chosen.role == "bare":
        sink_bare(chosen.url, chosen.seconds)
    else:
        uvloop.run(sink(chosen.role, chosen.url, chosen.seconds, chosen.read_interval_ms / 1000))
    return 0


def compare(chosen: argparse.Namespace) -> int:
    figures = {}
    for role in chosen.sink:
        with running_mosquitto() as broker:
            figures[role] = measure(role, broker, chosen)
        print(f"{role:8} " + "  ".join(f"{name} {value:,.2f}" for name, value in figures[role].items()), flush=True)
    print(json.dumps(figures))
    return 0


def measure(role: str, broker: Mosquitto, chosen: argparse.Namespace) -> dict[str, float]:
    """Start sink and publisher, wait for both, and say what was used."""
    assert broker.process is not None
    common = ["--url", broker.url, "--seconds", str(chosen.seconds), "--rate", str(chosen.rate)]
    command = [sys.executable, "-m", "bench.sources_sink", *common, "--read-interval-ms", str(chosen.read_interval_ms)]
    sinking = subprocess.Popen([*command, "--role", role], stdout=subprocess.PIPE, text=True)
    assert sinking.stdout is not None
    sinking.stdout.readline()  # subscribed
    broker_process = psutil.Process(broker.process.pid)
    before_s = _cpu_s(broker_process)
    publishing = subprocess.run([*command, "--role", "publish"], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(sinking.stdout.readline())
    broker_s = _cpu_s(broker_process) - before_s
    sinking.wait(30)
    published = json.loads(publishing.stdout)
    messages = max(1, found["messages"])
    return {
        "messages_per_s": found["messages"] / found["seconds"],
        "cpu_us_per_message": found["cpu_s"] / messages * 1e6,
        "batch": found["messages"] / max(1, found["batches"]),
        "broker_cpu_us": broker_s / messages * 1e6,
        "publisher_cpu_us": published["cpu_s"] / max(1, published["messages"]) * 1e6,
        "published": published["messages"],
        "received": found["messages"],
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def publish(url: str, seconds: float, rate: int) -> None:
    """Publish for so long; at a rate, in steps of a millisecond."""
    topics = [f"fleet/acme/{350_000_000_000_000 + number}/fix" for number in range(VEHICLES)]
    async with Publisher(MqttOptions.from_url(url, version=MqttVersion.V5), window=4000) as publisher:
        await publisher.wait_connected()
        started_s, started_cpu_s, sent = time.perf_counter(), time.process_time(), 0
        while (elapsed_s := time.perf_counter() - started_s) < seconds:
            due = int(elapsed_s * rate) - sent if rate else 1000
            for _ in range(due):
                await publisher.publish(topics[sent % VEHICLES], PAYLOAD)
                sent += 1
            if rate:
                await asyncio.sleep(0.001)
        await publisher.drain()
        print(json.dumps({"messages": sent, "cpu_s": time.process_time() - started_cpu_s}))


async def sink(role: str, url: str, seconds: float, read_interval_s: float) -> None:
    """Acknowledge whatever the source hands over; ends when nothing has come for a second."""
    source = _source(role, url, read_interval_s)
    waiting = asyncio.create_task(_subscribed(source))
    watch = Watch(seconds)
    watcher = asyncio.create_task(watch.close_when_quiet(source))
    async for batch in source.batches():
        await source.ack(batch)
        watch.note(len(batch))
    await asyncio.gather(waiting, watcher)
    watch.report()


async def _subscribed(source: Source) -> None:
    while not source.is_connected:  # noqa: ASYNC110 - a source has no event for it
        await asyncio.sleep(0.01)
    print("subscribed", flush=True)


class Watch:
    """Counts messages and CPU from the first message on, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started_s = self._started_cpu_s = 0.0
        self._messages = self._batches = 0
        self._counted = (0, 0, 0.0, 0.0)

    def note(self, messages: int) -> None:
        self._started_s = self._started_s or time.perf_counter()
        self._started_cpu_s = self._started_cpu_s or time.process_time()
        self._messages += messages
        self._batches += 1
        elapsed_s = time.perf_counter() - self._started_s
        if elapsed_s < self._seconds:
            self._counted = (self._messages, self._batches, elapsed_s, time.process_time() - self._started_cpu_s)

    async def close_when_quiet(self, source: Source) -> None:
        before = -1
        while self._messages == 0 or before != self._messages:
            before = self._messages
            await asyncio.sleep(1.0)
        await source.close()

    def report(self) -> None:
        messages, batches, seconds, cpu_s = self._counted
        print(json.dumps({"messages": messages, "batches": batches, "seconds": seconds, "cpu_s": cpu_s}), flush=True)


def _source(role: str, url: str, read_interval_s: float) -> Source:
    limits = SourceLimits(read_interval_s=read_interval_s)
    version = MqttVersion.V5 if role == "wire" else MqttVersion.V311
    options = MqttOptions.from_url(url, client_id="bench-sink", version=version)
    if role == "aiomqtt":
        from ingest.sources.mqtt311 import Mqtt311Source

        return Mqtt311Source(options, [FILTER], limits)
    return Mqtt5Source(options, [FILTER], limits)


def sink_bare(url: str, seconds: float) -> None:
    """A blocking socket that finds the packet ids and sends the PUBACKs: the least that anybody could do."""
    options = MqttOptions.from_url(url, client_id="bench-bare")
    dialect = V5()
    with socket.create_connection((options.host, options.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(dialect.connect(options, SessionWish(receive_max=20_000)))
        connection.recv(1024)
        connection.sendall(dialect.subscribe(1, [FILTER], 1))
        connection.recv(1024)
        print("subscribed", flush=True)
        _acknowledge(connection, seconds)


def _acknowledge(connection: socket.socket, seconds: float) -> None:
    watch, rest = Watch(seconds), b""
    try:
        while data := connection.recv(256 * 1024):
            connection.settimeout(1.0)
            data = rest + data
            acknowledgements, used = _acknowledgements(data)
            rest = data[used:]
            connection.sendall(b"".join(acknowledgements))
            watch.note(len(acknowledgements))
    except TimeoutError:
        watch.report()


def _acknowledgements(data: bytes) -> tuple[list[bytes], int]:
    acknowledgements, offset, end = [], 0, len(data)
    while end - offset > 4:
        size, start = data[offset + 1], offset + 2
        if size > 0x7F:
            size += (data[start] << 7) - 0x80
            start += 1
        if start + size > end:
            break
        packet_id = start + 2 + (data[start] << 8) + data[start + 1]
        acknowledgements.append(PUBACK_HEAD + data[packet_id : packet_id + 2])
        offset = start + size
    return acknowledgements, offset


if __name__ == "__main__":
    sys.exit(main())
