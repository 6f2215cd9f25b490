"""Dead letters: what is kept of a refused message, and what a flood of them does."""

import pytest

from fleet.message import DeadLetter
from fleet.screening import Reason
from ingest.deadletters import LONGEST_PAYLOAD_BYTES, DeadLetterLimit, dead_letters, storable
from ingest.protocol import Refusal
from tests.unit.ingest.messages import RECEIVED, RECEIVED_US, batch_of


def refusal(message: int, reason: Reason = Reason.INVALID_JSON, detail: str = "why") -> Refusal:
    return Refusal(message=message, reason=reason, detail=detail, tracker=("acme", "van-1"))


def test_what_is_kept() -> None:
    (letter,) = dead_letters(batch_of([b"good", b"bad"]), [refusal(1)])
    assert letter == DeadLetter(
        received_at=RECEIVED,
        topic="fleet/default/van-1/fix",
        payload=b"bad",
        payload_bytes=3,
        reason=Reason.INVALID_JSON,
        detail="why",
        tenant="acme",
        tracker="van-1",
    )


def test_a_long_payload_is_cut_and_its_length_kept() -> None:
    (letter,) = dead_letters(batch_of([b"x" * 100_000]), [refusal(0)])
    assert (len(letter.payload), letter.payload_bytes) == (LONGEST_PAYLOAD_BYTES, 100_000)


def test_one_letter_for_each_message_and_reason() -> None:
    refused = [
        refusal(1),
        refusal(0, detail="fix 0"),
        refusal(0, detail="fix 1"),
        refusal(0, Reason.FUTURE),
        refusal(0, detail="fix 2"),
    ]
    letters = dead_letters(batch_of([b"a", b"b"]), refused)
    assert [(letter.payload, letter.reason, letter.detail) for letter in letters] == [
        (b"a", Reason.FUTURE, "why"),
        (b"a", Reason.INVALID_JSON, "fix 0 (and 2 more)"),
        (b"b", Reason.INVALID_JSON, "why"),
    ]


@pytest.mark.parametrize(("text", "kept"), [("a\0b", "a\ufffdb"), ("a\ud800b", "a?b"), ("Länsi", "Länsi")])
def test_texts_are_what_a_database_takes(text: str, kept: str) -> None:
    assert storable(text) == kept
    (letter,) = dead_letters(batch_of([b"x"], [text]), [refusal(0, detail=text)])
    assert (letter.topic, letter.detail) == (kept, kept)


def test_a_flood_is_bounded_and_the_bound_refills() -> None:
    letters = dead_letters(batch_of([b"x"] * 100), [refusal(index) for index in range(100)])
    limit = DeadLetterLimit(per_s=10)
    kept, dropped = limit.admit(letters, RECEIVED_US)
    assert (len(kept), dropped) == (10, 90)
    assert limit.admit(letters, RECEIVED_US)[1] == 100
    kept, dropped = limit.admit(letters, RECEIVED_US + 500_000)
    assert (len(kept), dropped) == (5, 95)
    assert limit.admit([], RECEIVED_US) == ([], 0)


def test_long_payloads_count_for_several_letters() -> None:
    letters = dead_letters(batch_of([b"x" * 65_536, b"y"]), [refusal(0), refusal(1)])
    kept, dropped = DeadLetterLimit(per_s=20).admit(letters * 2, RECEIVED_US)
    assert ([letter.payload[:1] for letter in kept], dropped) == ([b"x", b"y", b"y"], 1)


def test_no_letter_is_too_long_for_a_low_limit() -> None:
    (letter,) = dead_letters(batch_of([b"x" * 65_536]), [refusal(0)])
    limit = DeadLetterLimit(per_s=5)
    assert [limit.admit([letter], RECEIVED_US + second * 1_000_000)[1] for second in (0, 0, 1)] == [0, 1, 0]


def test_a_clock_that_goes_back_gives_no_room() -> None:
    letters = dead_letters(batch_of([b"x"] * 20), [refusal(index) for index in range(20)])
    limit = DeadLetterLimit(per_s=10)
    limit.admit(letters, RECEIVED_US)
    assert len(limit.admit(letters, RECEIVED_US - 60_000_000)[0]) == 0
