"""A simulated fleet on the road: vans drive their rounds, their trackers report over MQTT at QoS 1, round after round.

The whole run depends on the seed alone: which rounds, which lights are red, what the noise is. Only the instants are those of the
clock (or, sped up, of a clock that runs `speed` times as fast from the start on).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np

from firmware_sim.planner import Planner, town_fences
from firmware_sim.road_graph import RoadGraph
from firmware_sim.rounds import Round, RoundOptions, plan_round
from firmware_sim.tracker import Tracker, TrackerModel
from firmware_sim.van import Van
from fleet.fix import Fix
from ingest.formats.native_encoder import encode_fix, encode_fixes, topic_of

#: Reports of one interval are spread over this many slots, so that a fleet does not speak in one breath.
_SLOTS: Final = 20
#: Motion is integrated in steps no longer than this.
_STEP_S: Final = 1.0
#: At the start each van is this far in time from its first stop, so that a demo shows arrivals at once.
_FIRST_ARRIVAL_S: Final = (15.0, 150.0)
#: So many begin their day late, by so much.
_LATE_SHARE: Final = 0.15
_LATE_S: Final = (420.0, 900.0)
_BREAK_S: Final = 45.0


class Transmit(Protocol):
    """Sends a message at QoS 1; returns when it is on its way (and waits where too many are unacknowledged)."""

    async def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveOptions:
    vans: int = 40
    seed: int = 1
    tenant: str = "default"
    prefix: str = "van-"
    interval_s: float = 1.0
    speed: float = 1.0
    #: Stop after so many seconds of simulated time; None: go on until cancelled.
    duration_s: float | None = None
    tracker: TrackerModel = TrackerModel()
    rounds: RoundOptions = RoundOptions()


@dataclass(slots=True)
class Progress:
    """Running totals, for whoever shows them."""

    messages: int = 0
    fixes: int = 0
    rounds: int = 0
    simulated_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Crew:
    ident: str
    number: int
    tracker: Tracker
    rng: np.random.Generator
    habit: float
    van: Van | None = None
    rounds: int = 0
    end: int = 0
    rests_until: datetime | None = None


@dataclass(slots=True, kw_only=True)
class FleetDrive:
    """Runs the fleet. `clock` tells the time at the start; `sleep` waits (both are handed in, so that tests need not wait)."""

    graph: RoadGraph
    options: DriveOptions
    transmit: Transmit
    planner: Planner
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    progress: Progress = field(default_factory=Progress)
    _crews: list[_Crew] = field(init=False)

    def __post_init__(self) -> None:
        options = self.options
        width = max(2, len(str(options.vans)))
        self._crews = [self._hire(number, f"{options.prefix}{number:0{width}}") for number in range(1, options.vans + 1)]

    async def run(self) -> None:
        """Plan the first rounds, then report until the duration is over or the task is cancelled.

        The vans start when this is called: what they report while the plan is still being handed over is sent right after it.
        """
        started, begun_s = self.clock(), asyncio.get_running_loop().time()
        await self.planner.add_vehicles([crew.ident for crew in self._crews])
        await self.planner.add_fences(town_fences(self.graph))
        await self.planner.add_rounds([self._first_round(crew, started) for crew in self._crews])
        for crew in self._crews:
            await self.transmit(_status_topic(self.options.tenant, crew.ident), b"online", retain=True)
        await self._report_until_done(started, begun_s)

    def status_of(self, ident: str) -> dict[str, object] | None:
        """What a tracker knows of itself; None where it is none of this fleet."""
        crew = next((crew for crew in self._crews if crew.ident == ident), None)
        if crew is None:
            return None
        van = crew.van
        driven = {} if van is None else {"odometer_m": round(van.odometer_m), "speed_mps": round(van.truth().speed_mps or 0.0, 1)}
        return {"rounds": crew.rounds, **driven}

    async def _report_until_done(self, started: datetime, begun_s: float) -> None:
        options, loop = self.options, asyncio.get_running_loop()
        slot, slot_s = 0, options.interval_s / _SLOTS
        while options.duration_s is None or slot * slot_s < options.duration_s:
            slot += 1
            now = started + timedelta(seconds=slot * slot_s)
            ahead_s = slot * slot_s / options.speed - (loop.time() - begun_s)
            await self.sleep(max(0.0, ahead_s))
            self.progress.simulated_s = slot * slot_s
            await self._report(self._crews[slot % _SLOTS :: _SLOTS], now)

    async def _report(self, crews: list[_Crew], now: datetime) -> None:
        fresh = [one for one in (self._next_round(crew, now) for crew in crews) if one is not None]
        if fresh:
            await self.planner.add_rounds(fresh)
        for crew in crews:
            van = crew.van
            if van is None:
                continue
            _advance(van, self.options.interval_s)
            for burst in crew.tracker.report(van.truth(), now, self.options.interval_s, van.odometer_m):
                await self.transmit(topic_of(self.options.tenant, crew.ident), _payload(burst))
                self.progress.messages += 1
                self.progress.fixes += len(burst)

    def _hire(self, number: int, ident: str) -> _Crew:
        rng = np.random.default_rng([self.options.seed, number])
        return _Crew(
            ident=ident,
            number=number,
            tracker=Tracker(model=self.options.tracker, rng=np.random.default_rng([self.options.seed, number, 1])),
            rng=rng,
            habit=float(rng.uniform(0.62, 1.0)),
            end=int(rng.integers(self.graph.junctions)),
        )

    def _first_round(self, crew: _Crew, started: datetime) -> Round:
        """A round that began a while ago: the van is nearly at its first stop, most of them on time, some of them not."""
        one = self._plan(crew, started)
        van = crew.van
        assert van is not None
        to_first_s = float(crew.rng.uniform(*_FIRST_ARRIVAL_S))
        is_late = crew.rng.random() < _LATE_SHARE
        late_s = float(crew.rng.uniform(*_LATE_S)) if is_late else float(crew.rng.normal(0, 90))
        way = van.legs[0].way
        van.start_at(way.length_m - min(way.length_m * 0.9, to_first_s * 0.5 * float(way.speed_mps.mean()) * crew.habit))
        return one.postponed(timedelta(seconds=to_first_s - late_s) - (one.first_planned - started))

    def _next_round(self, crew: _Crew, now: datetime) -> Round | None:
        """A new round for a van that has finished its own and had a break."""
        if crew.van is None or not crew.van.is_done:
            return None
        if crew.rests_until is None:
            crew.rests_until = now + timedelta(seconds=_BREAK_S)
        if now < crew.rests_until:
            return None
        crew.rests_until = None
        return self._plan(crew, now)

    def _plan(self, crew: _Crew, starts_at: datetime) -> Round:
        crew.rounds += 1
        self.progress.rounds += 1
        route = f"{crew.ident}-{starts_at:%m%d-%H%M}-{crew.rounds}"
        one = plan_round(
            self.graph,
            vehicle=crew.ident,
            route=route,
            start=crew.end,
            starts_at=starts_at,
            rng=crew.rng,
            options=self.options.rounds,
        )
        odometer_m = crew.van.odometer_m if crew.van is not None else float(crew.rng.integers(1_000, 90_000)) * 1_000
        crew.van = Van(legs=one.legs, rng=crew.rng, habit=crew.habit, odometer_m=odometer_m)
        crew.end = one.end
        return one


def _payload(burst: Sequence[Fix]) -> bytes:
    return encode_fix(burst[0]) if len(burst) == 1 else encode_fixes(burst)


def _advance(van: Van, interval_s: float) -> None:
    left_s = interval_s
    while left_s > 1e-9:
        van.advance(min(_STEP_S, left_s))
        left_s -= _STEP_S


def _status_topic(tenant: str, ident: str) -> str:
    return f"fleet/{tenant}/{ident}/status"
