"""Objects of the disk store, by links that are signed and expire."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from handlers.context import context
from infra.contract.refusals import Reason, refuse
from infra.storage.disk import DiskStore, LinkRefused
from infra.storage.port import ObjectUnknown

HEADERS = {
    # What is recorded came from strangers: nothing in it runs here.
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
    "Cache-Control": "private, no-transform",
}


async def serve_file(request: Request) -> Response:
    """The file the link was made for, whole or in ranges (RFC 9110, section 14)."""
    store = context(request).store
    if not isinstance(store, DiskStore):
        raise refuse(Reason.NO_SUCH_ROUTE)
    key, query = request.path_params["key"], request.query_params
    try:
        path = await asyncio.to_thread(store.verify, key, query)
    except LinkRefused as refused:
        raise refuse(Reason.NOT_ALLOWED, f"the link is refused: {refused}") from refused
    except ObjectUnknown as gone:
        raise refuse(Reason.NO_SUCH_ROUTE) from gone
    return FileResponse(path, media_type=query["type"], filename=query["filename"], headers=HEADERS)


routes: list[BaseRoute] = [Route("/files/{key:path}", serve_file)]
