"""One vocabulary across formats: what the page says, what the decoders do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats import format_named
from ingest.formats.extras import VOCABULARY, type_of
from tests.fuzz.seeds import TOPICS, seeds
from tests.unit.ingest.messages import batch_of

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "extras.md"
#: Those whose words are ours to choose; the others carry what the sender calls it.
TYPED = ("hfp", "owntracks", "teltonika", "flespi", "traccar")


def test_the_page_has_the_vocabulary() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == VOCABULARY


def extras_of(name: str, payload: bytes) -> list[dict[str, Any]]:
    wire_format = format_named(name)
    assert wire_format is not None
    found = wire_format.decode(batch_of([payload], TOPICS[name][0]), "default").fixes.extras
    return [json.loads(one) for one in found if one is not None]


@pytest.mark.parametrize("name", TYPED)
def test_it_is_used(name: str) -> None:
    said = {word for seed in seeds(name) for extras in extras_of(name, seed) for word in extras if word in VOCABULARY}
    assert len(said) >= 3


odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.just({"a": 1})
)


@pytest.mark.parametrize("name", TYPED)
@given(replaced=st.lists(st.tuples(st.integers(0, 30), odd), min_size=1, max_size=4), inner=st.booleans())
def test_a_word_always_has_its_type(name: str, replaced: list[tuple[int, Any]], inner: bool) -> None:
    good = json.loads(seeds(name)[0])
    holder = good
    while inner and any(isinstance(value, dict) for value in holder.values()):
        holder = next(value for value in holder.values() if isinstance(value, dict))
        inner = name in {"hfp", "teltonika"}
    for place, value in replaced:
        holder[list(holder)[place % len(holder)]] = value
    for extras in extras_of(name, json.dumps(good).encode()):
        for word, value in extras.items():
            if word in VOCABULARY:
                kind = type_of(value)
                assert kind == VOCABULARY[word] or (kind, VOCABULARY[word]) == ("integer", "number"), (word, value)
