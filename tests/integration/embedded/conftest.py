"""A place for embedded servers: pytest's own folders are closed to the account that root runs the servers as."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.embedded.data_directory import DataDirectory, open_data_directory
from tests.realparts.scratch import scratch_folder


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may pass through, with a path short enough for a socket."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def data(place: Path) -> Iterator[DataDirectory]:
    """An opened data directory."""
    with open_data_directory(place / "data", machine_home=place / "machine") as opened:
        yield opened
