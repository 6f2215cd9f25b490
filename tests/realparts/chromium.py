"""The installed Chromium, for tests that look at a page as a user does."""

import shutil
import subprocess

from tests.realparts.absence import PartMissingError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell")


def chromium_program() -> str:
    """Its path; raises PartMissingError where none is installed."""
    for name in NAMES:
        program = shutil.which(name)
        if program is not None:
            return program
    raise PartMissingError(f"none of {', '.join(NAMES)} is installed (package chromium)")


def chromium_version() -> str:
    """As it says itself, for the closing lines."""
    answer = subprocess.run([chromium_program(), "--version"], capture_output=True, text=True, timeout=60, check=False)
    return answer.stdout.strip().removeprefix("Chromium ").split(" ", 1)[0] or "of unknown version"
