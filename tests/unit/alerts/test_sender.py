"""No address that a tenant can write down may do more than fail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.sender import Sender, _target
from alerts.settings import AlertSettings


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://example.com", b"example.com", b"/"),
        ("https://example.com:8443/a b?c=ü", b"example.com:8443", b"/a%20b?c=%C3%BC"),
        ("https://user:pw@example.com/x", b"example.com", b"/x"),
        ("https://bücher.example/%41", b"xn--bcher-kva.example", b"/%41"),
        ("https://[2001:db8::1]:99/", b"[2001:db8::1]:99", b"/"),
    ],
)
def test_addresses_are_written_as_the_wire_has_them(url: str, host: bytes, target: bytes) -> None:
    found, header = _target(url)
    assert (header, found.target) == (host, target)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "https://",
        "ftp://example.com/",
        "https://a:99999/",
        "https://[::1/",
        "https://" + "ü" * 100 + ".example/",
        "https://..",
    ],
)
async def test_what_is_no_address_fails_as_an_attempt(url: str) -> None:
    async with Sender(AlertSettings(timeout_s=2)) as sender:
        answer = await sender.post(url, {}, b"{}")
    assert answer.status is None
    assert answer.error


@settings(max_examples=200)
@given(st.text(max_size=60).map(lambda text: f"https://{text}") | st.text(max_size=60))
def test_parsing_an_address_raises_nothing_but_its_own(url: str) -> None:
    try:
        target, host = _target(url)
    except ValueError:
        return
    assert target.scheme in {b"http", b"https"}
    assert b"\n" not in target.target + host
    assert b" " not in target.target + host
