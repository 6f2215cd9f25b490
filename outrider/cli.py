"""The command line (`docs/cli.md`). Exit codes: 0 done, 1 it failed, 2 wrong usage; errors are one line on standard error."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from fleet.access import Role
from fleet.errors import OutriderError
from outrider import cli_bench, cli_deadletters, cli_simulate
from outrider.console import fail
from outrider.running import run, start
from outrider.settings import load_settings

app = typer.Typer(
    help="Real-time GPS telemetry server for last-mile fleets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(cli_simulate.app, name="simulate")
app.add_typer(cli_bench.app, name="bench")
app.add_typer(keys, name="keys")
app.add_typer(cli_deadletters.app, name="deadletters")


def main() -> None:
    """Entry point: runs the command, turns this product's errors into one line and exit code 1."""
    try:
        app()
    except OutriderError as problem:
        fail(problem)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)


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

    settings = start("up", data_dir=data_dir, http_port=http_port, mqtt_port=mqtt_port)
    run(run_up(settings, UpOptions(demo=demo, vans=vans, seed=seed)))


@app.command()
def worker() -> None:
    """Take in messages: decode, screen, find, store, acknowledge."""
    from outrider.tiers.worker import run_worker

    run(run_worker(start("worker")))


@app.command()
def api() -> None:
    """Serve REST, WebSocket and the screen."""
    from outrider.tiers.api import run_api

    run(run_api(start("api")))


@app.command()
def alerts() -> None:
    """Send alerts that are due."""
    from outrider.tiers.alerts import run_alerts

    run(run_alerts(start("alerts")))


@app.command()
def migrate() -> None:
    """Bring the database to this version."""
    from outrider.tiers.database import run_migrate

    run(run_migrate(start("migrate")))


@app.command()
def doctor() -> None:
    """What is reachable, which features the database has, what is misconfigured."""
    from outrider.doctor import examine

    logging.disable(logging.CRITICAL)  # the findings say it once, and in order
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
    settings: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Settings of the tenant and of vehicles, as the API takes them."),
    ] = None,
    shuffle: Annotated[int | None, typer.Option(metavar="SEED", help="Shuffle the messages by this seed.")] = None,
) -> None:
    """The whole pipeline offline and deterministic; no server needed."""
    from outrider.offline import run_replay

    run_replay(capture, out, fences=fences, plan=plan, settings=settings, shuffle=shuffle)


@app.command()
def decode(
    format: Annotated[str, typer.Option("--format", help="Name of the wire format.")],  # noqa: A002 - the contract's word
    topic: Annotated[str | None, typer.Option("--topic", help="Topic that the payloads came on.")] = None,
) -> None:
    """Payloads on standard input, one a line (`hex:` for binary); fixes as JSON lines out."""
    from outrider.offline import run_decode

    raise typer.Exit(run_decode(format, topic))


@keys.command("create")
def keys_create(
    role: Annotated[Role, typer.Option(help="What its bearer may do.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's data; else all.")] = None,
) -> None:
    """Make an API key and print it, once."""
    from outrider.tiers.database import run_create_key

    run(run_create_key(start("keys"), role, name, tenant))
