"""The API's steps one at a time, as routes of one process: what `reads.py` measures beside it."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from datetime import UTC, datetime
from uuid import UUID

import uvicorn
from limits.aio.storage import MemoryStorage
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.app import parts
from handlers.auth import May
from handlers.call import Call, Visit
from handlers.context import Context
from handlers.dialects.chalk.refusals import CHALK_SAYS, Error
from handlers.dialects.chalk.wire.rooms import Room as Shown
from handlers.dialects.dialect import Dialect, by_tenant
from handlers.dialects.mount import mounted
from handlers.dialects.operation import Table
from handlers.edge import Edge
from handlers.limits import RateLimit
from infra.contract.ids import RoomId, TenantId
from infra.contract.views import RoomConfig, RoomState, RoomView
from infra.db.engine import normalise
from infra.db.tables import Participant, Room
from infra.settings import settings

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
SAMPLE = Shown.of(
    RoomView(
        id=RoomId(UUID(int=1)),
        tenant_id=TenantId(UUID(int=2)),
        name="Algebra",
        config=RoomConfig(),
        metadata={},
        state=RoomState.LIVE,
        epoch=1,
        seq=1,
        started_at=NOON,
        ended_at=None,
        created_at=NOON,
        updated_at=NOON,
    )
)
TABLE = Table()
engine: AsyncEngine


@TABLE.add("GET", "/open", tag="ladder", may=None)
async def answer_anybody(visit: Visit) -> Shown:
    """A room that is no room, for whoever asks."""
    return SAMPLE


@TABLE.add("GET", "/known", tag="ladder", may=May.JOIN)
async def answer_the_known(call: Call) -> Shown:
    """The same, for whoever may ask."""
    return SAMPLE


@TABLE.add("GET", "/orm/{room_id}", tag="ladder", may=May.JOIN)
async def read_by_orm(call: Call, room_id: RoomId) -> Shown:
    """A room, by a session of the ORM."""
    people = (
        select(func.count())
        .select_from(Participant)
        .where(
            col(Participant.room_id) == col(Room.id),
            col(Participant.joined_at).is_not(None),
            col(Participant.left_at).is_(None),
        )
        .correlate(Room)
        .scalar_subquery()
    )
    wanted = select(Room, people).where(Room.id == room_id, Room.tenant_id == call.tenant_id)
    async with AsyncSession(engine) as session:
        room, count = (await session.exec(wanted)).one()
    return Shown.model_validate(
        {
            **SAMPLE.model_dump(),
            **room.model_dump(),
            "metadata": room.meta,
            "status": "active",
            "participant_count": count,
        }
    )


LADDER = Dialect(
    name="chalk",
    title="ladder",
    version="1",
    description="",
    prefixes=("/ladder",),
    operations=TABLE,
    says=CHALK_SAYS,
    error=Error,
    rates=by_tenant,
    security={},
)


async def constant(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def program(here: Context) -> Starlette:
    app = Starlette(
        routes=[Route("/edge", constant), *mounted(LADDER)], middleware=[Middleware(Edge)]
    )
    app.state.context = here
    return app


def chosen(bare: ASGIApp, unlimited: ASGIApp, limited: ASGIApp) -> ASGIApp:
    """`/bare`; below `/free` without a rate limit; everything else with one."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/bare":
            await bare(scope, receive, send)
        elif path.startswith("/free/"):
            scope["path"] = path.removeprefix("/free")
            await unlimited(scope, receive, send)
        else:
            await limited(scope, receive, send)

    return choose


async def serve(port: int) -> None:
    global engine
    here = settings()
    engine = create_async_engine(normalise(here.sqlalchemy_url), pool_size=8, max_overflow=0)
    async with parts(here) as context:
        free = dataclasses.replace(context, limit=RateLimit(MemoryStorage(), per_minute=0))
        app = chosen(Starlette(routes=[Route("/bare", constant)]), program(free), program(context))
        config = uvicorn.Config(
            app, port=port, lifespan="off", http="httptools", access_log=False, log_config=None
        )
        await uvicorn.Server(config).serve()
    await engine.dispose()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
