"""Whether the service is alive, and whether it is of use: database, live bus, worker."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    is_good: bool
    #: For the person who looks; holds no address and no secret.
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.is_good, "detail": self.detail}


async def check_all(services: Services) -> dict[str, Check]:
    """What `/readyz` tells, by part."""
    checks = {"database": await _database(services), "broker": _broker(services), "tasks": _tasks(services)}
    if services.settings.expects_worker:
        checks["worker"] = _worker(services)
    return checks


async def _database(services: Services) -> Check:
    try:
        async with asyncio.timeout(5.0):
            is_reachable = await services.store.is_reachable()
    except TimeoutError:
        is_reachable = False
    return Check(is_good=is_reachable, detail="reachable" if is_reachable else "cannot be reached")


def _broker(services: Services) -> Check:
    if not services.bus.is_connected:
        return Check(is_good=False, detail="cannot be reached")
    if not services.hub.is_current:
        return Check(is_good=False, detail="reachable; positions are being loaded")
    return Check(is_good=True, detail="reachable")


def _tasks(services: Services) -> Check:
    failure = services.tasks.failure
    return Check(is_good=failure is None, detail="running" if failure is None else f"{failure.name} failed")


def _worker(services: Services) -> Check:
    signs = services.hub.workers.newest(time.monotonic(), services.settings.worker_heard_within_s)
    if not signs:
        return Check(is_good=False, detail=f"not heard of for {services.settings.worker_heard_within_s:.0f} s")
    late = [sign for sign in signs if not sign.is_ready]
    if late:
        return Check(is_good=False, detail="; ".join(str(sign.said.get("detail") or "not ready") for sign in late))
    return Check(is_good=True, detail=f"{len(signs)} current" if len(signs) > 1 else "current")
