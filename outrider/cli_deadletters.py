"""`outrider deadletters list|retry|drop`: what was refused, for somebody to look at, to try again, or to throw away."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.screening import Reason
from outrider.deadletters import Selection, run_drop, run_list, run_retry
from outrider.running import run, start

app = typer.Typer(help="Messages that were refused, with the reason.", no_args_is_help=True)

_Numbers = Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="These alone, by the numbers that `list` gives.")]
_Reason = Annotated[Reason | None, typer.Option("--reason", help="Refused for this.")]
_Tenant = Annotated[str | None, typer.Option("--tenant", help="Of this tenant.")]
_Topic = Annotated[str | None, typer.Option("--topic", help="On topics like this MQTT filter, as in fleet/acme/+/fix.")]
_All = Annotated[bool, typer.Option("--all", help="All of them, where nothing else says which.")]


@app.command("list")
def list_them(
    numbers: _Numbers = None,
    reason: _Reason = None,
    tenant: _Tenant = None,
    topic: _Topic = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest first, so many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, whole, with the payload.")] = False,
) -> None:
    """The newest dead letters."""
    selection = Selection(numbers=numbers or (), reason=reason, tenant=tenant, topic=topic)
    run(run_list(start("deadletters"), selection, limit=limit, as_json=json))


@app.command()
def retry(
    numbers: _Numbers = None,
    reason: _Reason = None,
    tenant: _Tenant = None,
    topic: _Topic = None,
    every: _All = False,
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Wait so many seconds for the worker to have tried them.")] = 60,
) -> None:
    """Let the worker take these messages in again, as they came, by the rules and settings of today."""
    selection = _chosen(Selection(numbers=numbers or (), reason=reason, tenant=tenant, topic=topic), every)
    run(run_retry(start("deadletters"), selection, wait_s=wait_s))


@app.command()
def drop(
    numbers: _Numbers = None,
    reason: _Reason = None,
    tenant: _Tenant = None,
    topic: _Topic = None,
    every: _All = False,
) -> None:
    """Throw dead letters away."""
    selection = _chosen(Selection(numbers=numbers or (), reason=reason, tenant=tenant, topic=topic), every)
    run(run_drop(start("deadletters"), selection))


def _chosen(selection: Selection, every: bool) -> Selection:
    """Raises BadParameter (exit code 2) where it is not said which: nobody empties the box by leaving something out."""
    if every == selection.is_narrow:
        raise typer.BadParameter("say which: numbers, --reason, --tenant or --topic; or --all and none of these")
    return selection
