"""Cookies, throttles, origins and scrubbing, by values alone."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.access.keys import digest, new_key
from api.access.origin import is_foreign_page, is_own_origin
from api.access.session import Sessions
from api.access.throttle import Throttle
from api.merge_patch import merge_patch
from api.scrub import ScrubFilter, scrub

DIGEST = digest("a key")


def test_a_cookie_names_its_key_until_it_expires() -> None:
    sessions = Sessions("secret", 100)
    cookie = sessions.issue(DIGEST, 1_000.0)
    assert sessions.digest_of(cookie, 1_099.0) == DIGEST
    assert sessions.digest_of(cookie, 1_100.0) is None


@given(st.text(max_size=200))
def test_nothing_else_is_a_cookie(text: str) -> None:
    assert Sessions("secret", 100).digest_of(text, 0.0) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_cookie_is_none(place: int, character: str) -> None:
    sessions = Sessions("secret", 100)
    cookie = sessions.issue(DIGEST, 1_000.0)
    changed = cookie[: place % len(cookie)] + character + cookie[place % len(cookie) + 1 :]
    if changed != cookie:
        assert sessions.digest_of(changed, 1_000.0) is None


def test_another_secret_and_another_start_make_other_cookies() -> None:
    cookie = Sessions("secret", 100).issue(DIGEST, 0.0)
    assert Sessions("other", 100).digest_of(cookie, 0.0) is None
    assert Sessions(None, 100).digest_of(Sessions(None, 100).issue(DIGEST, 0.0), 0.0) is None


def test_keys_are_long_random_and_recognisable() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith("ork_") and len(key) == 47 for key in keys)


def test_a_throttle_lets_a_burst_through_and_then_one_at_a_time() -> None:
    throttle = Throttle(burst=3, refill_s=10.0)
    for _ in range(3):
        assert throttle.wait_s("a", 0.0) == 0.0
        throttle.spend("a", 0.0)
    assert throttle.wait_s("a", 0.0) == 10.0
    assert throttle.wait_s("a", 4.0) == pytest.approx(6.0)
    assert throttle.wait_s("a", 10.0) == 0.0
    assert throttle.wait_s("b", 0.0) == 0.0


def test_a_throttle_remembers_a_bounded_number_of_addresses() -> None:
    throttle = Throttle(burst=1, refill_s=1e9)
    for number in range(10_001):
        throttle.spend(str(number), 0.0)
    assert throttle.wait_s("0", 0.0) == 0.0
    assert throttle.wait_s("10000", 0.0) > 0.0


@pytest.mark.parametrize(
    ("headers", "own", "foreign"),
    [
        ({"host": "ops.example", "origin": "https://ops.example"}, True, False),
        ({"host": "ops.example:8080", "origin": "http://ops.example:8080"}, True, False),
        ({"host": "ops.example", "origin": "https://ops.example:444"}, False, True),
        ({"host": "ops.example", "origin": "https://evil.example"}, False, True),
        ({"host": "ops.example", "origin": "https://ops.example.evil.example"}, False, True),
        ({"host": "", "origin": "null"}, False, True),
        ({"host": "x", "origin": "https://friend.example"}, True, False),
        ({"host": "x", "sec-fetch-site": "same-origin"}, True, False),
        ({"host": "x", "sec-fetch-site": "none"}, True, False),
        ({"host": "x", "sec-fetch-site": "same-site"}, False, True),
        ({"host": "x", "sec-fetch-site": "cross-site"}, False, True),
        ({"host": "x"}, False, False),
    ],
)
def test_our_own_pages_are_told_from_others(headers: dict[str, str], own: bool, foreign: bool) -> None:
    assert is_own_origin(headers, ("https://friend.example",)) == own
    assert is_foreign_page(headers, ("https://friend.example",)) == foreign


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ('GET /v1/x?key=abc HTTP/1.1"', 'GET /v1/x?*** HTTP/1.1"'),
        ('127.0.0.1:1 - "WebSocket /v1/live?tenant=a&key=b" [accepted]', '127.0.0.1:1 - "WebSocket /v1/live?***" [accepted]'),
        ("authorization: Bearer abc.def-ghi", "authorization: Bearer ***"),
        ("protocols outrider.v1, outrider.key.abc-_1", "protocols outrider.v1, outrider.key.***"),
        ("secret whsec_YWJj+/=", "secret whsec_***"),
        ("key ork_AbC-_9 used", "key ork_*** used"),
        ("postgresql://outrider:pa55@db/x", "postgresql://outrider:***@db/x"),
        ("cookie outrider_session=abc.1.x; other=1", "cookie outrider_session=***; other=1"),
        ("GET /t/abcdef 200", "GET /t/*** 200"),
        ("GET /v1/trackers/356307042441013 200", "GET /v1/trackers/356307042441013 200"),
        ("is it so? yes", "is it so? yes"),
    ],
)
def test_secrets_are_scrubbed_and_the_rest_stays(line: str, clean: str) -> None:
    assert scrub(line) == clean


def test_the_filter_scrubs_arguments_too() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s asked with %s", ("a", "Bearer topsecret"), None)
    assert ScrubFilter().filter(record)
    assert record.getMessage() == "a asked with Bearer ***"


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # the examples of RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_are_those_of_the_rfc(target: object, patch: object, result: object) -> None:
    assert merge_patch(target, patch) == result
