"""Named SQL: the files of `store/sql`, one an idea, hold all statements of the store.

A file is a row of queries, each begun by a line `-- name: what_it_is`. A line that ends with `-- if NAME` is part of the query
only when the parameter NAME is given (not None, not empty): one text serves several filters, and each variant is prepared
and planned by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

_NAME: Final = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_CONDITION: Final = re.compile(r"^(.*?)\s*-- if (\w+)\s*$")


class Queries:
    """The queries of one file; `queries["name"]` is the text of a query without conditions."""

    def __init__(self, file: str) -> None:
        parts = _NAME.split(files("store").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8"))
        self._texts = {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def __iter__(self) -> Any:
        return iter(self._texts)

    def narrowed(self, name: str, given: Mapping[str, Any]) -> str:
        """The query with the conditions of the parameters that are given."""
        return _narrowed(self._texts[name], frozenset(key for key, value in given.items() if value is not None and value != []))


@cache
def _narrowed(text: str, given: frozenset[str]) -> str:
    lines = []
    for line in text.splitlines():
        match = _CONDITION.match(line)
        if match is None:
            lines.append(line)
        elif match[2] in given:
            lines.append(match[1])
    return "\n".join(lines)
