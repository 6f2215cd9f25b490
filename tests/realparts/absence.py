"""What happens when a real part cannot be had: skipped with the reason, but a failure where CI says `CI=true`."""

import os
from typing import NoReturn

import pytest


class PartMissingError(Exception):
    """A real part cannot be had on this machine; the message says why."""


def is_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing(part: str, reason: str) -> NoReturn:
    """End the running test: skipped with the reason, or failed where every part has to be there."""
    text = f"{part} is not available: {reason}"
    if is_ci():
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
