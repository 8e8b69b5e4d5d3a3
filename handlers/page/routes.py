"""The browser app, as the set-up built it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from handlers.context import context
from infra.contract.refusals import Reason, refuse
from infra.settings import Settings

DIST = Path(__file__).resolve().parent / "dist"

POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
    "media-src 'self' blob: data: https:{store}; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parley</title>
<body style="font: 1rem/1.5 system-ui; max-width: 36rem; margin: 20vh auto; padding: 0 1rem">
<h1>The page is not built yet</h1>
<p>Everything else works. <code>make page</code> builds it; this address then shows it.</p>
<p><a href="/docs">The API</a> · <a href="/healthz">Health</a></p>
"""


def page_routes(dist: Path = DIST) -> list[BaseRoute]:
    """The page out of this folder, which may appear while we run."""

    async def index(request: Request) -> Response:
        headers = _headers(context(request).settings)
        if not (dist / "index.html").is_file():
            return HTMLResponse(NOT_BUILT, 503, headers={"Retry-After": "30", **headers})
        return FileResponse(dist / "index.html", headers={"Cache-Control": "no-cache", **headers})

    async def asset(request: Request) -> Response:
        """A file with a hash of its content in its name: kept for good by whoever fetched it."""
        return _file(dist, request, "public, max-age=31536000, immutable")

    async def beside(request: Request) -> Response:
        """A file beside the index, such as its icon."""
        return _file(dist, request, "public, max-age=3600")

    return [
        Route("/", index),
        Route("/assets/{path:path}", asset),
        Route("/{name}", beside),
    ]


def _headers(settings: Settings) -> dict[str, str]:
    """Recordings may be played from where they are stored, which on one machine is plain HTTP."""
    endpoint = settings.s3_public_endpoint or settings.s3_endpoint
    store = urlsplit(endpoint or "")
    return {
        "Content-Security-Policy": POLICY.format(
            store=f" {store.scheme}://{store.netloc}" if store.netloc else ""
        ),
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    }


def _file(dist: Path, request: Request, cache: str) -> Response:
    try:
        path = (dist / request.scope["path"].lstrip("/")).resolve()
        found = path.is_relative_to(dist) and path.is_file()
    except (OSError, ValueError):
        # Too long, or with a NUL in it: no name of a file.
        found = False
    if not found:
        raise refuse(Reason.NO_SUCH_ROUTE)
    return FileResponse(path, headers={"Cache-Control": cache})
