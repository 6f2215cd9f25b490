"""The command line (`docs/cli.md`). Exit codes: 0 done, 1 it failed, 2 wrong usage; errors are one line on standard error."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from fleet.access import Role
from fleet.errors import OutriderError
from outrider.console import fail
from outrider.settings import Settings, load_settings

app = typer.Typer(
    help="Real-time GPS telemetry server for last-mile fleets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
simulate = typer.Typer(help="Simulated trackers over real MQTT.", no_args_is_help=True)
bench = typer.Typer(help="Benchmarks; the last line of output is one JSON object.", no_args_is_help=True)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(simulate, name="simulate")
app.add_typer(bench, name="bench")
app.add_typer(keys, name="keys")


def main() -> None:
    """Entry point: runs the command, turns this product's errors into one line and exit code 1."""
    try:
        app()
    except OutriderError as problem:
        fail(problem)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)


def run(work: Coroutine[Any, Any, Any]) -> None:
    """Run on uvloop where there is one, until done; SIGTERM and SIGINT cancel it, and it winds up in order."""
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        if sys.platform == "win32":
            asyncio.run(_until_signalled(work))
        else:
            import uvloop

            uvloop.run(_until_signalled(work))


async def _until_signalled(work: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(work, name="main")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    await task


def _settings(tier: str, **overrides: object) -> Settings:
    from outrider.logs import start_logging

    settings = load_settings(**overrides)
    start_logging(settings, tier)
    return settings


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Also run simulated vans.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where the embedded servers keep their data.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of the API and the screen.")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Port of the embedded broker.")] = None,
    vans: Annotated[int, typer.Option(min=1, help="Simulated vans of the demo.")] = 40,
    seed: Annotated[int, typer.Option(help="Seed of the demo.")] = 1,
) -> None:
    """Broker, database, worker, API and alerts in one go."""
    from outrider.up import UpOptions, run_up

    settings = _settings("up", data_dir=data_dir, http_port=http_port, mqtt_port=mqtt_port)
    run(run_up(settings, UpOptions(demo=demo, vans=vans, seed=seed)))


@app.command()
def worker() -> None:
    """Take in messages: decode, screen, find, store, acknowledge."""
    from outrider.tiers import run_worker

    run(run_worker(_settings("worker")))


@app.command()
def api() -> None:
    """Serve REST, WebSocket and the screen."""
    from outrider.tiers import run_api

    run(run_api(_settings("api")))


@app.command()
def alerts() -> None:
    """Send alerts that are due."""
    from outrider.tiers import run_alerts

    run(run_alerts(_settings("alerts")))


@app.command()
def migrate() -> None:
    """Bring the database to this version."""
    from outrider.tiers import run_migrate

    run(run_migrate(_settings("migrate")))


@app.command()
def doctor() -> None:
    """What is reachable, which features the database has, what is misconfigured."""
    from outrider.doctor import examine

    healthy = asyncio.run(examine())
    raise typer.Exit(0 if healthy else 1)


@app.command()
def settings(markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/settings.md.")] = False) -> None:
    """Every setting, its default and what it does."""
    from outrider.settings_page import render, render_plain

    typer.echo(render() if markdown else render_plain(load_settings()), nl=False)


@app.command()
def replay(
    capture: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Capture file or HFP recording (.gz is read as well).")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for events, visits, etas and refused, as NDJSON.")],
    fences: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="GeoJSON file of fences.")] = None,
    plan: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Plan file of routes.")] = None,
    shuffle: Annotated[int | None, typer.Option(metavar="SEED", help="Shuffle the messages by this seed.")] = None,
) -> None:
    """The whole pipeline offline and deterministic; no server needed."""
    from outrider.offline import run_replay

    run_replay(capture, out, fences=fences, plan=plan, shuffle=shuffle)


@app.command()
def decode(
    format: Annotated[str, typer.Option("--format", help="Name of the wire format.")],  # noqa: A002 - the contract's word
    topic: Annotated[str | None, typer.Option("--topic", help="Topic that the payloads came on.")] = None,
) -> None:
    """Payloads on standard input, one a line (`hex:` for binary); fixes as JSON lines out."""
    from outrider.offline import run_decode

    raise typer.Exit(run_decode(format, topic))


