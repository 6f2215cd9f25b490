"""`outrider simulate`: trackers that are not there, over real MQTT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outrider.running import run, start

app = typer.Typer(help="Simulated trackers over real MQTT.", no_args_is_help=True)


@app.command("drive")
def drive(  # noqa: PLR0917 - typer reads options from parameters
    vans: Annotated[int, typer.Option(min=1, max=100_000)] = 40,
    seed: Annotated[int | None, typer.Option(help="Drawn and printed when it is not given.")] = None,
    osm: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="OSM extract with roads; else a built-in town.")
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

    settings = start("simulator")
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


@app.command("streets")
def streets(
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="GeoJSON file to write.")],
    osm: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="OSM extract with roads; else a built-in town.")
    ] = None,
) -> None:
    """Streets to draw below the vehicles where there are no map tiles (OUTRIDER_STREETS_FILE)."""
    from outrider.simulation import write_streets

    write_streets(out, osm)


@app.command("replay")
def replay(
    capture: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Capture file or HFP recording, also .gz.")],
    speed: Annotated[float, typer.Option(min=0.0, help="1: as recorded, 10: ten times as fast, 0: as fast as it goes.")] = 1.0,
) -> None:
    """Send a capture again over MQTT at QoS 1."""
    from outrider.simulation import run_replay_live

    run(run_replay_live(start("simulator"), capture, speed))
