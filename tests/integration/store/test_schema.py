"""The schema that the migrations build is the declared one, `schema.txt` beside this file.

Where the difference is meant, write the file anew: OUTRIDER_WRITE_SCHEMA=1 pytest tests/integration/store/test_schema.py
"""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

DECLARED = Path(__file__).with_name("schema.txt")

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    coalesce(pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attidentity <> '' THEN 'identity' END)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname, a.attnum
"""
_INDEXES = """
SELECT t.relname, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
ORDER BY t.relname, 2
"""
_CONSTRAINTS = """
SELECT t.relname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE t.relnamespace = current_schema()::regnamespace AND c.contype IN ('c', 'f') AND NOT t.relispartition
ORDER BY t.relname, 2
"""
_FUNCTIONS = """
SELECT p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid)
FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""


def _built(url: str) -> str:
    """The schema as text; what differs between a hypertable and a partitioned table is left out."""
    with psycopg.connect(url) as connection:
        lines = ["# columns"]
        for table, column, type_, is_required, default in connection.execute(_COLUMNS):
            lines.append(" ".join(filter(None, (f"{table}.{column}", type_, "NOT NULL" if is_required else "", default))))
        lines.append("# indexes")
        lines += [f"{table}: {index.replace(' ON ONLY ', ' ON ')}" for table, index in connection.execute(_INDEXES)]
        lines.append("# constraints")
        lines += [f"{table}: {constraint}" for table, constraint in connection.execute(_CONSTRAINTS)]
        lines.append("# functions")
        lines += [f"{name}({arguments}) -> {result}" for name, arguments, result in connection.execute(_FUNCTIONS)]
    return "\n".join(lines) + "\n"


def test_the_migrations_build_the_declared_schema(database_store_url: str) -> None:
    built = _built(database_store_url)
    if os.environ.get("OUTRIDER_WRITE_SCHEMA"):
        DECLARED.write_text(built, encoding="utf-8")
    assert built == DECLARED.read_text(encoding="utf-8"), f"not the declared schema; {__doc__}"


def test_every_table_says_whose_its_rows_are(database_store_url: str) -> None:
    """But those that are about the database as a whole."""
    whole = {"tenants", "batches", "checkpoints", "schema_migrations"}
    with psycopg.connect(database_store_url) as connection:
        found = [(table, column) for table, column, *_ in connection.execute(_COLUMNS)]
    tables = {table for table, _ in found} - whole
    assert tables == {table for table, column in found if column in {"tenant_id", "tenant"}}