@simulate.command("drive")
def simulate_drive(
    vans: Annotated[int, typer.Option(min=1, max=100_000)] = 40,
    seed: Annotated[int | None, typer.Option(help="Drawn and printed when it is not given.")] = None,
    osm: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Roads of an OSM extract; else a built-in town.")
    ] = None,
    interval_s: Annotated[float, typer.Option(min=0.1, help="Seconds between a tracker's reports.")] = 1.0,
    speed: Annotated[float, typer.Option(min=0.01, help="Simulated seconds in a second.")] = 1.0,
    duration_s: Annotated[float | None, typer.Option(min=1.0, help="Stop after so many simulated seconds.")] = None,
    stops: Annotated[int, typer.Option(min=1, max=200, help="Stops of a round.")] = 12,
    noise_m: Annotated[float, typer.Option(min=0.0, help="Standard deviation of GPS noise on each axis.")] = 6.0,
    jumps_per_h: Annotated[float, typer.Option(min=0.0, help="Multipath jumps of 60-150 m, an hour and tracker.")] = 0.0,
    tunnels: Annotated[bool, typer.Option("--tunnels/--no-tunnels", help="No position in tunnels.")] = True,
    outages_per_h: Annotated[float, typer.Option(min=0.0, help="Gaps in coverage an hour, made up for by bursts.")] = 0.0,
    outage_s: Annotated[float, typer.Option(min=1.0, help="Mean length of such a gap.")] = 90.0,
    clock_offset_s: Annotated[float, typer.Option(min=0.0, help="Largest constant error of a tracker's clock.")] = 0.0,
    clock_drift_ppm: Annotated[float, typer.Option(min=0.0, help="Largest drift of a tracker's clock.")] = 0.0,
    tenant: Annotated[str | None, typer.Option(help="Tenant in the topic.")] = None,
    prefix: Annotated[str, typer.Option(help="What the trackers' idents begin with.")] = "van-",
    api_url: Annotated[str | None, typer.Option(help="Hand the plan to this API (key in OUTRIDER_SIM_KEY).")] = None,
    plan_out: Annotated[Path | None, typer.Option(help="Write the first rounds as a plan file.")] = None,
) -> None:
    """Vans on delivery rounds, reporting over MQTT at QoS 1."""
    from firmware_sim.drive import DriveOptions
    from firmware_sim.rounds import RoundOptions
    from firmware_sim.tracker import TrackerModel
    from outrider.simulation import new_seed, run_drive

    settings = _settings("simulator")
    model = TrackerModel(
        noise_m=noise_m,
        jumps_per_h=jumps_per_h,
        has_tunnels=tunnels,
        outages_per_h=outages_per_h,
        outage_s=outage_s,
        clock_offset_s=clock_offset_s,
        clock_drift_ppm=clock_drift_ppm,
    )
    options = DriveOptions(
        vans=vans,
        seed=new_seed() if seed is None else seed,
        tenant=tenant or settings.default_tenant,
        prefix=prefix,
        interval_s=interval_s,
        speed=speed,
        duration_s=duration_s,
        tracker=model,
        rounds=RoundOptions(stops=stops),
    )
    run(run_drive(settings, options, osm=osm, api_url=api_url, plan_out=plan_out))


@simulate.command("replay")
def simulate_replay(
    capture: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Capture file or HFP recording (.gz is read as well).")
    ],
    speed: Annotated[float, typer.Option(min=0.0, help="1: as recorded, 10: ten times as fast, 0: as fast as it goes.")] = 1.0,
) -> None:
    """Send a capture again over MQTT at QoS 1."""
    from outrider.simulation import run_replay_live

    run(run_replay_live(_settings("simulator"), capture, speed))


@keys.command("create")
def keys_create(
    role: Annotated[Role, typer.Option(help="What its bearer may do.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's data; else all.")] = None,
) -> None:
    """Make an API key and print it, once."""
    from outrider.tiers import run_create_key

    run(run_create_key(_settings("keys"), role, name, tenant))
