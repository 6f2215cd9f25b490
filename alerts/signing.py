"""Signatures of Standard Webhooks 1.0, made and checked.

Signed is `<webhook-id>.<webhook-timestamp>.<body>` with HMAC-SHA256; the header holds `v1,<base64>` for each secret that is valid,
separated by spaces, so that a receiver can change over to a new secret at its own time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from fleet.errors import OutriderError

_KIND: Final = "whsec_"
TOLERANCE_S: Final = 300
_SCHEME: Final = "v1"


class BadSignature(OutriderError):
    """The request was not signed by this secret's owner, or is too old."""


def sign(secrets: Sequence[str], webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    return " ".join(f"{_SCHEME},{_signature(secret, webhook_id, timestamp_s, body)}" for secret in secrets)


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now_s: float, tolerance_s: float = TOLERANCE_S) -> str:
    """The webhook-id of a request that one of the secrets signed (`headers` by lower-case names). For receivers.

    Raises BadSignature. The id is the same for every attempt: a receiver that remembers ids does nothing twice.
    """
    try:
        webhook_id, timestamp_s = headers["webhook-id"], int(headers["webhook-timestamp"])
        offered = headers["webhook-signature"].split(" ")
    except (KeyError, ValueError) as error:
        raise BadSignature("a header is missing or wrong") from error
    if abs(now_s - timestamp_s) > tolerance_s:
        raise BadSignature("the request is too old, or the clocks differ")
    for secret in secrets:
        wanted = f"{_SCHEME},{_signature(secret, webhook_id, timestamp_s, body)}".encode()
        if any(hmac.compare_digest(wanted, one.encode()) for one in offered):
            return webhook_id
    raise BadSignature("no signature fits")


def _signature(secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    signed = f"{webhook_id}.{timestamp_s}.".encode() + body
    return base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_KIND), validate=True)
    except binascii.Error as error:
        raise BadSignature("the secret is not whsec_ and base64") from error
