"""deploy/mosquitto/start.sh and mosquitto.conf, run as the container would, with folders and a port of the test's own."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiomqtt
import pytest

from outrider.embedded.account import give, server_account
from tests.realparts.mosquitto import SHIPPED
from tests.realparts.process import accepts, free_port, start_child, stop_child, wait_until
from tests.realparts.scratch import scratch_folder

pytestmark = pytest.mark.usefixtures("mosquitto")
PASSWORDS = {"WORKER_PASSWORD": "of-the-worker", "API_PASSWORD": "of-the-api", "SIMULATOR_PASSWORD": ""}


class Container:
    """The shipped files in a folder of the test's own, as docker-compose.yml mounts them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.account = server_account()
        self.configuration = give(folder / "config", self.account)
        self.data = give(folder / "data", self.account)
        give(self.configuration / "conf.d", self.account)
        for name, target in (("acl.conf", "acl.conf"), ("tuning.conf", "conf.d/tuning.conf"), ("mosquitto.conf", "mosquitto.conf")):
            self._place(target, (SHIPPED / name).read_text())
        self._place("start.sh", (SHIPPED / "start.sh").read_text())

    def _place(self, target: str, text: str) -> None:
        text = text.replace("/mosquitto/config", str(self.configuration)).replace("/mosquitto/data", str(self.data))
        path = self.configuration / target
        path.write_text(text.replace("listener 1883\n", f"listener {self.port} 127.0.0.1\n"))
        path.chmod(0o644)

    @contextmanager
    def running(self) -> Iterator[None]:
        log = self.configuration.parent / "log"
        command = ["/bin/sh", str(self.configuration / "start.sh"), str(self.configuration), str(self.data)]
        environment = [f"{name}={value}" for name, value in PASSWORDS.items()]
        path = f"PATH={os.environ.get('PATH', '')}:/usr/sbin"
        child = start_child(["env", path, *environment, *command], log=log, account=self.account)
        try:
            wait_until(lambda: accepts(self.port), child, log=log, what="Mosquitto")
            yield
        finally:
            stop_child(child, child.terminate)

    def add_tracker(self, user: str, password: str) -> None:
        path = self.data / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", str(path), user, password], check=True)
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def client(self, user: str, password: str) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.port, username=user, password=password, timeout=5)


@pytest.fixture
def container() -> Iterator[Container]:
    with scratch_folder() as folder:
        yield Container(folder)


async def test_accounts_of_trackers_stay_when_the_broker_starts_again(container: Container) -> None:
    with container.running():
        pass
    container.add_tracker("acme/van-7", "seven")
    with container.running():
        async with container.client("worker", "of-the-worker") as worker, container.client("acme/van-7", "seven") as tracker:
            await worker.subscribe("fleet/#", qos=1)
            await tracker.publish("fleet/acme/van-7/fix", b"{}", qos=1)
            async with asyncio.timeout(30):
                assert (await anext(worker.messages)).topic.value == "fleet/acme/van-7/fix"


async def test_nobody_comes_in_without_a_password_and_none_lies_in_the_open(container: Container) -> None:
    with container.running():
        for user, password in (("worker", "guess"), ("simulator", "")):
            with pytest.raises(aiomqtt.MqttError):
                async with container.client(user, password):
                    pass
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", container.port, timeout=5):
                pass
        written = "".join(path.read_text(errors="replace") for path in container.data.iterdir())
    assert "of-the-worker" not in written


def test_it_does_not_start_with_an_empty_password(container: Container) -> None:
    folders = [str(container.configuration), str(container.data)]
    command = ["/bin/sh", f"{container.configuration}/start.sh", *folders]
    environment = {**os.environ, "WORKER_PASSWORD": "", "API_PASSWORD": "x"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "set OUTRIDER_MQTT_WORKER_PASSWORD in .env" in answer.stderr
