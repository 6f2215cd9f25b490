"""The fault matrix: what each test is for, and what it shows, is in docs/durability.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.faults.rig import Rig, running_rig
from tests.realparts.absence import PartMissingError, missing
from tests.realparts.database_servers import timescale_server
from tests.realparts.mosquitto import Mosquitto
from tests.realparts.postgres import PostgresServer

StartRig = Callable[..., AbstractContextManager[Rig]]


@pytest.fixture(scope="package")
def matrix_server() -> Iterator[PostgresServer]:
    """A TimescaleDB that these tests alone kill, freeze and fill; each leaves it running."""
    try:
        with timescale_server() as server:
            yield server
    except PartMissingError as problem:
        missing("TimescaleDB", str(problem))


@pytest.fixture
def start_rig(matrix_server: PostgresServer, start_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> StartRig:
    """`with start_rig() as rig`, by the keywords of `running_rig`; `broker` and `server` may be the test's own."""

    def start(**options: Any) -> AbstractContextManager[Rig]:
        broker = options.pop("broker", None) or start_mosquitto()
        server = options.pop("server", None) or matrix_server
        return running_rig(broker, server, tmp_path, **options)

    return start
