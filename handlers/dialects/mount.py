"""A dialect as a route of the program: its operations, its document, and the document's page."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from handlers.dialects import openapi
from handlers.dialects.dialect import Dialect
from handlers.dialects.http import by_path
from handlers.dialects.tree import Tree
from infra.contract.refusals import Reason, Refusal, Refused

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Place:
    """One path of a dialect and what is there, by method."""

    path: str
    endpoints: Mapping[str, Endpoint]


class Spoken(BaseRoute):
    """A dialect under one of its prefixes. Whatever goes wrong below it is said in its words."""

    def __init__(self, dialect: Dialect, prefix: str, places: Iterable[Place]) -> None:
        self.prefix = prefix
        self.paths: set[str] = set()
        self._says = dialect.says
        self._tree: Tree[Place] = Tree()
        for place in places:
            self.paths.add(place.path)
            self._tree.add(place.path, place)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The prefix itself is the dialect's root, with and without a slash after it."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(self.prefix) and path[len(self.prefix) :][:1] in ("", "/"):
                return Match.FULL, {}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request, scope["path"][len(self.prefix) :] or "/")
        except ClientDisconnect:
            raise
        except Exception:
            # Said in the dialect's form here; logged, with what it was, by whoever is outside.
            await self._says.broke(request)(scope, receive, send)
            raise
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        found = self._tree.find(path)
        if found is None:
            return self._says.answer(request, Refusal(reason=Reason.NO_SUCH_ROUTE))
        place, request.scope["path_params"] = found
        request.scope["route"] = place
        request.scope["root_path"] = self.prefix
        endpoint = place.endpoints.get(request.method)
        if endpoint is None:
            no = self._says.answer(request, Refusal(reason=Reason.METHOD_NOT_ALLOWED))
            no.headers["Allow"] = ", ".join(place.endpoints)
            return no
        try:
            return await endpoint(request)
        except Refused as refused:
            return self._says.answer(request, refused.refusal)


def mounted(dialect: Dialect) -> list[BaseRoute]:
    """The dialect under each of its prefixes."""
    document = json.dumps(openapi.document(dialect), separators=(",", ":"))

    async def show_document(request: Request) -> Response:
        return Response(document, media_type="application/json")

    places = [
        Place("/openapi.json", {"GET": show_document, "HEAD": show_document}),
        *(Place(path, endpoints) for path, endpoints in by_path(dialect).items()),
    ]
    return [Spoken(dialect, prefix, places) for prefix in dialect.prefixes]


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
