"""A column of short texts (idents, names of vehicles): 8 bytes for each 8 characters of the longest, in place of an object each.

A text is laid out a byte a character, filled up with zeros, and looked at as words of 8 bytes: so texts are compared, hashed and
copied a column at a time. What that cannot hold (more than 40 characters, or characters beyond Latin-1) is kept aside, by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.columns import grown

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.integer]
Booleans = npt.NDArray[np.bool_]

_WORD_BYTES: Final = 8
_MOST_CHARACTERS: Final = 40
#: Rows that are worked on at once where all are.
BLOCK_ROWS: Final = 1 << 14


class Packed:
    """Texts laid out: `words` (N, W); `aside` the positions of those that words do not hold, where these are all zero."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.words, self.aside = _laid_out(texts)

    def __len__(self) -> int:
        return len(self.texts)


class TextColumn:
    """Texts by row; empty where none was put."""

    def __init__(self) -> None:
        self._words: Words = np.zeros((0, 1), np.uint64)
        self._aside: dict[int, str] = {}

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextColumn:
        """Row by row."""
        column = cls()
        for start in range(0, len(texts), BLOCK_ROWS):
            block = texts[start : start + BLOCK_ROWS]
            column.put(np.arange(start, start + len(block)), block)
        return column

    def __len__(self) -> int:
        """Rows that there is room for."""
        return len(self._words)

    def __getitem__(self, row: int) -> str:
        if row in self._aside:
            return self._aside[row]
        letters: bytes = self._words[row].tobytes()
        return letters.rstrip(b"\0").decode("latin-1")

    @property
    def words(self) -> Words:
        """(rows, W)"""
        return self._words

    @property
    def aside(self) -> dict[int, str]:
        """Texts by row that words do not hold."""
        return self._aside

    def reserve(self, rows: int) -> None:
        self._words = grown(self._words, rows)

    def texts(self, rows: Rows) -> list[str]:
        """The texts of these rows."""
        letters = self._words[rows].view(np.uint8).astype(np.uint32)
        if not letters.size:
            return []
        found: list[str] = letters.view(f"<U{letters.shape[1]}")[:, 0].tolist()
        if self._aside:
            aside = self._aside
            found = [aside.get(row, text) for row, text in zip(rows.tolist(), found, strict=True)]
        return found

    def put(self, rows: Rows, texts: Sequence[str]) -> None:
        """These rows hold these texts now."""
        if len(texts):
            packed = Packed(texts)
            self._put_words(rows, packed.words)
            self._aside |= {int(rows[position]): texts[position] for position in packed.aside}

    def copy(self, rows: Rows, other: TextColumn, others: Rows) -> None:
        """These rows hold now what the rows `others` of another column do."""
        if not len(rows):
            return
        self._put_words(rows, other.words[others])
        if other.aside:
            texts = ((row, other.aside.get(its)) for row, its in zip(rows.tolist(), others.tolist(), strict=True))
            self._aside |= {row: text for row, text in texts if text is not None}

    def same(self, rows: Rows, packed: Packed, positions: Rows) -> Booleans:
        """Whether each row holds the packed text of its position. Empty texts, and those kept aside, are nobody's equal here."""
        words, given = self._words[rows], packed.words[positions]
        width = min(words.shape[1], given.shape[1])
        is_same = (words[:, :width] == given[:, :width]).all(axis=1)
        is_same &= ~words[:, width:].any(axis=1) & ~given[:, width:].any(axis=1)
        return np.asarray(is_same & words.any(axis=1))

    def _put_words(self, rows: Rows, words: Words) -> None:
        self.reserve(int(rows.max()) + 1)
        width = words.shape[1]
        if width > self._words.shape[1]:
            wider = np.zeros((len(self._words), width), np.uint64)
            wider[:, : self._words.shape[1]] = self._words
            self._words = wider
        self._words[rows, :width] = words
        self._words[rows, width:] = 0
        if self._aside:
            for row in rows.tolist():
                self._aside.pop(row, None)


def _laid_out(texts: Sequence[str]) -> tuple[Words, list[int]]:
    lengths = list(map(len, texts))
    longest, aside = max(lengths, default=0), set[int]()
    if longest > _MOST_CHARACTERS:
        aside.update(position for position, length in enumerate(lengths) if length > _MOST_CHARACTERS)
        texts = ["" if position in aside else text for position, text in enumerate(texts)]
        longest = max(map(len, texts))
    longest = max(longest, 1)
    letters = np.array(texts, f"<U{longest}").view(np.uint32).reshape(len(texts), longest)
    # NumPy takes zeros at the end for filling; a text with one in it is not to be taken for the same without.
    if letters.size and (letters.max() > 0xFF or np.count_nonzero(letters) != len("".join(texts))):
        aside.update(position for position, text in enumerate(texts) if "\0" in text or not _is_latin(text))
        letters = letters.copy()
        letters[sorted(aside)] = 0
    bytes_ = np.zeros((len(texts), -(-longest // _WORD_BYTES) * _WORD_BYTES), np.uint8)
    bytes_[:, :longest] = letters
    return bytes_.view(np.uint64), sorted(aside)


def _is_latin(text: str) -> bool:
    return all(ord(letter) <= 0xFF for letter in text)
