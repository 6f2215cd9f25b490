"""Runs simulated trackers against a real broker, and hands their plan to the API where one was named."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import orjson

from firmware_sim.commands import Obedience, command_filter
from firmware_sim.drive import DriveOptions, FleetDrive, Progress
from firmware_sim.osm import load_osm
from firmware_sim.planner import ApiPlanner, NoPlanner, PlanFile, Planner
from firmware_sim.replay import replay
from firmware_sim.streets import streets
from firmware_sim.town import built_in_town
from fleet.errors import OutriderError
from mqttwire import Publisher, Subscriber
from mqttwire.capture import read_capture
from outrider.broker import broker_options
from outrider.console import progress, to_person
from outrider.settings import Settings

log = logging.getLogger(__name__)

_SAY_EVERY_S: Final = 30.0


class NoPlannerKey(OutriderError):
    """`--api-url` without a key."""

    def __init__(self) -> None:
        super().__init__("--api-url needs a key that may write plans (role operator) in OUTRIDER_SIM_KEY")


def new_seed() -> int:
    """A seed that nobody chose; it is printed, so that the run can be had again."""
    return secrets.randbelow(1_000_000)


def write_streets(out: Path, osm: Path | None) -> None:
    """The streets of a road graph as a GeoJSON file. Raises NoRoad."""
    graph = load_osm(osm) if osm is not None else built_in_town()
    out.write_bytes(orjson.dumps(streets(graph)))


async def run_drive(
    settings: Settings, options: DriveOptions, *, osm: Path | None, api_url: str | None, plan_out: Path | None
) -> None:
    """Drive until the duration is over or the task is cancelled."""
    graph = load_osm(osm) if osm is not None else built_in_town()
    to_person.print(f"seed {options.seed}: {options.vans} vans in {graph.name} ({graph.junctions} junctions)", soft_wrap=True)
    async with Publisher(broker_options(settings)) as publisher, _planner(api_url, plan_out, options) as planner:
        await publisher.wait_connected()
        fleet = FleetDrive(
            graph=graph, options=options, transmit=publisher.publish, planner=planner, clock=lambda: datetime.now(UTC)
        )
        beside = [
            asyncio.create_task(_narrate(fleet.progress), name="narrate"),
            asyncio.create_task(_obey(settings, fleet, publisher), name="obey"),
        ]
        try:
            await fleet.run()
            await publisher.drain()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
    log.info("sent %d messages with %d fixes of %d rounds", fleet.progress.messages, fleet.progress.fixes, fleet.progress.rounds)


async def run_replay_live(settings: Settings, capture: Path, speed: float) -> None:
    """Send a capture over MQTT at QoS 1; done when the broker has acknowledged the last message."""
    sent = Progress()
    async with Publisher(broker_options(settings)) as publisher:
        await publisher.wait_connected()
        with progress(f"sending {capture.name}") as show:
            watcher = asyncio.create_task(_show(sent, show), name="progress")
            try:
                await replay(read_capture(capture), publisher.publish, speed=speed, progress=sent)
                await publisher.drain()
            finally:
                watcher.cancel()
        refused = sum(publisher.refused.values())
    to_person.print(f"sent {sent.messages} messages of {capture.name}" + (f", {refused} refused by the broker" if refused else ""))


@contextlib.asynccontextmanager
async def _planner(api_url: str | None, plan_out: Path | None, options: DriveOptions) -> AsyncIterator[Planner]:
    if api_url is None:
        yield PlanFile(lambda plan: plan_out.write_bytes(orjson.dumps(plan))) if plan_out is not None else NoPlanner()
        return
    key = os.environ.get("OUTRIDER_SIM_KEY")
    if not key:
        raise NoPlannerKey
    async with httpx.AsyncClient(base_url=api_url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0) as client:
        yield ApiPlanner(client, options.tenant)


async def _obey(settings: Settings, fleet: FleetDrive, publisher: Publisher) -> None:
    """Answer commands to the simulated trackers, for ever."""
    obedience = Obedience(fleet.status_of)
    async with Subscriber(broker_options(settings), [command_filter(fleet.options.tenant)], qos=1) as commands:
        async for message in commands:
            said = obedience.hear(message.topic, message.payload)
            if said is not None:
                await publisher.publish(*said)


async def _narrate(so_far: Progress) -> None:
    while True:
        await asyncio.sleep(_SAY_EVERY_S)
        log.info("%d messages sent, %d rounds begun", so_far.messages, so_far.rounds)


async def _show(so_far: Progress, show: Callable[[int], None]) -> None:
    while True:
        await asyncio.sleep(0.2)
        show(so_far.messages)
