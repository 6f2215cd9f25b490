"""False arrivals: a simulated day of delivery vans through the whole pipeline, beside plain point-in-polygon set difference.

The day is meant to be as hard as real ones are, in the ways in which they are hard:

* `arrivals_streets`: a town of streets, with traffic lights at a third of its crossings.
* `arrivals_round`: 60-120 stops a van on both sides of the streets, often within each other's circles; some on the way back, twice,
  failed, or served on foot; lunch beside another stop. With `--out-of-turn` a twentieth of them put off, brought forward or left
  out.
* `arrivals_drive`: red lights, queues, turns; `arrivals_tracker`: noise that wanders, multipath, cold starts, gaps, bursts,
  doubles.
* `arrivals_plan`: what the plan says (no dwell; a service time and windows for some).
* `arrivals_truth`: what counts as right, known from the drive alone; `arrivals_score` counts; `arrivals_plain` is the plain way.

No ignition, no doors: fixes hold place, speed, heading and accuracy alone. Everything depends on the seed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench import arrivals_ours, arrivals_plain
from bench.arrivals_drive import Day, Traffic, drive
from bench.arrivals_plan import plan, starts_at_s
from bench.arrivals_round import Round, plan_round
from bench.arrivals_score import Score, Told, score
from bench.arrivals_streets import Streets
from bench.arrivals_tracker import Fixes, measure, messages
from bench.arrivals_truth import calls
from fleet.clock import MICROS_PER_S, parse_rfc3339, to_micros

VANS: Final = 500
PROCESSES: Final = 2
#: Pins of a round are at least so far apart unless something else is asked for: the usual arrival radius. Doors that are nearer are
#: one stop with several orders in most plans; `--apart-m 0` is the day on which they are not.
APART_M: Final = 100.0
_MIDNIGHT: Final = to_micros(parse_rfc3339("2026-03-03T00:00:00Z"))
_FIRST_SECOND: Final = (5 * 3600, 8 * 3600)
#: A red light counts as one beside a stop within this distance of a pin that the van is not serving there.
_BESIDE_M: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Of a day. `apart_m`: least distance between two pins of a round; `out_of_turn`: drivers do not always keep to the plan."""

    apart_m: float = APART_M
    out_of_turn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Van:
    """One van's day, planned, driven and measured. `began`: microseconds since 1970 UTC at its second 0."""

    name: str
    began: int
    round: Round
    day: Day
    fixes: Fixes
    rng: np.random.Generator

    @classmethod
    def made(cls, streets: Streets, number: int, seed: int, kind: Kind) -> Van:
        rng = np.random.default_rng([seed, number])
        name = f"van-{number:03d}"
        began = _MIDNIGHT + int(rng.integers(*_FIRST_SECOND)) * MICROS_PER_S
        round_ = plan_round(streets, name, rng, kind.apart_m, out_of_turn=kind.out_of_turn)
        day = drive(streets, round_, rng)
        return cls(name=name, began=began, round=round_, day=day, fixes=measure(day, rng), rng=rng)

    def lights_beside_stops(self) -> int:
        """Red lights at which the van stood beside a stop of its round."""
        pins = np.array([(door.east_m, door.north_m) for door in self.round.planned])
        lights = [(stand.east_m, stand.north_m) for stand in self.day.stands if stand.why is Traffic.RED_LIGHT]
        return sum(bool((np.hypot(*(pins - light).T) <= _BESIDE_M).any()) for light in lights)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Of some vans."""

    ours: Score = field(default_factory=Score)
    plain: Score = field(default_factory=Score)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.ours.add(other.ours)
        self.plain.add(other.plain)
        self.counts.update(other.counts)

    def take(self, van: Van, told: Sequence[Told]) -> None:
        called = calls(van.day)
        plain = arrivals_plain.arrivals(van.round.planned, van.fixes, starts_at_s(van.round))
        self.ours.add(score(called, told, van.day))
        self.plain.add(score(called, [Told(stop=stop, second=second) for stop, second in plain.items()], van.day))
        self.counts.update(
            vans=1, stops=len(van.round.planned), called=len(called), fixes=len(van.fixes.seconds), lights=van.lights_beside_stops()
        )


def simulate(numbers: Sequence[int], seed: int, kind: Kind, show: Callable[[int], None] = lambda _: None) -> Tally:
    """The day of these vans. `show` is told how many messages are done."""
    streets = Streets.built_in()
    vans = [Van.made(streets, number, seed, kind) for number in numbers]
    with tempfile.TemporaryDirectory(prefix="outrider-arrivals-") as folder:
        sent = [messages(van.fixes, van.name, van.began, van.rng) for van in vans]
        routes = [plan(van.name, van.round, van.began, van.rng) for van in vans]
        events = arrivals_ours.run(sent, routes, Path(folder), show)
        del sent
        told = arrivals_ours.told(events, {van.name: van.began for van in vans})
    tally = Tally()
    for van in vans:
        tally.take(van, told.get(van.name, ()))
    return tally


def run(*, vans: int = VANS, seed: int = 1, processes: int = PROCESSES, kind: Kind | None = None) -> dict[str, Any]:
    """The whole benchmark; see `main` for the keys."""
    kind = kind or Kind()
    shares = [list(range(first, vans, processes)) for first in range(min(processes, vans))]
    tally = Tally()
    if len(shares) == 1:
        tally.add(simulate(shares[0], seed, kind, _progress(0)))
    else:
        with multiprocessing.get_context("spawn").Pool(len(shares)) as pool:
            for part in pool.starmap(_simulate, [(numbers, seed, kind) for numbers in shares]):
                tally.add(part)
    return result(tally, seed, kind)


def _simulate(numbers: Sequence[int], seed: int, kind: Kind) -> Tally:
    return simulate(numbers, seed, kind, _progress(numbers[0]))


def _progress(first: int) -> Callable[[int], None]:
    """One of the processes speaks for all, on a terminal."""
    shown = time.monotonic()

    def show(done: int) -> None:
        nonlocal shown
        if first == 0 and sys.stderr.isatty() and time.monotonic() - shown > 1:
            shown = time.monotonic()
            print(f"\r{done:,} messages", end="", file=sys.stderr, flush=True)

    return show


def result(tally: Tally, seed: int, kind: Kind) -> dict[str, Any]:
    ours, plain = tally.ours.as_json(), tally.plain.as_json()
    return {
        **ours,
        **{f"plain_{key}": value for key, value in plain.items()},
        "seed": seed,
        "apart_m": kind.apart_m,
        "out_of_turn": kind.out_of_turn,
        "vans": tally.counts["vans"],
        "stops": tally.counts["stops"],
        "stops_called_at": tally.counts["called"],
        "fixes": tally.counts["fixes"],
        "red_lights_beside_stops": tally.counts["lights"],
    }


def table(found: dict[str, Any]) -> str:
    """The figures, for people."""
    day = (
        f"{found['vans']} vans, {found['stops']:,} stops, {found['stops_called_at']:,} called at, {found['fixes']:,} fixes, "
        f"{found['red_lights_beside_stops']:,} red lights beside stops, seed {found['seed']}"
    )
    keys = ("precision", "recall", "error_median_s", "error_p90_s", "told", "withdrawn")
    lines = [day, "| | ours | plain |", "|---|---:|---:|"]
    lines += [f"| {key} | {found[key]:,} | {found['plain_' + key]:,} |" for key in keys]
    lines += [f"{kind}: " + ", ".join(f"{name} {count}" for name, count in found[kind].items()) for kind in ("false", "missed")]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The last line with `--json` holds `precision`, `recall`, `plain_precision`, `plain_recall`, errors of the instants against
    the moment of standing still, counts by kind of error, and the size of the day."""
    parser = argparse.ArgumentParser(prog="outrider bench arrivals", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--vans", type=int, default=VANS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--apart-m", type=float, default=APART_M, help="least distance between two pins of a round, metres")
    parser.add_argument("--out-of-turn", action="store_true", help="a day on which drivers do not always keep to the order")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(arguments)
    kind = Kind(apart_m=options.apart_m, out_of_turn=options.out_of_turn)
    found = run(vans=options.vans, seed=options.seed, processes=options.processes, kind=kind)
    print(table(found))
    if options.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
