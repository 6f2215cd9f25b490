"""Log lines for people or for machines, on standard error. No password and no key ever reaches one."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

import orjson

from fleet.clock import rfc3339
from outrider.settings import LogFormat, Settings

_HIDDEN: Final = "***"
#: user:password@ in a URL, bearer tokens, webhook secrets, this product's own keys, key=... in a query.
_SECRETS: Final = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@"), rf"\1:{_HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]+"), rf"\1 {_HIDDEN}"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), f"whsec_{_HIDDEN}"),
    (re.compile(r"\bork_[\w-]+"), f"ork_{_HIDDEN}"),
    (re.compile(r"(?i)\b(password|passwd|secret|token|api_?key|key)=[^\s&;,]+"), rf"\1={_HIDDEN}"),
)


def hide_secrets(text: str) -> str:
    """The text with everything that looks like a credential blanked out."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _Text(logging.Formatter):
    def __init__(self, tier: str) -> None:
        super().__init__()
        self._tier = tier

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, UTC)
        line = (
            f"{instant:%H:%M:%S}.{instant.microsecond // 1000:03} {record.levelname.lower():7} {self._tier:9} {record.getMessage()}"
        )
        return hide_secrets(line + _trace(record))


class _Json(logging.Formatter):
    def __init__(self, tier: str) -> None:
        super().__init__()
        self._tier = tier

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "tier": self._tier,
            "logger": record.name,
            "message": hide_secrets(record.getMessage()),
        }
        if record.exc_info:
            entry["trace"] = hide_secrets(_trace(record))
        return orjson.dumps(entry).decode()


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()


def start_logging(settings: Settings, tier: str) -> None:
    """Send every logger of this process to standard error; `tier` says which part of the server speaks."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(tier) if settings.log_format is LogFormat.JSON else _Text(tier))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "amqtt", "transitions", "asyncio", "psycopg.pool", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
