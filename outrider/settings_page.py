"""Renders `docs/settings.md` from the settings class itself, so that the page cannot fall behind."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from outrider.settings import Settings, environment_name

_HEAD = """# Settings

Every setting is an environment variable (or a line in `.env`); options of the command line win over it. `outrider doctor` says
which are wrong. This page is made by `outrider settings --markdown`.

| variable | default | bounds | what it does |
|---|---|---|---|
"""


def render() -> str:
    """The whole page."""
    return _HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{environment_name(name)}` | {_default(field)} | {_bounds(field)} | {field.description} |\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value is PydanticUndefined or value in ((), {}):
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "length >=", "max_length": "length <="}
    found = [f"{text} {getattr(rule, sign)}" for rule in field.metadata for sign, text in signs.items() if hasattr(rule, sign)]
    return ", ".join(found)


def render_plain(settings: Settings) -> str:
    """One line a setting with its value now; secrets stay hidden."""
    return "".join(f"{environment_name(name)}={getattr(settings, name)}\n" for name in Settings.model_fields)
