"""The built screen: files below `web/dist`, its page at `/` and `/t/<token>`, and the headers that keep a browser strict."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.settings import ApiSettings

#: Vite puts a hash of the content into the names below this folder.
_HASHED: Final = "assets/"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_FIRST: Final = "no-cache"

_NOT_BUILT: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Outrider</title>
<p>Outrider is running. The screen is not built (<code>make web</code>); the API is described at
<a href="/openapi.json">/openapi.json</a>.</p></html>"""


class _Files(StaticFiles):
    """Names with a hash are kept for ever, all else is asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = _FOR_EVER if path.startswith(_HASHED) else _ASK_FIRST
        return response


def add_web(app: FastAPI, web_dir: Path | None) -> None:
    """Serve the screen; last, since it answers every path that nothing else has."""

    async def page() -> Response:
        if web_dir is None:
            return HTMLResponse(_NOT_BUILT)
        return FileResponse(web_dir / "index.html", headers={"cache-control": _ASK_FIRST})

    for path in ("/", "/t/{token}"):
        app.add_api_route(path, page, methods=["GET", "HEAD"], include_in_schema=False)
    if web_dir is not None:
        app.mount("/", _Files(directory=web_dir), name="web")


def security_headers(settings: ApiSettings) -> list[tuple[bytes, bytes]]:
    """Of every answer. Only this server's own scripts run; MapLibre starts its workers from blobs; tiles and style may come from
    the places that the settings name."""
    outside = " ".join(sorted({origin for url in (settings.style_url, settings.tile_url) if url and (origin := _origin(url))}))
    # a style names further places (glyphs, sprites, tiles) that only it knows
    maps = "https:" if settings.style_url else outside
    policy = "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "worker-src 'self' blob:",
            "child-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob: {maps}".rstrip(),
            f"connect-src 'self' {maps}".rstrip(),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _origin(url: str) -> str | None:
    """`https://tiles.example.org` of a tile address; a placeholder for subdomains becomes a wildcard."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{'*.' + host.partition('.')[2] if '{' in host else host}"
