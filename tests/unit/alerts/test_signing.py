"""Signatures as Standard Webhooks 1.0 has them, and what a receiver refuses."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from alerts.signing import BadSignature, sign, verify

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER = "whsec_" + base64.b64encode(KEY[::-1]).decode()
BODY = b'{"type":"stop.arrived"}'


def signed(*secrets: str) -> dict[str, str]:
    return {"webhook-id": "alert-1", "webhook-timestamp": "1000", "webhook-signature": sign(secrets, "alert-1", 1000, BODY)}


def test_the_signature_is_hmac_of_id_time_and_body() -> None:
    wanted = base64.b64encode(hmac.new(KEY, b"alert-1.1000." + BODY, hashlib.sha256).digest()).decode()
    assert sign([SECRET], "alert-1", 1000, BODY) == f"v1,{wanted}"


def test_it_is_what_the_specification_gives_as_an_example() -> None:
    """Secret, id, timestamp, body and signature of the Standard Webhooks specification's own libraries' tests."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_of_several_secrets_verifies_while_one_is_rotated() -> None:
    headers = signed(OTHER, SECRET)
    assert verify([SECRET], headers, BODY, 1000) == "alert-1"
    assert verify([OTHER], headers, BODY, 1000) == "alert-1"


@pytest.mark.parametrize(
    ("change", "now_s"),
    [
        ({"webhook-id": "alert-2"}, 1000),
        ({"webhook-timestamp": "1001"}, 1000),
        ({"webhook-timestamp": "x"}, 1000),
        ({"webhook-signature": "v1,AAAA"}, 1000),
        ({"webhook-signature": ""}, 1000),
        ({}, 1301),
        ({}, 699),
    ],
)
def test_what_was_changed_or_is_old_is_refused(change: dict[str, str], now_s: float) -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], {**signed(SECRET), **change}, BODY, now_s)


def test_another_body_or_secret_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify([SECRET], signed(SECRET), BODY + b" ", 1000)
    with pytest.raises(BadSignature):
        verify([OTHER], signed(SECRET), BODY, 1000)


def test_a_secret_that_is_none_is_said_without_repeating_it() -> None:
    with pytest.raises(BadSignature) as refused:
        sign(["whsec_not base64!"], "a", 1, b"")
    assert "not base64!" not in str(refused.value)
