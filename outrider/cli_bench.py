"""`outrider bench`: measurements that compare both sides in one run. The last line of output is one JSON object.

Each benchmark knows its own options (`outrider bench ingest --help`); they live in `bench/`, beside the houses they measure.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import typer

from fleet.errors import OutriderError

app = typer.Typer(help="Benchmarks; the last line of output is one JSON object.", no_args_is_help=True)

_PASS_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class NoBenchmarks(OutriderError):
    """`bench/` and what it needs are not installed."""


def _run(name: str, context: typer.Context) -> None:
    try:
        main = import_module(f"bench.{name}").main
    except ImportError as problem:
        raise NoBenchmarks(f"benchmarks run from a checkout that was set up with `make setup`: {problem}") from problem
    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASS_ON)
def ingest(context: typer.Context) -> None:
    """Messages/s from a QoS 1 publisher into committed rows, beside a bare sink and a bare COPY."""
    _run("ingest", context)


@app.command(context_settings=_PASS_ON)
def geofence(context: typer.Context) -> None:
    """Fixes/s of the whole engine by the number of fences, and bytes a vehicle."""
    _run("geofence", context)


@app.command(context_settings=_PASS_ON)
def routes(context: typer.Context) -> None:
    """What a fix costs in the engine of stops where every vehicle is on a route."""
    _run("routes", context)


@app.command(context_settings=_PASS_ON)
def arrivals(context: typer.Context) -> None:
    """False and missed arrivals on a simulated day of 500 vans, beside plain point in polygon."""
    _run("arrivals", context)


@app.command(context_settings=_PASS_ON)
def live(context: typer.Context) -> None:
    """From fix to screen with many readers, and what readers cost ingest."""
    _run("live", context)


@app.command(context_settings=_PASS_ON)
def eta(context: typer.Context) -> None:
    """Arrivals and ETAs on the recordings, scored against what really happened."""
    _run("eta", context)
