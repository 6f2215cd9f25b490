"""`outrider bench`: measurements that compare both sides in one run. The last line of output is one JSON object."""

from __future__ import annotations

import typer

app = typer.Typer(help="Benchmarks; the last line of output is one JSON object.", no_args_is_help=True)
