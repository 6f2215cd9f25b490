"""Keeps secrets out of log lines: query strings, bearer tokens, keys, webhook secrets and passwords in addresses.

The command line's own formatters hide what looks like a secret as well; this filter sits on the loggers that see requests, so that
an embedder with other handlers is safe too.
"""

from __future__ import annotations

import logging
import re
from typing import Final

_HIDDEN: Final = "***"
_SECRETS: Final = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@"), rf"\1:{_HIDDEN}@"),
    (re.compile(r"(?i)\bbearer\s+[^\s\"',]+"), f"Bearer {_HIDDEN}"),
    (re.compile(r"\boutrider\.key\.[^\s\"',]+"), f"outrider.key.{_HIDDEN}"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), f"whsec_{_HIDDEN}"),
    (re.compile(r"\bork_[\w-]+"), f"ork_{_HIDDEN}"),
    (re.compile(r"(?i)\b(outrider_session)=[^\s;,\"']+"), rf"\1={_HIDDEN}"),
    (re.compile(r"(/t)/[^\s/?\"']+"), rf"\1/{_HIDDEN}"),
    (re.compile(r"(/[^\s?\"']*)\?[^\s\"']+"), rf"\1?{_HIDDEN}"),
)
#: Loggers of this process that write about requests.
REQUEST_LOGGERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "api.access_log", "api.edge", "api.live.socket")


def scrub(text: str) -> str:
    """The text without what must not be in a log."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class ScrubFilter(logging.Filter):
    """Rewrites each record; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), None
        return True


def install_scrubbing() -> None:
    """Put the filter on the loggers that write about requests; harmless when called twice."""
    for name in REQUEST_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, ScrubFilter) for one in logger.filters):
            logger.addFilter(ScrubFilter())
