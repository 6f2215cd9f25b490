"""Mosquitto for tests: the installed program with the shipped tuning, on an ephemeral port, in a directory of its own.

A test can have passwords, access rules, TLS and client certificates, and can stop, kill, freeze and restart its broker.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from outrider.embedded.account import Account, give, server_account
from tests.realparts.absence import PartMissingError
from tests.realparts.certificates import KeyPair
from tests.realparts.process import accepts, free_port, start_child, stop_child, wait_until
from tests.realparts.scratch import scratch_folder

#: Where it keeps sessions and queues.
DATABASE = "mosquitto.db"
SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"


@dataclass(frozen=True, kw_only=True)
class BrokerOptions:
    """How a test wants its broker. Without users everybody may do everything."""

    users: Mapping[str, str] = field(default_factory=dict)
    shipped_acl: bool = False
    tls: KeyPair | None = None
    client_authority: Path | None = None  # set: clients need a certificate of this authority, its name is the user
    overrides: Mapping[str, str] = field(default_factory=dict)  # of the shipped tuning


class Mosquitto:
    """One broker. `stop` writes its queues to disk as a clean stop does, `kill` does not."""

    def __init__(self, directory: Path, options: BrokerOptions, account: Account | None) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.version = mosquitto_version()
        self.process: subprocess.Popen[bytes] | None = None
        self._directory = directory
        self._options = options
        self._account = account
        self._log = directory / "mosquitto.log"

    @property
    def url(self) -> str:
        """Without credentials: a test that needs them puts them in."""
        return f"{'mqtts' if self._options.tls else 'mqtt'}://{self.host}:{self.port}"

    def url_as(self, user: str) -> str:
        """As one of the users that the options named."""
        scheme, _, place = self.url.partition("://")
        return f"{scheme}://{user.replace('/', '%2F')}:{self._options.users[user]}@{place}"

    def start(self) -> None:
        """On the same port and data as before."""
        configuration = self._write_configuration()
        program = mosquitto_program()
        self.process = start_child([program, "-c", configuration], log=self._log, account=self._account)
        wait_until(lambda: accepts(self.port), self.process, log=self._log, what="Mosquitto")

    def stop(self) -> None:
        """A clean stop: sessions and queues are on disk."""
        if self.process is not None:
            stop_child(self.process, self.process.terminate)

    def kill(self) -> None:
        """kill -9: what was not saved yet is lost, as the shipped tuning says."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def suspend(self) -> None:
        """SIGSTOP: connections stay open and nothing comes."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended broker go on."""
        self._signal(signal.SIGCONT)

    def forget(self) -> None:
        """Between a stop and a start: the broker comes back without its sessions."""
        (self._directory / DATABASE).unlink(missing_ok=True)

    def wait_saved(self) -> None:
        """Return right after the next time that it writes sessions and queues to disk."""
        path = self._directory / DATABASE
        before = path.stat().st_mtime_ns if path.exists() else 0
        assert self.process is not None
        wait_until(
            lambda: path.exists() and path.stat().st_mtime_ns > before, self.process, log=self._log, what="Mosquitto's next save"
        )

    def adopt(self, other: Mosquitto) -> None:
        """Between a stop and a start: come back with what another broker has on disk."""
        path = self._directory / DATABASE
        shutil.copyfile(other._directory / DATABASE, path)
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def log(self) -> str:
        """What the broker said so far."""
        return self._log.read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _write_configuration(self) -> Path:
        lines = [f"listener {self.port} {self.host}", *self._security_lines(), *_tuning(self._options.overrides)]
        lines += [f"persistence_location {self._directory}/", "log_dest stdout", "connection_messages true"]
        return self._own("mosquitto.conf", "\n".join(lines) + "\n")

    def _security_lines(self) -> list[str]:
        options = self._options
        lines = [f"allow_anonymous {str(not options.users and options.client_authority is None).lower()}"]
        if options.users:
            lines.append(f"password_file {self._password_file()}")
        if options.shipped_acl:
            lines.append(f"acl_file {self._own('acl.conf', (SHIPPED / 'acl.conf').read_text())}")
        if options.tls is not None:
            certificate = self._own("server.pem", options.tls.certificate.read_text())
            key = self._own("server.key", options.tls.key.read_text())
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        if options.client_authority is not None:
            authority = self._own("clients.pem", options.client_authority.read_text())
            lines += [f"cafile {authority}", "require_certificate true", "use_identity_as_username true"]
        return lines

    def _password_file(self) -> Path:
        path = self._own("passwords", "".join(f"{user}:{word}\n" for user, word in self._options.users.items()))
        subprocess.run(["mosquitto_passwd", "-U", path], check=True, capture_output=True)
        return self._own("passwords", path.read_text())

    def _own(self, name: str, text: str) -> Path:
        """Write a file that the broker's account, and nobody else, can read."""
        path = self._directory / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)
        return path


@contextmanager
def running_mosquitto(options: BrokerOptions | None = None) -> Iterator[Mosquitto]:
    """A broker as long as the block; raises PartMissingError where Mosquitto is not installed."""
    mosquitto_program()
    account = server_account()
    with scratch_folder() as scratch:
        broker = Mosquitto(give(scratch / "mosquitto", account), options or BrokerOptions(), account)
        try:
            broker.start()
            yield broker
        finally:
            broker.resume()
            broker.kill()


def mosquitto_program() -> str:
    """The installed program; Debian keeps it in /usr/sbin, which is not on everybody's path."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise PartMissingError("the program mosquitto is not installed (package mosquitto)")
    return program


def mosquitto_version() -> str:
    answer = subprocess.run([mosquitto_program(), "-h"], capture_output=True, text=True, check=False)
    return answer.stdout.split()[2] if answer.stdout.startswith("mosquitto version") else "of unknown version"


def _tuning(overrides: Mapping[str, str]) -> list[str]:
    """The shipped tuning without the lines that the test replaces, and the replacements."""
    shipped = (SHIPPED / "tuning.conf").read_text().splitlines()
    kept = [line for line in shipped if line.split(" ", 1)[0] not in overrides]
    return [*kept, *(f"{name} {value}" for name, value in overrides.items())]
