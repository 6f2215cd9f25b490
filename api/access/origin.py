"""Whether a request comes from one of our own pages. A browser sends cookies along whoever caused the request; what changes
something on the strength of a cookie must therefore come from the same origin.

1. `Origin` is there (every unsafe method of every browser, and every WebSocket): its host is the one that was asked, or it is
   allowed by name.
2. `Origin` is missing: `Sec-Fetch-Site` says same-origin, or none (typed into the address bar).
3. Both are missing: no browser of this decade; refused.

The scheme is not compared: behind a proxy that ends TLS the server cannot know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_own_origin(headers: Mapping[str, str], allowed: Sequence[str] = ()) -> bool:
    """By the rules above; `headers` with names in lower case."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") in {"same-origin", "none"}
    return origin in allowed or (origin != "null" and urlsplit(origin).netloc.lower() == headers.get("host", "").lower())


def is_foreign_page(headers: Mapping[str, str], allowed: Sequence[str] = ()) -> bool:
    """Whether a browser says that a page of another origin caused this. Programs say nothing, and are none."""
    has_said = "origin" in headers or headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}
    return has_said and not is_own_origin(headers, allowed)
