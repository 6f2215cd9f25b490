"""What is sent to break a parser: each format refuses it or reads it, and raises nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.fix import FixBatch
from fleet.screening import Reason
from ingest.formats import FORMATS, format_named
from ingest.protocol import Decoded, Format
from ingest.screen import Screen
from store.storable import unstorable
from tests.fuzz.seeds import TOPICS, frame, seeds
from tests.unit.ingest.messages import batch_of

DEEP = 100_000
LONG = 10_000_000
ODD = {
    "huge integer": b"1" + b"0" * 5_000,
    "beyond 64 bits": b"18446744073709551616",
    "smallest integer": b"-9223372036854775809",
    "beyond a float": b"1e999",
    "minus beyond a float": b"-1e999",
    "tiny": b"1e-400",
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "nothing": b"null",
    "truth": b"true",
    "empty text": b'""',
    "lone surrogate": b'"\\ud800"',
    "surrogates turned round": b'"\\udc00\\ud800"',
    "NUL": b'"\\u0000"',
    "not UTF-8": b'"\xff\xfe"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "deep list": b"[" * DEEP + b"]" * DEEP,
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "never closed": b"[" * DEEP,
    "long text": b'"' + b"x" * LONG + b'"',
    "long key": b'{"' + b"k" * 100_000 + b'": 1}',
    "no year": b'"0000-00-00T00:00:00Z"',
    "leap second": b'"2016-12-31T23:59:60Z"',
    "last year": b'"9999-12-31T23:59:59.999999+14:00"',
    "far offset": b'"2026-02-16T15:58:03+99:99"',
    "other digits": '"٢٠٢٦-٠٢-١٦T15:58:03Z"'.encode(),
}
every_format = pytest.mark.parametrize("wire_format", FORMATS, ids=lambda one: one.name)


def decoded(wire_format: Format, payload: bytes, topic: int = 0) -> Decoded:
    topics = TOPICS[wire_format.name]
    return wire_format.decode(batch_of([payload], topics[topic % len(topics)]), "default")


def check(found: Decoded) -> None:
    """The message is accounted for; what is left of it after screening can be stored."""
    fixes = found.fixes
    assert {*fixes.message.tolist(), *(refusal.message for refusal in found.refused), *found.ignored} == {0}
    assert all(isinstance(json.loads(extras), dict) for extras in fixes.extras if extras is not None)
    fixes.vehicle[:] = 1
    kept: FixBatch = Screen().screen(fixes).fixes
    assert not unstorable(kept)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to each member of a JSON value, and to the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(way for key, member in inner for way in leaves(member, (*path, key)))]


def replaced(value: Any, path: tuple[str | int, ...], mark: str) -> Any:
    if not path:
        return mark
    key, *rest = path
    copy = value.copy()
    copy[key] = replaced(value[key], tuple(rest), mark)
    return copy


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
@every_format
def test_an_odd_value_anywhere_is_read_or_refused(wire_format: Format, odd: bytes) -> None:
    """In the place of each member in turn; the long and the deep ones in a few places."""
    mark = "put it here"
    good = json.loads(seeds(wire_format.name)[0])
    ways = leaves(good)
    for path in ways if len(odd) < 10_000 else ways[:: max(1, len(ways) // 4)]:
        payload = json.dumps(replaced(good, path, mark)).encode().replace(json.dumps(mark).encode(), odd)
        check(decoded(wire_format, payload))


@every_format
def test_a_key_that_stands_there_twice_is_read_or_refused(wire_format: Format) -> None:
    good = seeds(wire_format.name)[0]
    for key in json.loads(good):
        for odd in (b"null", b'"x"', b"{}", b"[]", b"5"):
            member = json.dumps(key).encode() + b":" + odd
            check(decoded(wire_format, b"{" + member + b"," + good[1:]))
            check(decoded(wire_format, good[:-1] + b"," + member + b"}"))


@every_format
@given(seed=st.integers(0, 99), cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=6))
def test_a_good_message_cut_and_with_bits_turned_is_read_or_refused(
    wire_format: Format, seed: int, cut: float, flips: list[tuple[float, int]]
) -> None:
    known = seeds(wire_format.name)
    payload = bytearray(known[seed % len(known)])
    for place, mask in flips:
        payload[round(place * (len(payload) - 1))] ^= mask
    check(decoded(wire_format, bytes(payload[: round(cut * len(payload))]), seed))


FRAMES = [seed for seed in seeds("teltonika") if seed.startswith(b"\0\0\0\0")]
HEAD, TAIL = 8, 4


@given(
    which=st.sampled_from(FRAMES), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
    insert=st.binary(max_size=8), at=st.floats(0, 1),
)  # fmt: skip
def test_a_frame_with_a_changed_inside_and_a_right_checksum_is_read_or_refused(
    which: bytes, flips: list[tuple[float, int]], insert: bytes, at: float
) -> None:
    teltonika = format_named("teltonika")
    assert teltonika is not None
    body = bytearray(which[HEAD:-TAIL])
    for place, mask in flips:
        body[round(place * (len(body) - 1))] ^= mask
    middle = round(at * len(body))
    check(decoded(teltonika, frame(bytes(body[:middle] + insert + body[middle:]))))


@pytest.mark.parametrize("place", range(8, 60, 7))
@pytest.mark.parametrize("good", FRAMES, ids=["codec 8", "codec 8E", "codec 16"])
def test_one_wrong_bit_inside_a_frame_is_a_bad_checksum(good: bytes, place: int) -> None:
    teltonika = format_named("teltonika")
    assert teltonika is not None
    broken = bytearray(good)
    broken[place % (len(good) - HEAD - TAIL) + HEAD] ^= 0x10
    (refusal,) = decoded(teltonika, bytes(broken)).refused
    assert refusal.reason is Reason.BAD_CHECKSUM


@pytest.mark.parametrize("good", FRAMES, ids=["codec 8", "codec 8E", "codec 16"])
def test_a_frame_that_is_cut_or_too_long_has_a_wrong_length(good: bytes) -> None:
    teltonika = format_named("teltonika")
    assert teltonika is not None
    for broken in (good[:-1], good[:20], good + b"\0", good[:4] + b"\xff\xff\xff\xff" + good[8:]):
        (refusal,) = decoded(teltonika, broken).refused
        assert refusal.reason is Reason.WRONG_LENGTH
