"""The recordings that lie beside the checkout, in `../shared`: where they are, or why a test is skipped."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY / ".." / "shared"


def shared_path(*parts: str) -> Path:
    """A file or folder of the recordings; the test that asks is skipped where it is not there.

    Not a failure under CI either: the recordings are no part of this repository.
    """
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{Path('..', 'shared', *parts)} is not there")
    return path
