"""Handlers over real owners and a real database, with the bus in memory between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import redis
import uvicorn
from limits.aio.storage import MemoryStorage

from handlers.app import assemble
from handlers.context import Context
from handlers.issuers import Issuers
from handlers.jwks import KeySets
from handlers.limits import RateLimit
from handlers.operations import credentials
from handlers.operations.seen import Seen
from handlers.operations.standing import Standing
from handlers.sightings import Sightings
from handlers.socket.frames import FRAME_LIMIT
from handlers.socket.keepalive import PING_INTERVAL_S, PONG_TIMEOUT_S, KeepaliveProtocol
from handlers.tokens import Identity, Tokens
from infra.contract.commands import (
    AddParticipant,
    CreateRoom,
    CreateTenant,
    EndRoom,
    PlaceRoom,
    Seat,
    Seated,
    UpdateTenant,
)
from infra.contract.events import RoomEvent, RoomMoved, Signal
from infra.contract.ids import ParticipantId, RoomId, TenantId, new_id
from infra.contract.messages import Command, Placement, Reply
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role, RoomView
from infra.db import placements, rooms
from infra.db.engine import make_engine
from infra.db.reader import Reader
from infra.db.work import Left
from infra.net import Outbound
from infra.secrets import api_key_sha256, load
from infra.settings import Settings
from infra.storage.disk import DiskStore
from tests.support.bus import LocalBus
from tests.support.wire_client import until
from workers.chat import send as _chat  # noqa: F401 - registers its owner
from workers.directory import people as _people  # noqa: F401
from workers.owners import prepared
from workers.recordings import start as _recordings  # noqa: F401
from workers.rooms import (  # noqa: F401
    change,
    door,
    end,
    guests,
    join,
    open,
    people,
    place,
    presence,
    seats,
    start,
)
from workers.tenants import account as _account  # noqa: F401
from workers.tenants import keys as _keys  # noqa: F401
from workers.tools import Tools, utc_now


@dataclass(frozen=True, slots=True)
class Person:
    """A seat and the token that opens it."""

    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    token: str


class Nowhere:
    """Stands where Redis would, for owners that ask it for pods: those are the local bus's."""

    def smembers(self, _: str) -> set[bytes]:
        return set()

    def get(self, _: str) -> None:
        return None


