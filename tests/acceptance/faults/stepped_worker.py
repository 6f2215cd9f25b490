"""`outrider worker` on a machine whose clock can be stepped. Run as a program it reads one number a line from standard input, and
from then on the wall clock, as the worker reads it, is off by so many seconds.

Only the wall clock steps, as on a real machine: the monotonic clock, on which timers run, goes on. The worker reads the wall clock
in three places (`test_clock.py` holds the list to the sources); each gets the stepped one.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import UTC, datetime, timedelta, tzinfo

#: Modules of the worker that read the wall clock, and by what.
READERS = {
    "ingest/worker.py": "datetime.now",
    "ingest/sources/paho_connection.py": "time.time_ns",
    "mqttwire/connection.py": "time.time_ns",
    "outrider/tiers/database.py": "datetime.now",
}

_true_time_ns = time.time_ns


class Clock:
    """The machine's clock, and by how much it is off."""

    offset_s = 0.0

    def time_ns(self) -> int:
        return _true_time_ns() + round(self.offset_s * 1e9)

    def now(self, zone: tzinfo = UTC) -> datetime:
        return datetime.now(zone) + timedelta(seconds=self.offset_s)

    def obey(self) -> None:
        """Step when told to, until the test closes its end."""
        for line in sys.stdin:
            self.offset_s = float(line)


def main() -> None:
    """`outrider worker` with the stepped clock."""
    import ingest.worker
    import outrider.tiers.database
    from outrider import cli

    clock = Clock()
    time.time_ns = clock.time_ns
    for module in (ingest.worker, outrider.tiers.database):
        module.datetime = clock  # type: ignore[attr-defined] # each uses of it `now` alone
    threading.Thread(target=clock.obey, daemon=True, name="clock").start()
    sys.argv = ["outrider", "worker"]
    cli.main()


if __name__ == "__main__":
    main()
