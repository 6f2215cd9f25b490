"""The network between the worker and its broker, and between the worker and its database: cut in the middle of packets at random
offsets in both directions, half-open, and slower than any packet."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from tests.acceptance.faults.conftest import StartRig
from tests.acceptance.worker_process import until
from tests.fault_proxy import FaultProxy, Side
from tests.realparts.mosquitto import Mosquitto
from tests.realparts.postgres import PostgresServer

pytestmark = [pytest.mark.mosquitto, pytest.mark.timescale, pytest.mark.slow, pytest.mark.timeout(600)]

CUTS = 6
#: Bytes after which a connection is cut: within the first packets of a handshake, up to within some commit or batch later on.
FEWEST, MOST = 1, 60_000
KEEP_ALIVE_S = 5


class ProxyThread:
    """The proxy on an event loop of its own, for tests that are plain sequence."""

    def __init__(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._proxy = FaultProxy(port)
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._thread.start()
        self._run(self._proxy.__aenter__())

    def close(self) -> None:
        self._run(self._proxy.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, fault: Callable[[FaultProxy], Any]) -> Any:
        """Let the proxy do something; the result."""

        async def act() -> Any:
            result = fault(self._proxy)
            return await result if asyncio.iscoroutine(result) else result

        return self._run(act())

    def has_cut(self, times: int) -> bool:
        return self._proxy.cuts >= times

    def through(self, url: str) -> str:
        return self._proxy.through(url)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


@contextmanager
def proxied(port: int) -> Iterator[ProxyThread]:
    proxy = ProxyThread(port)
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture(params=["broker", "database"])
def between(request: pytest.FixtureRequest) -> str:
    """Where the fault is: between the worker and this."""
    found: str = request.param
    return found


@pytest.fixture
def broker(start_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return start_mosquitto()


@pytest.fixture
def proxy(between: str, broker: Mosquitto, matrix_server: PostgresServer) -> Iterator[ProxyThread]:
    with proxied(broker.port if between == "broker" else matrix_server.port) as proxy:
        yield proxy


@pytest.fixture
def way(between: str, broker: Mosquitto, proxy: ProxyThread) -> dict[str, Any]:
    """Options of a rig whose worker goes through the proxy."""
    return {"broker": broker, "mqtt_url" if between == "broker" else "database_url": proxy.through}


def test_connections_cut_in_the_middle_of_packets(start_rig: StartRig, way: dict[str, Any], proxy: ProxyThread) -> None:
    seed = int(os.environ.get("OUTRIDER_TESTS_SEED") or random.randrange(1 << 32))
    print(f"seed {seed} (OUTRIDER_TESTS_SEED repeats it)")  # noqa: T201 - for the report of the run
    rng = random.Random(seed)
    with start_rig(**way) as rig:
        for number in range(CUTS):
            side, nbytes = rng.choice(list(Side)), round(FEWEST * (MOST / FEWEST) ** rng.random())
            proxy.call(partial(FaultProxy.cut_within, side=side, nbytes=nbytes))
            until(partial(proxy.has_cut, number + 1), rig.worker)
        rig.settle()
        rig.verdict()


@pytest.mark.parametrize("between", ["broker"], indirect=True)
def test_a_half_open_connection_is_found_and_replaced(start_rig: StartRig, way: dict[str, Any], proxy: ProxyThread) -> None:
    """Nothing comes back and nothing says so: keep-alive finds the broker gone. (The database's time limit is 75 s; with a shorter
    one it is shown in tests/integration/store/test_faults.py and test_claim.py.)"""
    with start_rig(**way, mqtt_keep_alive_s=str(KEEP_ALIVE_S)) as rig:
        rig.keep_flowing(1_000)
        before = proxy.call(lambda it: it.connections)
        proxy.call(lambda it: it.freeze())
        until(lambda: rig.worker.readiness()[0] == 503, rig.worker)
        until(lambda: rig.worker.readiness()[0] == 200, rig.worker)
        assert proxy.call(lambda it: it.connections) > before
        rig.settle()
        rig.verdict()


def test_bytes_that_come_slowly_in_small_pieces(start_rig: StartRig, way: dict[str, Any], proxy: ProxyThread) -> None:
    """No packet arrives whole, in either direction."""
    with start_rig(**way) as rig:
        proxy.call(lambda it: it.drip(7, 0.001))
        time.sleep(3)
        proxy.call(lambda it: it.cut())
        time.sleep(3)
        proxy.call(lambda it: it.drip(0, 0))
        rig.settle()
        rig.verdict()
