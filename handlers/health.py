"""Whether this process lives, whether the deployment works, and what is counted."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from handlers.context import context
from handlers.operations import health

NOT_STORED = {"Cache-Control": "no-store"}


async def livez(request: Request) -> Response:
    """This process answers. Says nothing of the others."""
    return JSONResponse({"status": "ok"}, headers=NOT_STORED)


async def healthz(request: Request) -> Response:
    """200 only when every part answers."""
    well, said = await health.check(context(request))
    return JSONResponse(said, 200 if well else 503, headers=NOT_STORED)


async def metrics(request: Request) -> Response:
    """Prometheus, of this process alone."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST, headers=NOT_STORED)


routes: list[BaseRoute] = [
    Route("/livez", livez),
    Route("/healthz", healthz),
    Route("/api/v1/health", healthz),
    Route("/metrics", metrics),
]
