"""Named SQL: what a query becomes by the parameters that are given, and that none lies about unused."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from store.postgres.queries import Queries
from tests.shared import REPOSITORY

FILES = sorted(file.name.removesuffix(".sql") for file in files("store").joinpath("sql").iterdir())


def test_a_query_without_parameters_has_no_conditions() -> None:
    text = Queries("orders").narrowed("select", {"limit": 5, "customer": None})
    assert "customer = " not in text
    assert "-- if" not in text
    assert text.endswith("LIMIT %(limit)s")


def test_a_parameter_that_is_given_brings_its_lines() -> None:
    text = Queries("orders").narrowed("select", {"limit": 5, "customer": "Ann", "tenant_id": 3})
    assert "AND customer = %(customer)s\n" in text
    assert "ORDER BY orders.tenant_id, orders.id\n" in text
    assert "ORDER BY tenants.name" not in text


def test_an_empty_list_counts_as_not_given() -> None:
    assert "ANY" not in Queries("routes").narrowed("select", {"ids": []})
    assert "ANY (%(ids)s::text[])" in Queries("routes").narrowed("select", {"ids": ["r1"]})


@pytest.mark.parametrize("file", FILES)
def test_every_query_is_used_somewhere(file: str) -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in Path(REPOSITORY, "store/postgres").glob("*.py"))
    unused = [name for name in Queries(file) if not re.search(rf"""["']{name}["']""", sources) and name not in _BY_TABLE]
    assert unused == []


#: Named by the table whose rows they drop (`drop_{table}`).
_BY_TABLE = {
    "drop_events",
    "drop_visits",
    "drop_dead_letters",
    "drop_outbox",
    "drop_commands",
    "drop_anchors",
    "drop_idempotency_keys",
}
