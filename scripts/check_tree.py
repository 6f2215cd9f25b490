"""What no tracked file may hold: addresses of package registries and places of one machine. Part of `make check`.

Locks are made so that they name none (`make lock`); this finds what slips in by another way.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# Written so that this file does not match itself.
FORBIDDEN = {
    "an address of a package registry or mirror": re.compile(
        r"pypi[.]org|pythonhosted[.]org|registry[.](npmjs|yarnpkg)[.]|npmmirror[.]com|(deb|ftp|security|snapshot)[.]debian[.]org"
        r"|archive[.]ubuntu[.]com|index[-]url[=\s]\s*\w+:|find[-]links[=\s]\s*\S*/|trusted[-]host",
        re.IGNORECASE,
    ),
    "a place of one machine": re.compile(r"(?<![\w./-])/(work|root)/\w|/home/(?!node/|outrider/)\w+/"),
}
LOCKED_ADDRESS = re.compile(r'"resolved"\s*:\s*"(?!file:|[.])')


def main() -> int:
    findings = [finding for path in _tracked_files() for finding in _findings(path)]
    for finding in findings:
        sys.stderr.write(f"{finding}\n")
    return 1 if findings else 0


def _tracked_files() -> list[Path]:
    """What git tracks, and what it would track next."""
    # Also in a checkout that belongs to another account, as on some build machines.
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(REPOSITORY),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in listing.stdout.split("\0") if name]


def _findings(path: Path) -> Iterator[str]:
    try:
        lines = path.read_text().splitlines()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return  # no text, or deleted and not yet committed
    for number, line in enumerate(lines, start=1):
        for what, pattern in _patterns(path).items():
            if pattern.search(line):
                yield f"{path.relative_to(REPOSITORY)}:{number}: holds {what}"


def _patterns(path: Path) -> dict[str, re.Pattern[str]]:
    if path.name == "package-lock.json":
        return {**FORBIDDEN, "an address that npm would download from": LOCKED_ADDRESS}
    return FORBIDDEN


if __name__ == "__main__":
    sys.exit(main())
