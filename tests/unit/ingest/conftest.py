"""What the tests of ingest share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def read_hfp() -> Callable[[Path], list[tuple[str, bytes]]]:
    """Reads a recording: lines of receipt, topic (which may hold spaces) and payload."""

    def read(path: Path) -> list[tuple[str, bytes]]:
        messages = []
        for line in path.read_text().splitlines():
            head, _, payload = line.partition(" {")
            messages.append((head.partition(" ")[2], b"{" + payload.encode()))
        return messages

    return read
