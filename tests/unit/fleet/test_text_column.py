"""A column of texts says what was put into it, whatever the texts; rows are compared as the texts would be."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from fleet.text_column import Packed, TextColumn

#: Of the lengths and alphabets at which the layout changes: words, the longest text, beyond Latin-1, zeros at the end.
TEXTS = st.one_of(
    st.text(max_size=50),
    st.text(alphabet="ab\0é", max_size=18),
    st.integers(0, 20).map(lambda number: f"35209308145{number:04}"),
)
PUTS = st.lists(st.dictionaries(st.integers(0, 30), TEXTS, min_size=1, max_size=8), max_size=6)


@given(PUTS)
@example([{0: "x\0"}, {0: "x"}, {1: "ä" * 41}, {1: ""}])
def test_rows_hold_what_was_put_last(puts: list[dict[int, str]]) -> None:
    column, model = TextColumn(), dict[int, str]()
    for texts in puts:
        column.put(np.array(list(texts)), list(texts.values()))
        model |= texts
    size = max(model, default=-1) + 1
    wanted = [model.get(row, "") for row in range(size)]
    assert column.texts(np.arange(size)) == wanted
    assert [column[row] for row in range(size)] == wanted


@given(st.lists(TEXTS, min_size=1, max_size=20), st.lists(TEXTS, min_size=1, max_size=20))
def test_copied_rows_hold_what_the_others_do(texts: list[str], others: list[str]) -> None:
    column, other = TextColumn.of(texts), TextColumn.of(others)
    rows = np.arange(min(len(texts), len(others)))
    column.copy(rows, other, rows[::-1].copy())
    wanted = [others[row] for row in rows[::-1]] + texts[len(rows) :]
    assert column.texts(np.arange(len(texts))) == wanted


@given(st.lists(TEXTS, min_size=1, max_size=20), st.lists(TEXTS, min_size=1, max_size=20))
def test_rows_are_the_same_where_the_texts_are(texts: list[str], others: list[str]) -> None:
    column, packed = TextColumn.of(texts), Packed(others)
    rows = np.arange(min(len(texts), len(others)))
    aside = set(packed.aside)
    is_same = column.same(rows, packed, rows).tolist()
    assert is_same == [texts[row] == others[row] and row not in aside and others[row] != "" for row in rows.tolist()]


def test_a_text_costs_no_more_than_its_words() -> None:
    column = TextColumn.of([f"35209308145{number:05}" for number in range(10_000)])
    assert column.words.nbytes <= 2 * 10_000 * 16
    assert not column.aside
