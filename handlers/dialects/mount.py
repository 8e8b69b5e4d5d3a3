"""A dialect as routes of the program: its operations, its document, and the document's page."""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from handlers.dialects import openapi
from handlers.dialects.dialect import Dialect
from handlers.dialects.http import routes as operation_routes


def mounted(dialect: Dialect) -> list[BaseRoute]:
    """The dialect under each of its prefixes, with and without a slash after it."""
    app = speaking(dialect)
    return [
        route
        for prefix in dialect.prefixes
        for route in (Route(prefix, Root(app, prefix)), Mount(prefix, app=app))
    ]


def speaking(dialect: Dialect) -> Starlette:
    document = json.dumps(openapi.document(dialect), separators=(",", ":"))

    async def show_document(request: Request) -> Response:
        return Response(document, media_type="application/json")

    routes: list[BaseRoute] = [
        Route("/openapi.json", show_document),
        *operation_routes(dialect),
    ]
    app = Starlette(routes=routes, exception_handlers=dialect.says.handlers)
    # A redirect is made of the Host header, which is anybody's to choose.
    app.router.redirect_slashes = False
    return app


class Root:
    """A dialect's prefix by itself, which no `Mount` matches: the path `/` of the dialect."""

    def __init__(self, app: Starlette, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        scope["app_root_path"] = scope.get("app_root_path", root)
        scope["root_path"] = root + self._prefix
        scope["path"] += "/"
        await self._app(scope, receive, send)


def pages(dialects: Iterable[Dialect]) -> list[BaseRoute]:
    """`/docs`, and a page of each dialect's document below it."""
    listed = list(dialects)

    def page(dialect: Dialect) -> Route:
        async def show(request: Request) -> Response:
            return openapi.page(f"{dialect.prefix}/openapi.json")

        return Route(f"/docs/{dialect.name}", show)

    async def index(request: Request) -> Response:
        return HTMLResponse(_index(listed), headers=openapi.PAGE_HEADERS)

    return [Route("/docs", index), *(page(dialect) for dialect in listed)]


def _index(dialects: list[Dialect]) -> str:
    rows = "".join(
        f'<li><a href="/docs/{each.name}">{each.title}</a> at <code>{each.prefix}</code> '
        f'(<a href="{each.prefix}/openapi.json">{each.prefix}/openapi.json</a>)</li>'
        for each in dialects
    )
    style = "body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:3rem auto}"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Parley: APIs</title>'
        f"<style>{style}</style><h1>One core, three APIs</h1><ul>{rows}</ul></html>"
    )
