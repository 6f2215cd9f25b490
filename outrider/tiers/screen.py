"""Where the built screen lies."""

from __future__ import annotations

from pathlib import Path

from outrider.settings import Settings

_ROOT = Path(__file__).parents[2]


def web_dir(settings: Settings) -> Path | None:
    """The folder with the built page; None where it was not built."""
    folder = settings.web_dir or _ROOT / "web" / "dist"
    return folder if (folder / "index.html").is_file() else None
