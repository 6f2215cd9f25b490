"""The load of the ingest benchmark: a fleet in native payloads, and one process that publishes it at QoS 1.

Payloads are made before the clock starts, but for the instant, which is cut in when a message is sent (the publisher must not
be what is measured). Single fixes carry the instant of publishing as their time, so that the way to the commit can be timed.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from dataclasses import dataclass

from bench.ingest_progress import Progress
from mqttwire import MqttOptions, MqttVersion, Publisher

#: The fleet lives in this square, degrees.
SOUTH, WEST, SIDE_DEG = 60.0, 24.0, 1.0
#: Places that a vehicle goes through, there and back again, and how far apart they are.
_PLACES = 16
_STEP_M = 8.0
_METRES_PER_DEGREE = 111_195.0
#: Fixes of one store-and-forward message, and the seconds between them.
FIXES_EACH = 50
#: Several commits of store-and-forward messages.
MOST_AHEAD = 4_000
_LOOK_INTERVAL_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is published: `messages` at `rate` a second (0: as fast as it goes), of one fix or of FIXES_EACH."""

    url: str
    messages: int
    vehicles: int = 10_000
    rate: int = 0
    is_stored_and_forwarded: bool = False
    #: Where to see what was acknowledged, to keep at most MOST_AHEAD messages ahead of it; None: as far ahead as the broker takes.
    progress: Progress | None = None


def idents(count: int) -> list[str]:
    return [str(350_000_000_000_000 + number) for number in range(count)]


def tails(count: int, seed: int = 1) -> list[list[bytes]]:
    """For each vehicle the payloads of its places, without the time. Each begins at another place of its way: a fleet of which all
    turn round in the same second would measure that second."""
    rng = random.Random(seed)
    fleet = []
    for vehicle in range(count):
        lat, lon = SOUTH + rng.random() * SIDE_DEG, WEST + rng.random() * SIDE_DEG
        heading_deg = rng.uniform(0, 360)
        way = [(vehicle + place) % _PLACES for place in range(_PLACES)]
        fleet.append([_tail(lat, lon, heading_deg, _STEP_M * min(place, _PLACES - place)) for place in way])
    return fleet


def standing(count: int, seed: int = 1) -> list[list[bytes]]:
    """The same for vehicles that each have one place."""
    rng = random.Random(seed)
    return [[_tail(SOUTH + rng.random() * SIDE_DEG, WEST + rng.random() * SIDE_DEG, 0.0, 0.0)] for _ in range(count)]


def _tail(lat: float, lon: float, heading_deg: float, along_m: float) -> bytes:
    north_m, east_m = along_m * math.cos(math.radians(heading_deg)), along_m * math.sin(math.radians(heading_deg))
    place = lat + north_m / _METRES_PER_DEGREE, lon + east_m / (_METRES_PER_DEGREE * math.cos(math.radians(lat)))
    return b',"lat":%.6f,"lon":%.6f,"speed_mps":8.3,"heading_deg":%.1f,"accuracy_m":4.5}' % (*place, heading_deg)


async def publish(load: Load) -> None:
    """Publish, and print how many and what it took as one line of JSON."""
    topics = [f"fleet/bench/{ident}/fix" for ident in idents(load.vehicles)]
    # A vehicle that is heard once needs no way.
    fleet = tails(load.vehicles) if load.messages > load.vehicles else standing(load.vehicles)
    ready = _ready(load, fleet)
    async with Publisher(MqttOptions.from_url(load.url, version=MqttVersion.V5), window=4_000) as publisher:
        await publisher.wait_connected()
        began_s, began_cpu_s, sent = time.perf_counter(), time.process_time(), 0
        while sent < load.messages:
            elapsed_s = time.perf_counter() - began_s
            due = min(load.messages - sent, int(elapsed_s * load.rate) - sent if load.rate else 1_000)
            if load.progress is not None:
                due = min(due, load.progress.acknowledged + MOST_AHEAD - sent)
                if not due:
                    await asyncio.sleep(_LOOK_INTERVAL_S)
            for number in range(sent, sent + due):
                vehicle = number % load.vehicles
                payload = ready[number] if ready else _single(fleet[vehicle], number // load.vehicles)
                await publisher.publish(topics[vehicle], payload)
            sent += due
            if load.rate:
                await asyncio.sleep(0.001)
        await publisher.drain()
        print(json.dumps({"messages": sent, "seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - began_cpu_s}))


def _ready(load: Load, fleet: list[list[bytes]]) -> list[bytes]:
    """Store-and-forward payloads, made beforehand (6 kB each): writing fifty fixes costs more than sending them, and the machine
    is the worker's and the database's to share. Nothing for single fixes, which carry the instant at which they are sent."""
    if not load.is_stored_and_forwarded:
        return []
    return [_stored_and_forwarded(fleet[number % load.vehicles], number // load.vehicles) for number in range(load.messages)]


def _single(places: list[bytes], turn: int) -> bytes:
    return b'{"time":%d%s' % (time.time_ns() // 1_000_000, places[turn % len(places)])


_BEGINNING_MS = time.time_ns() // 1_000_000 - 7 * 86_400_000


def _stored_and_forwarded(places: list[bytes], turn: int) -> bytes:
    """FIXES_EACH fixes, one a second, that go on where the vehicle's message before ended."""
    start_ms = _BEGINNING_MS + turn * FIXES_EACH * 1000
    fixes = [b'{"time":%d%s' % (start_ms + 1000 * number, places[number % len(places)]) for number in range(FIXES_EACH)]
    return b"[" + b",".join(fixes) + b"]"
