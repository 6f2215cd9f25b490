"""Commands that need no server: decode payloads, replay a capture."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from fleet.clock import to_micros
from fleet.errors import OutriderError
from ingest.formats import FORMATS, format_named
from ingest.formats.decode_lines import decode_lines


class UnknownFormat(OutriderError):
    """No such wire format."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no format {name!r}; there are {', '.join(one.name for one in FORMATS)}")


def run_decode(name: str, topic: str | None) -> int:
    """Standard input to standard output; problems go to standard error. Returns the exit code. Raises UnknownFormat."""
    of_format = format_named(name)
    if of_format is None:
        raise UnknownFormat(name)
    failed = False
    for line in decode_lines(of_format, sys.stdin.buffer, topic, to_micros(datetime.now(UTC))):
        if line.problem:
            failed = True
            sys.stderr.write(f"line {line.number}: {line.problem}\n")
        else:
            sys.stdout.buffer.write(line.text + b"\n")
            sys.stdout.buffer.flush()
    return int(failed)


def run_replay(
    capture: Path, out: Path, *, fences: Path | None, plan: Path | None, settings: Path | None, shuffle: int | None
) -> None:
    """Replay a capture through the whole pipeline, and say what came of it."""
    from ingest.replay import ReplayOptions, replay
    from outrider.console import progress, to_person
    from outrider.settings_file import NO_FILE, read_settings_file

    own = NO_FILE if settings is None else read_settings_file(settings)
    options = ReplayOptions(
        capture=capture,
        out=out,
        fences=fences,
        plan=plan,
        shuffle=shuffle,
        tenant_settings=own.tenant,
        vehicle_settings=own.vehicles,
    )
    with progress(f"replaying {capture.name}") as show:
        summary = replay(options, show)
    to_person.print(summary.describe(), soft_wrap=True)
