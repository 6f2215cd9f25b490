"""Folders of one test run, removed with it; what a killed run left behind is removed by the next one."""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "outrider-tests-"
LOCK = "alive"


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that every account may pass through, as long as the block; by default among the temporary files."""
    within = Path(tempfile.gettempdir()) if parent is None else parent
    _remove_dead(within)
    folder = Path(tempfile.mkdtemp(dir=within, prefix=PREFIX))
    folder.chmod(0o755)
    with (folder / LOCK).open("w") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _remove_dead(within: Path) -> None:
    """The lock of a living run is held; a folder without one is only just being made, or somebody else's."""
    for folder in within.glob(f"{PREFIX}*"):
        try:
            with (folder / LOCK).open("r+") as alive:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _unmount_below(folder)
                shutil.rmtree(folder)
        except (BlockingIOError, FileNotFoundError, PermissionError):
            continue


def _unmount_below(folder: Path) -> None:
    """The small file systems of a test whose run was killed."""
    mounts = Path("/proc/self/mounts")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    for place in [line.split(" ")[1] for line in lines]:
        if Path(place).is_relative_to(folder.resolve()):
            subprocess.run(["umount", "--lazy", place], check=True)
