"""What a person at a terminal sees: progress of long work, and errors as one clear line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fleet.errors import OutriderError
from outrider.logs import hide_secrets

Result = TypeVar("Result")

#: Progress and remarks go to standard error: standard output is for results.
to_person = Console(stderr=True, highlight=False)


def fail(problem: OutriderError) -> None:
    """Say what is wrong in one line on standard error."""
    sys.stderr.write(f"outrider: {hide_secrets(' '.join(str(problem).split()))}\n")


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress line on a terminal, nothing elsewhere. Gives a function that takes how much is done so far."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=to_person, transient=True, disable=not to_person.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
