"""`outrider up --demo` as a stranger meets it: one command, and vans move, arrive and are told of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from websockets.sync.client import connect

from outrider.ports import free_port

ADMIN_KEY = "an-admin-key-for-this-test-alone"
VANS = 40
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Running:
    base_url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, headers={"Authorization": f"Bearer {ADMIN_KEY}"}, timeout=10)


def run_up(folder: Path, port: int) -> Running:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")}
    environment["OUTRIDER_ADMIN_KEY"] = ADMIN_KEY
    log = folder / "up.log"
    command = [sys.executable, "-m", "outrider", "up", "--demo", "--data-dir", str(folder / "data")]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--http-port", str(port), "--mqtt-port", str(free_port("127.0.0.1"))],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Running(base_url=f"http://127.0.0.1:{port}", process=process, log=log)


def end(running: Running) -> int:
    running.process.send_signal(signal.SIGTERM)
    try:
        return running.process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(running.process.pid, signal.SIGKILL)
        raise


def until(what: str, holds: Callable[[], Any], running: Running, within_s: float = 150.0) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        assert running.process.poll() is None, f"it ended: {running.log.read_text()[-3000:]}"
        try:
            found = holds()
        except httpx.HTTPError:
            found = None
        if found:
            return found
        time.sleep(0.5)
    pytest.fail(f"no {what} within {within_s:.0f} s: {running.log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    one = run_up(tmp_path_factory.mktemp("up"), free_port("127.0.0.1"))
    try:
        with one.client as client:
            until("ready server", lambda: client.get("/readyz").status_code == httpx.codes.OK, one)
        yield one
    finally:
        end(one)


@pytest.mark.slow
def test_forty_vans_are_on_the_map(running: Running) -> None:
    with running.client as client:
        items = until("40 positions", lambda: _positions(client, VANS), running)
    assert len({item["vehicle"] for item in items}) == VANS


@pytest.mark.slow
def test_a_reader_gets_positions_an_arrival_and_predictions(running: Running) -> None:
    url = running.base_url.replace("http", "ws", 1) + "/v1/live"
    wanted = {"snapshot", "positions", "stop.arrived", "eta"}
    seen: set[str] = set()
    with connect(url, additional_headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as socket:
        socket.send(orjson.dumps({"subscribe": {}, "events": True, "etas": True, "max_hz": 2, "since": 0}).decode())
        deadline = time.monotonic() + 170
        while seen != wanted and time.monotonic() < deadline:
            message = orjson.loads(socket.recv(timeout=30))
            kind = message["event"]["type"] if message["type"] == "event" else message["type"]
            seen |= {kind} & wanted
    assert seen == wanted


@pytest.mark.slow
def test_vans_move_on_between_two_looks(running: Running) -> None:
    with running.client as client:
        before = {item["vehicle"]: item["time"] for item in until("positions", lambda: _positions(client, VANS), running)}
        until("newer positions", lambda: all(i["time"] > before[i["vehicle"]] for i in _positions(client, VANS) or ()), running)


@pytest.mark.slow
def test_an_alert_reaches_the_demos_receiver_signed(running: Running) -> None:
    until("alert", lambda: "alert received: stop.arrived" in running.log.read_text(), running)


@pytest.mark.slow
def test_every_stop_has_its_order_and_customer(running: Running) -> None:
    with running.client as client:
        orders = until("orders", lambda: client.get("/v1/orders", params={"limit": 5}).json()["items"], running)
    assert all(order["customer"] and order["stop"] and order["promise"] for order in orders)


@pytest.mark.slow
def test_no_key_is_in_the_log(running: Running) -> None:
    text = running.log.read_text()
    assert ADMIN_KEY not in text
    assert "Bearer " not in text.replace("Bearer ***", "")


@pytest.mark.slow
def test_a_stop_is_clean_and_a_second_start_goes_on(tmp_path: Path) -> None:
    port = free_port("127.0.0.1")
    first = run_up(tmp_path, port)
    try:
        with first.client as client:
            until("first fixes", lambda: _positions(client, 1), first)
    finally:
        assert end(first) == 0
    again = run_up(tmp_path, port)
    try:
        with again.client as client:
            until("ready server", lambda: client.get("/readyz").status_code == httpx.codes.OK, again)
            kept = until("positions of before", lambda: _positions(client, 1), again)
    finally:
        assert end(again) == 0
    assert kept
    assert "Traceback" not in again.log.read_text()


def _positions(client: httpx.Client, at_least: int) -> list[dict[str, Any]] | None:
    items: list[dict[str, Any]] = client.get("/v1/positions").json()["items"]
    return items if len(items) >= at_least else None
