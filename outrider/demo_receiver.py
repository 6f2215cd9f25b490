"""A subscriber of its own for the demo: receives webhooks on loopback, checks their signatures, and says in the log what came.

It shows that alerts really go out, and how little a receiver has to do (`docs/webhooks.md`).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import logging
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from fleet.subscription import Subscription
from store.protocol import NotFound, Store

log = logging.getLogger(__name__)

_REMEMBERED_IDS: Final = 10_000
_SUBSCRIPTION: Final = "demo-receiver"


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether one of the signatures fits (Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + body
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    offered = (part.partition(",") for part in headers.get("webhook-signature", "").split())
    return any(version == "v1" and hmac.compare_digest(signature, wanted) for version, _, signature in offered)


def receiver_app(secret: str) -> FastAPI:
    """The receiver. Answers 401 to what is not signed, 200 to the rest; a repeated id is not told twice."""
    app = FastAPI(openapi_url=None)
    seen: deque[str] = deque(maxlen=_REMEMBERED_IDS)

    @app.post("/alerts")
    async def receive(request: Request) -> Response:
        body = await request.body()
        if not is_signed(request.headers, body, secret):
            return Response(status_code=401)
        identifier = request.headers["webhook-id"]
        if identifier not in seen:
            seen.append(identifier)
            _tell(orjson.loads(body))
        return Response(status_code=200)

    return app


def _tell(alert: dict[str, Any]) -> None:
    data = alert.get("data", {})
    detail = data.get("data", data)
    subject = detail.get("stop") or detail.get("fence") or ""
    log.info("alert received: %s %s %s", alert.get("type"), data.get("vehicle", ""), subject)


async def subscribe_receiver(store: Store, *, tenant: str, port: int, now: datetime) -> str:
    """Subscribe the receiver to arrivals and delays, instead of that of an earlier start. Returns the signing secret."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with contextlib.suppress(NotFound):
        await store.subscriptions.delete(tenant, _SUBSCRIPTION)
    subscription = Subscription(
        id=_SUBSCRIPTION,
        tenant=tenant,
        url=f"http://127.0.0.1:{port}/alerts",
        types=("stop.arrived", "stop.at_risk", "stop.delayed", "stop.recovered"),
        secrets=(secret,),
        created_at=now,
    )
    await store.subscriptions.create(subscription)
    return secret


async def serve_receiver(port: int, secret: str) -> None:
    """Serve until cancelled, on loopback only."""
    config = uvicorn.Config(receiver_app(secret), host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")
    await uvicorn.Server(config).serve()
