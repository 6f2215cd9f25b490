"""The body of a webhook: `{"type", "timestamp", "data"}`, where `data` is the event. Always below 20 kB."""

from __future__ import annotations

from typing import Any, Final

import orjson

#: Standard Webhooks 1.0 advises less than 20 kB.
MOST_BYTES: Final = 20_000


def webhook_body(event: dict[str, Any]) -> bytes:
    """The event as a receiver gets it. Where it is too large the largest members of its `data` are left out, and named in
    `truncated`; the whole event is at `GET /v1/events`."""
    body = _body(event)
    if len(body) < MOST_BYTES:
        return body
    data = dict(event.get("data", {}))
    left_out: list[str] = []
    for name in sorted(data, key=lambda name: len(orjson.dumps(data[name])), reverse=True):
        del data[name]
        left_out.append(name[:100])
        body = _body({**event, "data": {**data, "truncated": left_out[:50]}})
        if len(body) < MOST_BYTES:
            return body
    return body


def _body(event: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": event["type"], "timestamp": event["occurred_at"], "data": event})
