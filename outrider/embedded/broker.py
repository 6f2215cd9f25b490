"""The embedded MQTT broker: `async with embedded_broker(data, host=..., port=...) as broker: broker.url_as("worker")`.

Mosquitto where it is installed, with everything that ships in deploy/mosquitto; else amqtt, which is for trying out.
"""

import asyncio
import ipaddress
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from outrider.embedded.credentials import broker_passwords
from outrider.embedded.data_directory import DataDirectory
from outrider.embedded.errors import EmbeddedError, NothingInstalledError
from outrider.embedded.mosquitto import MosquittoInstall, find_mosquitto, write_configuration
from outrider.embedded.server_process import ServerProcess
from outrider.ports import is_free

AMQTT_SERVER = Path(__file__).with_name("amqtt_server.py")
READY_WITHIN_S = 60.0
# Mosquitto writes its whole queue when it stops.
STOP_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class EmbeddedBroker:
    """A running broker."""

    kind: Literal["mosquitto", "amqtt"]
    description: str  # for people: "Mosquitto 2.0.11"
    caution: str | None  # what a person should know about it, to be said once
    host: str
    port: int
    mqtt_versions: tuple[Literal["3.1.1", "5"], ...]
    is_open_to_trackers: bool  # trackers may report without a user name
    process: ServerProcess
    passwords: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"mqtt://{_bracketed(self.host)}:{self.port}"

    def url_as(self, account: str) -> str:
        """As one of Outrider's own accounts: worker, api or simulator. Holds the password: not for logs."""
        return f"mqtt://{account}:{quote(self.passwords[account], safe='')}@{_bracketed(self.host)}:{self.port}"

    async def watch(self) -> None:
        """Wait until it ends; raises ServerStoppedError where nobody asked for it."""
        await self.process.watch()


@asynccontextmanager
async def embedded_broker(
    data: DataDirectory, *, port: int, host: str = "127.0.0.1", mosquitto: MosquittoInstall | None = None
) -> AsyncIterator[EmbeddedBroker]:
    """A broker on host:port as long as the block; raises EmbeddedError with one clear line.

    On loopback trackers may report without a user name; on any other address everybody needs one.
    """
    if not is_free(host, port):
        raise EmbeddedError(f"port {port} on {host} is taken; name another with --mqtt-port")
    passwords = broker_passwords(data.path / "mqtt-passwords.json")
    try:
        install = mosquitto or find_mosquitto()
    except NothingInstalledError as problem:
        broker = await _start_amqtt(data, host, port, passwords, why=str(problem))
    else:
        broker = await _start_mosquitto(data, host, port, passwords, install)
    try:
        await broker.process.wait_ready(lambda: _accepts(host, port), within_s=READY_WITHIN_S)
        yield broker
    finally:
        await asyncio.shield(broker.process.stop(within_s=STOP_WITHIN_S))


async def _start_mosquitto(
    data: DataDirectory, host: str, port: int, passwords: Mapping[str, str], install: MosquittoInstall
) -> EmbeddedBroker:
    home = data.server_home("mosquitto")
    is_open = _is_loopback(host)
    configuration = await asyncio.to_thread(
        write_configuration, home, install, host=host, port=port, passwords=passwords, is_open_to_trackers=is_open
    )
    process = await ServerProcess.start(
        "Mosquitto",
        [install.program, "-c", configuration],
        log=home.path / "server.log",
        account=home.account,
        stop_signal=signal.SIGTERM,
    )
    return EmbeddedBroker(
        kind="mosquitto",
        description=f"Mosquitto {install.version}",
        caution=None,
        host=host,
        port=port,
        mqtt_versions=("3.1.1", "5"),
        is_open_to_trackers=is_open,
        process=process,
        passwords=passwords,
    )


async def _start_amqtt(data: DataDirectory, host: str, port: int, passwords: Mapping[str, str], *, why: str) -> EmbeddedBroker:
    """As ourselves, also as root: it is Python code of our own environment, which no other account may be able to read."""
    if not _is_loopback(host):
        raise EmbeddedError(f"{why}, and amqtt, which asks nobody for a password, is not put on {host}")
    process = await ServerProcess.start(
        "amqtt",
        # By its path, without looking for modules beside it: it finds amqtt wherever it is started.
        [sys.executable, "-P", AMQTT_SERVER, host, str(port)],
        log=data.path / "amqtt.log",
        account=None,
        stop_signal=signal.SIGTERM,
    )
    return EmbeddedBroker(
        kind="amqtt",
        description="amqtt",
        caution=f"{why}; amqtt takes its place, for trying out: it speaks MQTT 3.1.1 only and forgets everything",
        host=host,
        port=port,
        mqtt_versions=("3.1.1",),
        is_open_to_trackers=True,
        process=process,
        passwords=passwords,
    )


async def _accepts(host: str, port: int) -> bool:
    """Whether somebody listens there; 0.0.0.0 and :: are asked on loopback."""
    address = ipaddress.ip_address(host) if _is_address(host) else None
    target = host if address is None or not address.is_unspecified else ("::1" if address.version == 6 else "127.0.0.1")
    try:
        _, writer = await asyncio.open_connection(target, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
