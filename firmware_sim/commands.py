"""Simulated trackers obey commands: they answer on the reply topic, as the native format has it (`docs/formats/native.md`).

| command | answer |
|---|---|
| `ping` | `{"ok": true}` |
| `status` | `{"ok": true, "odometer_m", "speed_mps", "rounds"}` |
| anything else | `{"ok": false, "error"}` |

A command may come twice, with the same id. It is obeyed once; what was said then is said again, since the first answer may be what
was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

_COMMAND: Final = "command"

#: What a tracker knows of itself, by its ident; None where there is no such tracker.
StatusOf = Callable[[str], Mapping[str, Any] | None]


#: Answers that a tracker remembers; more commands than this are not under way to one fleet.
_REMEMBERED: Final = 10_000


class Obedience:
    """What all trackers of a fleet have obeyed."""

    def __init__(self, status_of: StatusOf) -> None:
        self._status_of = status_of
        #: By topic, so by tracker and command.
        self._said: dict[str, bytes] = {}

    def hear(self, topic: str, payload: bytes) -> tuple[str, bytes] | None:
        """As `answer`, but a command that was obeyed before is only answered again."""
        said = answer(topic, payload, self._status_of)
        if said is None:
            return None
        while len(self._said) >= _REMEMBERED and said[0] not in self._said:
            del self._said[next(iter(self._said))]
        return said[0], self._said.setdefault(*said)


def command_filter(tenant: str) -> str:
    """The topic filter on which a tenant's trackers hear commands."""
    return f"fleet/{tenant}/+/{_COMMAND}"


def answer(topic: str, payload: bytes, status_of: StatusOf) -> tuple[str, bytes] | None:
    """Topic and payload of what the tracker says; None where it is none of these trackers, or the command has no id."""
    levels = topic.split("/")
    status = status_of(levels[2]) if len(levels) == 4 else None
    command = _command_of(payload)
    if status is None or command is None:
        return None
    said = _obey(command.get(_COMMAND), status)
    return f"{topic}/{command['id']}/reply", orjson.dumps(said)


def _command_of(payload: bytes) -> dict[str, Any] | None:
    try:
        command = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return command if isinstance(command, dict) and isinstance(command.get("id"), str) else None


def _obey(word: Any, status: Mapping[str, Any]) -> Mapping[str, Any]:
    if word == "ping":
        return {"ok": True}
    if word == "status":
        return {"ok": True, **status}
    return {"ok": False, "error": f"no such command: {word}"}
