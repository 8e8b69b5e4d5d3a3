"""The program: real parts are chosen and joined here, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware

from handlers import files, health
from handlers.context import Context
from handlers.dialects.chalk.document import CHALK
from handlers.dialects.chroom.document import CHROOM
from handlers.dialects.chroom.routes.links import link_routes
from handlers.dialects.kcs.document import KCS
from handlers.dialects.mount import mounted, pages
from handlers.edge import Edge
from handlers.ingest.routes import routes as ingest_routes
from handlers.issuers import Issuers
from handlers.jwks import KeySets
from handlers.limits import RateLimit
from handlers.oauth.routes import routes as oauth_routes
from handlers.operations.seen import Seen
from handlers.operations.standing import Standing
from handlers.page.routes import page_routes
from handlers.sightings import Sightings
from handlers.socket.routes import routes as socket_routes
from handlers.tokens import Tokens
from infra import secrets
from infra.bus.redis import RedisBus
from infra.db.reader import Reader
from infra.net import Outbound
from infra.settings import Settings
from infra.settings import settings as from_environment
from infra.storage.choose import open_store

DIALECTS = (CHALK, KCS, CHROOM)
"In the order they are matched: a prefix before what it begins with."

Parts = Callable[[], AbstractAsyncContextManager[Context]]


def build() -> Starlette:
    """The program with the parts that settings name."""
    return assemble(lambda: parts(from_environment()))


def assemble(open_parts: Parts) -> Starlette:
    """The program with any parts: opened when it starts, closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_parts() as here:
            app.state.context = here
            yield

    app = Starlette(
        routes=[
            *health.routes,
            # Before the dialect they share a prefix with: it answers for all the rest of it.
            *socket_routes,
            *ingest_routes,
            *(route for dialect in DIALECTS for route in mounted(dialect)),
            *pages(DIALECTS),
            *link_routes,
            *oauth_routes,
            *files.routes,
            *page_routes(),
        ],
        middleware=[Middleware(Edge)],
        exception_handlers=CHALK.says.handlers,
        lifespan=lifespan,
    )
    # A redirect is made of the Host header, which is anybody's to choose.
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def parts(settings: Settings) -> AsyncIterator[Context]:
    """Nothing here needs a server to answer yet: until it does, requests are refused with 503."""
    if settings.redis_url is None:
        raise ValueError("PARLEY_REDIS_URL is not set; `parley run` starts a Redis of its own")
    kept = secrets.load(settings)
    reader = Reader(settings.sqlalchemy_url)
    standing = Standing(reader, utc_now)
    bus = await RedisBus.open(settings.redis_url)
    limit = RateLimit.on_redis(
        settings.redis_url, settings.rate_limit_per_minute, settings.rate_limit_scale
    )
    try:
        yield Context(
            bus=bus,
            feed=bus,
            live=bus,
            reader=reader,
            store=open_store(settings),
            settings=settings,
            now=utc_now,
            tokens=Tokens(
                kept.signing_key,
                issuer=settings.issuer,
                access_s=settings.access_token_s,
                refresh_s=settings.refresh_token_s,
                now=utc_now,
            ),
            secrets=kept,
            standing=standing,
            issuers=Issuers(
                standing,
                KeySets(Outbound(settings.allow_private_urls)),
                kept,
                own_issuer=settings.issuer,
                now=utc_now,
            ),
            sightings=Sightings(bus),
            limit=limit,
            seen=Seen(bus, reader),
        )
    finally:
        await limit.close()
        await bus.close()
        await reader.close()


def utc_now() -> datetime:
    return datetime.now(UTC)
