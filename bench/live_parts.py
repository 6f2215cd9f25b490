"""The processes of the live benchmark: the API as it is served, and readers that time what they see.

Readers take their time from the positions themselves: the publisher cuts the instant of sending into each fix. All of them read
every byte; a few also parse what they get, so that parsing does not become what is measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime

import orjson
import psutil
import websockets

from api.app import create_app
from api.live.mqtt_bus import MqttBus
from api.serve import server
from api.settings import ApiSettings
from fleet.access import Role
from mqttwire import MqttOptions, MqttVersion
from store.open import open_store

TIMED_READERS = 8


async def api(mqtt_url: str, database_url: str, connections: int) -> None:
    """Serve; prints the port, then, for each line that comes in, a line of figures. Ends with its standard input."""
    store = await open_store(database_url)
    async with MqttBus(MqttOptions.from_url(mqtt_url, version=MqttVersion.V5)) as bus:
        settings = ApiSettings(anonymous_role=Role.VIEWER, max_live_connections=connections + 10, expects_worker=False)
        app = create_app(store, bus, settings)
        own = server(app, host="127.0.0.1", port=0, backlog=4096)
        serving = asyncio.create_task(own.serve())
        hub = app.state.services.hub
        while not (own.started and hub.is_current):  # noqa: ASYNC110 - two states without events
            await asyncio.sleep(0.05)
        print(own.servers[0].sockets[0].getsockname()[1], flush=True)
        process = psutil.Process()
        while await asyncio.to_thread(input_line):
            times = process.cpu_times()
            figures = {
                "memory": process.memory_info().rss,
                "cpu_s": times.user + times.system,
                "connections": hub.reader_count,
                "messages_sent": hub.counts.messages_sent,
                "bytes_sent": hub.counts.bytes_sent,
                "positions": hub.counts.positions,
            }
            print(json.dumps(figures), flush=True)
        own.should_exit = True
        await serving
    await store.close()


def input_line() -> str:
    """A line of standard input; empty at its end."""
    try:
        return input()
    except EOFError:
        return ""


class Reader:
    """One screen. `ages_ms` are how old positions were when they had been parsed."""

    def __init__(self, *, is_timed: bool) -> None:
        self.is_timed = is_timed
        self.ages_ms: list[float] = []
        self.messages = 0

    async def run(self, url: str, wish: dict[str, object], joined: asyncio.Semaphore, ready: asyncio.Event) -> None:
        async with joined:
            connection = await websockets.connect(
                url, compression=None, max_size=None, max_queue=64, ping_interval=None, proxy=None
            )
            await connection.send(json.dumps(wish))
            await connection.recv(decode=False)
        ready.set()
        async with connection:
            while True:
                message = await connection.recv(decode=False)
                now_ms = time.time() * 1000
                self.messages += 1
                if self.is_timed:
                    self._time(message, now_ms)

    def _time(self, message: bytes, now_ms: float) -> None:
        body = orjson.loads(message)
        if body["type"] == "positions":
            self.ages_ms += [now_ms - 1000 * datetime.fromisoformat(one["time"]).timestamp() for one in body["positions"]]


async def read(port: int, connections: int, max_hz: float) -> None:
    """Connect and subscribe all; prints a line when they are, and at the end of standard input the ages."""
    url = f"ws://127.0.0.1:{port}/v1/live"
    wish: dict[str, object] = {"subscribe": {}, "max_hz": max_hz, "events": True, "etas": False}
    readers = [Reader(is_timed=number < TIMED_READERS) for number in range(connections)]
    joined = asyncio.Semaphore(50)
    events = [asyncio.Event() for _ in readers]
    tasks = [asyncio.create_task(reader.run(url, wish, joined, event)) for reader, event in zip(readers, events, strict=True)]
    await asyncio.gather(*(event.wait() for event in events))
    print("subscribed", flush=True)
    while await asyncio.to_thread(input_line):
        for reader in readers:
            reader.ages_ms.clear()
            reader.messages = 0
        print("again", flush=True)
    ages_ms = sorted(age for reader in readers for age in reader.ages_ms)
    lost = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    quantiles = (
        {f"p{percent}_ms": ages_ms[min(len(ages_ms) - 1, len(ages_ms) * percent // 100)] for percent in (50, 99)} if ages_ms else {}
    )
    print(
        json.dumps({**quantiles, "timed": len(ages_ms), "messages": sum(reader.messages for reader in readers), "lost": lost}),
        flush=True,
    )