class Lobby:
    """One deployment in one process: ask `bus`, connect to what `served` yields."""

    def __init__(self, home: Path, database_url: str, **settings: Any) -> None:
        self.ahead = timedelta()
        "How far this deployment's clock is ahead of the machine's."
        self.settings = Settings(home=home, database_url=database_url, **settings)
        self.engine = make_engine(database_url)
        self.bus = LocalBus(self._perform)
        self.bus.answer(PlaceRoom, self._place)
        secrets = load(self.settings)
        reader = Reader(database_url)
        standing = Standing(reader, self.now)
        store = DiskStore(home / "objects", self.settings.base_url, secrets.derived("links"))
        self.context = Context(
            bus=self.bus,
            feed=self.bus,
            live=self.bus,
            reader=reader,
            store=store,
            settings=self.settings,
            now=self.now,
            tokens=Tokens(
                secrets.signing_key,
                issuer=self.settings.issuer,
                access_s=self.settings.access_token_s,
                refresh_s=self.settings.refresh_token_s,
                now=self.now,
            ),
            secrets=secrets,
            standing=standing,
            issuers=Issuers(
                standing,
                KeySets(Outbound(self.settings.allow_private_urls)),
                secrets,
                own_issuer=self.settings.issuer,
                now=self.now,
            ),
            sightings=Sightings(self.bus),
            limit=RateLimit(MemoryStorage(), per_minute=0),
            seen=Seen(self.bus, reader),
        )
        self.tools = Tools(
            engine=self.engine,
            redis=cast("redis.Redis", Nowhere()),
            store=store,
            settings=self.settings,
            send=self._send,
            now=self.now,
        )

    def now(self) -> datetime:
        return utc_now() + self.ahead

    # --- what tests set up ---

    async def tenant(self, **config: Any) -> tuple[TenantId, str]:
        """A tenant and its API key."""
        tenant, key = TenantId(new_id()), self.context.secrets.api_key(new_id())
        await self.bus.ask(
            CreateTenant(tenant_id=tenant, name="School", api_key_sha256=api_key_sha256(key))
        )
        if config:
            await self.bus.ask(UpdateTenant(tenant_id=tenant, config=config))
        return tenant, key

    async def room(self, tenant: TenantId, name: str | None = None) -> RoomView:
        return await self.bus.ask(CreateRoom(room_id=RoomId(new_id()), tenant_id=tenant, name=name))

    async def person(
        self, room: RoomView, name: str, role: Literal["host", "attendee"] = "attendee"
    ) -> Person:
        seated: Seated = await self.bus.ask(
            AddParticipant(
                tenant_id=room.tenant_id,
                room=str(room.id),
                room_id_if_new=RoomId(new_id()),
                seat=Seat(
                    participant_id=ParticipantId(new_id()),
                    display_name=name,
                    external_user_id=name.lower(),
                    role=Role(role),
                ),
            )
        )
        pair = credentials.for_seat(self.context, seated.participant)
        return Person(room.tenant_id, room.id, seated.participant.id, pair.access_token)

    def token(self, **claims: Any) -> str:
        """A tenant's token with these claims."""
        return self.context.tokens.pair(Identity(kind="tenant", **claims)).access_token

    async def end(self, room: RoomView) -> None:
        await self.bus.ask(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    def say(self, room: UUID, news: RoomEvent | Signal) -> None:
        self.bus.say(RoomId(room), news)

    # --- how it works ---

    def _perform(self, command: Command[Any]) -> Reply:
        decide = prepared(command, self.tools)
        with self.tools.begin() as work:
            return decide(work)

    def _send(self, left: Sequence[Left]) -> None:
        for entry in left:
            if entry.topic in ("room", "stamp"):
                self.bus.touch(RoomId(UUID(entry.key)))
            if entry.topic == "room" and entry.payload["type"] == "event":
                self.say(UUID(entry.key), RoomEvent.model_validate(entry.payload["body"]))

    def _place(self, command: PlaceRoom) -> Placement:
        """The first pod there is, under an epoch that grows when the room moves."""
        pod = next(iter(self.bus.reports.values()), None)
        if pod is None:
            raise refuse(Reason.NO_MEDIA_POD)
        with self.tools.begin() as work:
            held = placements.get(work.connection, command.tenant_id, command.room_id)
            if held is not None and held.pod_id in self.bus.reports:
                return held
            room = rooms.get(work.connection, command.tenant_id, command.room_id)
            assert room is not None
            epoch = placements.move(work.connection, room, pod.pod_id, pod.spool_id)
        assert epoch is not None
        if held is not None:
            self.say(command.room_id, RoomMoved(room_id=command.room_id, epoch=epoch))
        return Placement(room_id=command.room_id, pod_id=pod.pod_id, epoch=epoch)

    @asynccontextmanager
    async def served(
        self, *, ping_s: float = PING_INTERVAL_S, pong_s: float = PONG_TIMEOUT_S
    ) -> AsyncIterator[str]:
        """Answers on a real port, as the deployment's server is set up; yields host:port."""

        @asynccontextmanager
        async def parts() -> AsyncIterator[Context]:
            yield self.context

        config = uvicorn.Config(
            assemble(parts),
            log_level="warning",
            ws=KeepaliveProtocol,
            ws_max_size=FRAME_LIMIT,
            ws_ping_interval=ping_s,
            ws_ping_timeout=pong_s,
            timeout_graceful_shutdown=2,
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listening]))
            await until(lambda: server.started)
            try:
                yield f"127.0.0.1:{listening.getsockname()[1]}"
            finally:
                server.should_exit = True
                await serving
                await self.context.reader.close()
                self.engine.dispose()
