"""What pairs of vehicles cost the worker: CPU time of noting a fix, with nobody watched and with all, and of one slot's fold.

python -m bench.proximity [--vehicles N] [--json]
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import orjson

from fleet.clock import MICROS_PER_S
from fleet.fix import FixBatch
from fleet.fixes_around import FixesAround
from fleet.proximity_rules import ProximityRules
from geofence.proximity.excepted import Excepted
from geofence.proximity.fold import Watched, advance
from geofence.proximity.pairs import no_pairs
from geofence.proximity.settings import Limits, ProximitySettings
from geofence.proximity.words import Teller
from geofence.roster import Roster
from ingest.proximity.watch import ProximityWatch
from store.memory import MemoryStore

TENANT: Final = "acme"
NEAR: Final = ProximityRules(near_m=50.0)
_BATCHES: Final = 30
_SLOTS: Final = 40
#: A city: half-widths in degrees around a place in Europe.
_LAT, _LON, _HALF_LAT, _HALF_LON = 47.4, 8.5, 0.25, 0.35
_FIRST_SLOT: Final = 59_000_000


def noting_ns(vehicles: int, rules: ProximityRules) -> float:
    """Nanoseconds a fix: batches in which each vehicle has one, in no order."""
    roster, random = Roster(), np.random.default_rng(1)
    roster.name((key, TENANT, f"van-{key}") for key in range(1, vehicles + 1))
    watch = ProximityWatch(MemoryStore(), ProximitySettings(rules=rules), roster)
    spent_s = 0.0
    for number in range(_BATCHES):
        batch = FixBatch.allocate(vehicles)
        batch.vehicle[:] = random.permutation(vehicles) + 1
        batch.time[:] = number * 5 * MICROS_PER_S + random.integers(0, 5 * MICROS_PER_S, vehicles)
        began_s = time.process_time()
        watch.heard(batch)
        spent_s += time.process_time() - began_s
    return spent_s / _BATCHES / vehicles * 1e9


def fold_ms(vehicles: int) -> float:
    """Milliseconds a slot: seven of ten vehicles move a few hundred metres from slot to slot."""
    settings, random = ProximitySettings(rules=NEAR), np.random.default_rng(1)
    limits = Limits.of(settings)
    if limits is None:
        raise RuntimeError("the benchmark's own rules watch nobody")
    watched = Watched(limits=limits, excepted=Excepted([]))
    teller = Teller(TENANT, settings.slot, lambda key: f"van-{key}", datetime(2026, 1, 1, tzinfo=UTC))
    lat, lon = _LAT + random.uniform(-_HALF_LAT, _HALF_LAT, vehicles), _LON + random.uniform(-_HALF_LON, _HALF_LON, vehicles)
    pairs, spent_s = no_pairs(), 0.0
    for slot in range(_FIRST_SLOT, _FIRST_SLOT + _SLOTS):
        moves = random.random(vehicles) < 0.7
        north, east = random.normal(0, 2e-3, (2, vehicles)) * moves
        instant = slot * settings.slot
        around = FixesAround(
            instant=np.full(vehicles, instant),
            vehicle=np.arange(1, vehicles + 1),
            before_time=np.full(vehicles, instant - 4 * MICROS_PER_S),
            before_lat=lat,
            before_lon=lon,
            before_speed_mps=np.zeros(vehicles, np.float32),
            after_time=np.full(vehicles, instant + 6 * MICROS_PER_S),
            after_lat=lat + 0.3 * north,
            after_lon=lon + 0.3 * east,
        )
        began_s = time.process_time()
        pairs = advance(pairs, around, slot, watched, settings, teller)
        spent_s += time.process_time() - began_s
        lat, lon = lat + north, lon + east
    return spent_s / _SLOTS * 1e3


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    found: dict[str, Any] = {
        "vehicles": asked.vehicles,
        "noting_off_ns_per_fix": round(noting_ns(asked.vehicles, ProximityRules()), 1),
        "noting_ns_per_fix": round(noting_ns(asked.vehicles, NEAR), 1),
        "fold_ms_per_slot": round(fold_ms(asked.vehicles), 2),
    }
    text = orjson.dumps(found).decode() if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items())
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
