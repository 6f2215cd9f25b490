"""What each stage of the worker costs a fix, on one core, from memory: no broker, no database.

    python -m bench.ingest_stages [--scene live forward] [--fixes 400000] [--profile] [--json]

* `live`: messages of one fix, 2,000 to a pass, as while a commit is under way at full speed;
* `forward`: messages of 50 fixes, 10,000 fixes to a pass.

10,000 vehicles and 10,000 fences, everything at the product's settings. CPU of the thread, microseconds a fix; the first quarter of
the passes, in which a silent fleet sets off, does not count. The source (`bench.sources_sink`) and the event loop come on top.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import numpy as np

from bench.ingest_load import FIXES_EACH, SIDE_DEG, SOUTH, WEST, idents, tails
from fleet.fence import Circle, Fence
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.vehicle import Mounting, TrackerStatus
from ingest.live import LiveFrames, NobodyListens
from ingest.pipeline import Pipeline
from ingest.reception import Reception
from outrider.settings import Settings
from outrider.tiers.worker import pipeline_settings, reception_of
from store.dedupe import first_of_each
from store.postgres.copying import encode
from store.protocol import World
from store.storable import unstorable

VEHICLES: Final = 10_000
FENCES: Final = 10_000
_MESSAGES_A_PASS: Final = {"live": 2_000, "forward": 200}
_FIXES_EACH: Final = {"live": 1, "forward": FIXES_EACH}


class Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        began_s = time.thread_time()
        yield
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.thread_time() - began_s


class Way:
    """A worker's parts in a row, without its ends."""

    def __init__(self) -> None:
        settings = Settings(default_tenant="bench")
        names = idents(VEHICLES)
        world = World(fences=_fences(), mountings=[_mounting(key, name) for key, name in enumerate(names, start=1)])
        self._reception: Reception = reception_of(settings)
        self._reception.registry.replace(world.mountings)
        self._pipeline = Pipeline(pipeline_settings(settings))
        self._pipeline.apply(world, datetime.now(UTC))
        self._live = LiveFrames(NobodyListens(), vehicles_of=self._reception.registry.vehicles, clock=time.monotonic)

    def go(self, batch: MessageBatch, stages: Stages) -> int:
        """One pass, and a commit of it; how many fixes it had."""
        with stages.of("decode"):
            decoded = self._reception.decode(batch)
        with stages.of("registry, screening"):
            if self._reception.unknown(decoded):
                raise RuntimeError("the fleet is known")
            fixes = self._reception.finish(batch, decoded).fixes
        with stages.of("intake, engines"):
            outcome = self._pipeline.step(fixes, datetime.now(UTC))
            self._pipeline.anchors()
        with stages.of("commit's columns"):
            _stream(fixes)
        with stages.of("live frames"):
            self._live.committed([fixes], outcome.etas, {event.tenant for event in outcome.events}, 0)
        return len(fixes)

    def save(self, stages: Stages) -> None:
        """The states of all that changed."""
        with stages.of("states for a checkpoint of all"):
            self._pipeline.checkpoint()


def _stream(fixes: FixBatch) -> bytes:
    """What the store does with fixes before it sends them."""
    if unstorable(fixes):
        raise RuntimeError("the fleet's fixes can be stored")
    rows = first_of_each(fixes.vehicle, fixes.time)
    return b"".join(encode(fixes.take(rows), np.ones(len(rows), np.int32), 1))


def _fences() -> list[Fence]:
    places = np.random.default_rng(2).random((FENCES, 3)).tolist()
    return [
        Fence(
            id=f"fence-{number}",
            tenant="bench",
            name=f"Fence {number}",
            shape=Circle(lat=SOUTH + lat * SIDE_DEG, lon=WEST + lon * SIDE_DEG, radius_m=100 + 200 * size),
        )
        for number, (lat, lon, size) in enumerate(places)
    ]


def _mounting(key: int, name: str) -> Mounting:
    return Mounting(tenant="bench", tracker=name, vehicle=name, key=key, status=TrackerStatus.ACTIVE)


def _passes(scene: str, fixes: int) -> list[MessageBatch]:
    """Messages of the whole fleet by turns, one fix a second and vehicle."""
    fleet, topics = tails(VEHICLES), [f"fleet/bench/{ident}/fix" for ident in idents(VEHICLES)]
    size, each = _MESSAGES_A_PASS[scene], _FIXES_EACH[scene]
    count = fixes // (size * each)
    received_us = time.time_ns() // 1000
    turns = count * size // VEHICLES + 1
    start_ms = received_us // 1000 - (turns * each + 10) * 1000
    made = []
    for first in range(0, count * size, size):
        rows = [divmod(number, VEHICLES) for number in range(first, first + size)]
        payloads = [_payload(fleet[vehicle], start_ms, turn * each, each) for turn, vehicle in rows]
        made.append(MessageBatch(topics=[topics[vehicle] for _, vehicle in rows], payloads=payloads, received=[received_us] * size))
    return made


def _payload(places: list[bytes], start_ms: int, first: int, each: int) -> bytes:
    fixes = [b'{"time":%d%s' % (start_ms + 1000 * n, places[n % len(places)]) for n in range(first, first + each)]
    return fixes[0] if each == 1 else b"[" + b",".join(fixes) + b"]"


def measure(scene: str, fixes: int, *, with_profile: bool = False) -> dict[str, float]:
    """Microseconds of CPU a fix by stage."""
    way, passes = Way(), _passes(scene, fixes)
    warm_up = max(1, len(passes) // 4)
    for batch in passes[:warm_up]:
        way.go(batch, Stages())
    stages, profile = Stages(), cProfile.Profile()
    if with_profile:
        profile.enable()
    done = sum(way.go(batch, stages) for batch in passes[warm_up:])
    way.save(stages)
    if with_profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    return {name: cpu_s / done * 1e6 for name, cpu_s in stages.cpu_s.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", nargs="+", choices=sorted(_FIXES_EACH), default=["live", "forward"])
    parser.add_argument("--fixes", type=int, default=400_000)
    parser.add_argument("--profile", action="store_true", help="also where the time goes, function by function (and slower for it)")
    parser.add_argument("--json", action="store_true", help="only the last line, the JSON object")
    chosen = parser.parse_args(arguments)
    found = {}
    for scene in chosen.scene:
        found[scene] = measure(scene, chosen.fixes, with_profile=chosen.profile)
        if not chosen.json:
            print(f"{scene}, microseconds a fix")
            print("\n".join(f"  {name:32} {cpu_us:7.3f}" for name, cpu_us in found[scene].items()))
            print(f"  {'together':32} {sum(found[scene].values()):7.3f}", flush=True)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
