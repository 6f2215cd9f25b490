"""The installed Mosquitto as the embedded broker: its configuration, from the tuning and the access rules that ship.

Owns finding the program and writing its files; running it is `outrider.embedded.broker`'s.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from outrider.embedded.account import Account
from outrider.embedded.data_directory import ServerHome
from outrider.embedded.errors import EmbeddedError, NothingInstalledError

# In the checkout, and in an installed package (see pyproject.toml).
SHIPPED_PLACES: tuple[Path, ...] = (Path(__file__).parents[2] / "deploy" / "mosquitto", Path(__file__).parent / "shipped")
# Debian keeps the program where an ordinary account's path does not lead.
MORE_PATH = ":/usr/sbin:/usr/local/sbin"
OLDEST = (2, 0)
# On loopback a tracker needs no account: whoever can reach the port can read our files anyway. It may report and
# nothing else; rules above the first `user` line are those of clients without a user name.
ANONYMOUS_RULES = """\
topic write fleet/+/+/fix
topic write fleet/+/+/status
topic read  fleet/+/+/command
topic write fleet/+/+/command/+/reply
topic write /hfp/#
topic write owntracks/#
topic write +/data
topic write teltonika/+/data
topic write flespi/message/gw/devices/+
topic write v1/devices/+/telemetry
topic write v1/gateway/telemetry
topic write v3/+/devices/+/up
topic write traccar/+

"""


@dataclass(frozen=True, kw_only=True)
class MosquittoInstall:
    """The installed programs."""

    program: Path
    passwd_program: Path
    version: str


def find_mosquitto() -> MosquittoInstall:
    """Raises NothingInstalledError where there is none that Outrider can use."""
    path = os.environ.get("PATH", "") + MORE_PATH
    program, passwd = shutil.which("mosquitto", path=path), shutil.which("mosquitto_passwd", path=path)
    if program is None or passwd is None:
        raise NothingInstalledError("Mosquitto is not installed")
    answer = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=30, check=False)
    numbers = re.search(r"version (\d+)\.(\d+)\S*", answer.stdout)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
        raise NothingInstalledError(f"{program} is older than Mosquitto 2.0")
    return MosquittoInstall(program=Path(program), passwd_program=Path(passwd), version=numbers[0].split()[1])


def write_configuration(
    home: ServerHome,
    install: MosquittoInstall,
    *,
    host: str,
    port: int,
    passwords: Mapping[str, str],
    is_open_to_trackers: bool,
) -> Path:
    """Everything the broker reads, in its own folder; gives the path of the main file."""
    shipped = shipped_configuration()
    rules = (ANONYMOUS_RULES if is_open_to_trackers else "") + (shipped / "acl.conf").read_text()
    own_lines = [
        f"listener {port} {host}",
        f"allow_anonymous {str(is_open_to_trackers).lower()}",
        f"password_file {_write_passwords(home, install, passwords)}",
        f"acl_file {_write(home, 'acl.conf', rules)}",
        f"persistence_location {home.path}/",
        "log_dest stderr",
    ]
    return _write(home, "mosquitto.conf", "\n".join(own_lines) + "\n\n" + (shipped / "tuning.conf").read_text())


def shipped_configuration() -> Path:
    """The folder with `tuning.conf` and `acl.conf`."""
    for place in SHIPPED_PLACES:
        if (place / "tuning.conf").is_file():
            return place
    raise EmbeddedError(f"the shipped broker configuration is missing: neither of {', '.join(map(str, SHIPPED_PLACES))}")


def _write_passwords(home: ServerHome, install: MosquittoInstall, passwords: Mapping[str, str]) -> Path:
    """Handed over in a file and hashed in place, so that no password is ever an argument that others can see."""
    path = _write(home, "passwords", "".join(f"{user}:{password}\n" for user, password in passwords.items()))
    answer = subprocess.run([install.passwd_program, "-U", path], capture_output=True, text=True, check=False)
    hashed = path.read_text()
    if answer.returncode != 0 or any(password in hashed for password in passwords.values()):
        path.unlink()
        raise EmbeddedError(f"{install.passwd_program} could not hash the passwords: {answer.stderr.strip()}")
    return _write(home, "passwords", hashed)


def _write(home: ServerHome, name: str, text: str) -> Path:
    """Replace a file that only the broker's account may read."""
    path = home.path / name
    new = home.path / f"{name}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    _own(new, home.account)
    new.replace(path)
    return path


def _own(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)
