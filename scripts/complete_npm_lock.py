"""Completes web/package-lock.json with the optional packages that the registry did not have when it was made.

npm leaves out an optional package (the binary of another platform) that it cannot find, and `npm ci` then refuses the
lock as out of step with what asks for it. Such a package gets an entry with the version that was asked for and with
the platform that its name says, so that it is looked for only there. Part of `make lock`.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[1] / "web" / "package-lock.json"
EXACT = re.compile(r"\d+\.\d+\.\d+(-[\w.]+)?")
PLATFORM = re.compile(r"(aix|android|darwin|freebsd|linux|netbsd|openbsd|sunos|win32)-(\w+)(?:-(musl|gnu|msvc|eabi))?$")


def main() -> int:
    lock = json.loads(LOCK.read_text())
    packages: dict[str, Any] = lock["packages"]
    for name, version, is_dev in list(_missing(packages)):
        packages[f"node_modules/{name}"] = _entry(name, version, is_dev=is_dev)
        sys.stderr.write(f"{LOCK.name}: {name} {version} was not found; locked by its version alone\n")
    root = packages.pop("")
    lock["packages"] = {"": root, **dict(sorted(packages.items()))}
    LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
    return 0


def _missing(packages: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Name, version and whether only development asks for it, of optional packages that have no entry at all."""
    present = {path.rpartition("node_modules/")[2] for path in packages}
    for asking in packages.values():
        for name, wanted in asking.get("optionalDependencies", {}).items():
            if name not in present and EXACT.fullmatch(wanted):
                yield name, wanted, bool(asking.get("dev"))


def _entry(name: str, version: str, *, is_dev: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"version": version, "optional": True}
    if is_dev:
        entry["dev"] = True
    if platform := PLATFORM.search(name):
        system, processor, variant = platform.groups()
        entry |= {"os": [system], "cpu": [processor]}
        if system == "linux" and variant in {"musl", "gnu"}:
            entry["libc"] = ["musl" if variant == "musl" else "glibc"]
    return entry


if __name__ == "__main__":
    sys.exit(main())
