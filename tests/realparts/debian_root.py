"""A Debian 13 root with TimescaleDB, for machines whose own release has no package of it (Debian 12).

Made once with debootstrap and kept; the mirror is the one that the machine's own apt sources name. Owns making and
finding the root; running PostgreSQL in it is `tests.realparts.timescale`'s.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.realparts.absence import PartMissingError

RELEASE = "trixie"
PACKAGE = "postgresql-17-timescaledb"
BIN_DIR = Path("usr/lib/postgresql/17/bin")
KEEP_VARIABLE = "OUTRIDER_TEST_ROOT"
DEFAULT_ROOT = Path("/var/cache/outrider") / RELEASE
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MAKE_WITHIN_S = 540


def debian_root() -> Path:
    """The root, made now if it is not there yet (about a minute); raises PartMissingError with the reason."""
    root = Path(os.environ.get(KEEP_VARIABLE) or DEFAULT_ROOT)
    if os.geteuid() != 0:
        raise PartMissingError("a Debian 13 root can only be made and entered by root")
    try:
        root.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with _only_one_at_a_time(root):
            if not (root / BIN_DIR / "postgres").exists():
                _make(root)
    except OSError as problem:
        raise PartMissingError(f"{root} cannot be written ({problem.strerror}); {KEEP_VARIABLE} names another place") from problem
    return root


def _make(root: Path) -> None:
    """Into a directory beside it, renamed when whole: what was interrupted is never taken for a finished root."""
    debootstrap = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if debootstrap is None:
        raise PartMissingError("the program debootstrap is not installed (package debootstrap)")
    mirror = _debian_mirror()
    for leftover in root.parent.glob(f"{root.name}.making-*"):
        shutil.rmtree(leftover)
    unfinished = Path(tempfile.mkdtemp(dir=root.parent, prefix=f"{root.name}.making-"))
    unfinished.chmod(0o755)
    command = [debootstrap, "--variant=minbase", f"--include={PACKAGE}"]
    command += [f"--keyring={KEYRING}"] if KEYRING.exists() else []
    print(f"making a Debian 13 root with TimescaleDB in {root} (once, about a minute)", flush=True)  # noqa: T201
    try:
        _run_debootstrap([*command, RELEASE, str(unfinished), mirror])
        _drop_what_is_not_needed(unfinished)
        unfinished.rename(root)
    finally:
        if unfinished.exists():
            shutil.rmtree(unfinished)


def _run_debootstrap(command: list[str]) -> None:
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MAKE_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise PartMissingError(f"debootstrap took longer than {MAKE_WITHIN_S} s") from problem
    if answer.returncode != 0:
        said = [line for line in f"{answer.stdout}\n{answer.stderr}".splitlines() if line.startswith(("E:", "W:"))]
        raise PartMissingError(f"debootstrap failed: {' '.join(said[-2:]) or answer.stderr[-300:]}")


def _drop_what_is_not_needed(root: Path) -> None:
    """Downloaded packages, and the cluster that the package made for itself."""
    for folder in ("var/cache/apt", "var/lib/apt/lists", "var/lib/postgresql/17/main"):
        shutil.rmtree(root / folder, ignore_errors=True)


def _debian_mirror() -> str:
    """The address of the Debian archive that this machine's apt uses (apt itself reads its .list and .sources)."""
    apt_get = shutil.which("apt-get")
    if apt_get is None:
        raise PartMissingError("this is no Debian machine: there is no apt to take the mirror from")
    listing = subprocess.run(
        [apt_get, "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    suites = {_own_codename(), RELEASE, "stable", "oldstable", "testing", "sid", "unstable"}
    for line in listing.stdout.splitlines():
        match line.split():
            case [address, suite, "main"] if suite in suites and _offers_release(address):
                return address
    raise PartMissingError(f"no apt source of this machine is a Debian archive that holds {RELEASE}")


def _offers_release(address: str) -> bool:
    """Whether the archive holds the release: asked through apt's own downloader, which knows proxies and passwords."""
    if not address.startswith(("http://", "https://", "file:", "copy:", "mirror")):
        return False
    helper = shutil.which("apt-helper", path="/usr/lib/apt") or "/usr/lib/apt/apt-helper"
    with tempfile.TemporaryDirectory(prefix="outrider-mirror-") as scratch:
        answer = subprocess.run(
            [helper, "download-file", f"{address.rstrip('/')}/dists/{RELEASE}/InRelease", f"{scratch}/InRelease"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return answer.returncode == 0


def _own_codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return RELEASE


@contextmanager
def _only_one_at_a_time(root: Path) -> Iterator[None]:
    """Two test runs on one machine do not make the same root at once."""
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
