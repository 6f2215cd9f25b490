"""`python -m tests.realparts`: get the real parts before the tests run, and say what is there and what is not.

Exit code 1 only under CI=true, where every part has to be there.
"""

import sys
from collections.abc import Callable

from outrider.embedded.errors import EmbeddedError
from tests.realparts.absence import PartMissingError, is_ci
from tests.realparts.chromium import chromium_program
from tests.realparts.database_servers import timescale_programs
from tests.realparts.mosquitto import mosquitto_program, mosquitto_version


def main() -> int:
    parts: dict[str, Callable[[], str]] = {
        "Mosquitto": lambda: f"{mosquitto_version()} ({mosquitto_program()})",
        "TimescaleDB": timescale_programs,
        "Chromium": chromium_program,
    }
    absent = [name for name, find in parts.items() if not _say(name, find)]
    return 1 if is_ci() and absent else 0


def _say(name: str, find: Callable[[], str]) -> bool:
    try:
        print(f"{name}: {find()}", flush=True)  # noqa: T201
    except (PartMissingError, EmbeddedError) as problem:
        print(f"{name}: not available: {problem}", flush=True)  # noqa: T201
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
