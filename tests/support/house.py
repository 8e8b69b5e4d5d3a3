"""Owners called as the performer calls them: a database, a Redis, and a clock that tests turn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import redis
from sqlalchemy import Engine, select

from infra.bus import keys
from infra.bus.port import PodReport
from infra.contract.commands import (
    AddParticipant,
    CreateRoom,
    CreateTenant,
    EnterRoom,
    Invitee,
    Joining,
    JoinRoom,
    LeaveRoom,
    Seat,
    Seated,
)
from infra.contract.events import RoomEvent
from infra.contract.ids import (
    ConnectionId,
    ParticipantId,
    PodId,
    RoomId,
    SpoolId,
    TenantId,
    new_id,
)
from infra.contract.messages import Command, Envelope, LiveCommand, Reply, kinds
from infra.contract.refusals import Reason, Refused
from infra.contract.views import (
    ParticipantView,
    RoomConfig,
    RoomKind,
    RoomView,
    TenantConfig,
    TenantView,
)
from infra.db import events, participants, rooms
from infra.db.work import Left, Work, begin
from infra.settings import Settings
from infra.storage.port import ObjectStore
from workers.chat import send as _chat  # noqa: F401 - registers its owner
from workers.owners import prepared
from workers.recordings import start as _start  # noqa: F401
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
    reap,
    seats,
    start,
)
from workers.tenants import account as _account  # noqa: F401
from workers.tenants import keys as _keys  # noqa: F401
from workers.tools import Tools

R = TypeVar("R", bound=Reply)

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


class Shelf:
    """Stands where an object store would, for owners that only ask its name."""

    provider = "shelf"


class House:
    def __init__(self, engine: Engine, redis_url: str) -> None:
        self.engine = engine
        self.now = NOON
        self.sent: list[Left] = []
        "What committed units of work left to be sent, in order."
        self.redis = redis.Redis.from_url(redis_url, socket_timeout=5)
        self.tools = Tools(
            engine=engine,
            redis=self.redis,
            store=cast(ObjectStore, Shelf()),
            settings=Settings(_env_file=None),
            send=self._take,
            now=lambda: self.now,
        )

    def _take(self, left: Sequence[Left]) -> None:
        self.sent.extend(left)

    def begin(self) -> AbstractContextManager[Work]:
        return begin(self.engine, now=self.now, send=self._take)

    def do(self, command: Command[R]) -> R:
        decide = prepared(command, self.tools)
        with self.begin() as work:
            return cast(R, decide(work))

    def refusal(self, command: Command[Any]) -> Reason | None:
        """Why the command is refused; None when it is not."""
        try:
            self.do(command)
        except Refused as no:
            return no.refusal.reason
        return None

    def wait(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)

    # --- a meeting ---

    def tenant(self, config: TenantConfig | None = None, **limits: int) -> TenantView:
        return self.do(
            CreateTenant(
                tenant_id=TenantId(new_id()),
                name="Acme",
                api_key_sha256=new_id().hex,
                config=config or TenantConfig(),
                **limits,
            )
        )

    def room(self, tenant: TenantView, name: str | None = None, **config: Any) -> RoomView:
        return self.do(
            CreateRoom(
                room_id=RoomId(new_id()),
                tenant_id=tenant.id,
                name=name,
                config=RoomConfig(**config),
            )
        )

    def plan(self, tenant: TenantView, **fields: Any) -> RoomView:
        """A meeting of tomorrow at noon that Tess made, unless the fields say otherwise."""
        config = fields.pop("config", {})
        starts_at = fields.pop("starts_at", NOON + timedelta(days=1))
        is_series = "recurrence" in fields
        wanted = {
            "room_kind": RoomKind.RECURRING if is_series else RoomKind.SCHEDULED,
            "creator_id": "tess",
            "creator_seat": ParticipantId(new_id()),
            "starts_at": starts_at,
            "ends_at": starts_at and starts_at + timedelta(hours=1),
            "config": RoomConfig(**{"members_only": True, **config}),
        }
        return self.do(
            CreateRoom(room_id=RoomId(new_id()), tenant_id=tenant.id, **{**wanted, **fields})
        )

    def join(self, room: RoomView, user_id: str, **fields: Any) -> Joining:
        return self.do(joining_as(room, user_id, **fields))

    def seat(self, room: RoomView, user_id: str) -> ParticipantView | None:
        with self.engine.connect() as connection:
            return participants.seat_of(connection, room.tenant_id, room.id, user_id)

    def add(
        self, room: RoomView, display_name: str = "Ann", external_user_id: str | None = None
    ) -> Seated:
        return self.do(joining(room.tenant_id, str(room.id), display_name, external_user_id))

    def enter(self, room: RoomView, seat: ParticipantId) -> ConnectionId:
        connection = ConnectionId(new_id())
        self.do(entering(room, seat, connection))
        return connection

    def come(self, room: RoomView, display_name: str = "Ann") -> ParticipantId:
        """Somebody gets a seat and enters."""
        seat = self.add(room, display_name).participant.id
        self.enter(room, seat)
        return seat

    def leave(self, room: RoomView, seat: ParticipantId, connection: ConnectionId) -> None:
        self.do(leaving(room, seat, connection))

    # --- what came of it ---

    def seen(self, room: RoomView) -> RoomView:
        with self.engine.connect() as connection:
            view = rooms.get(connection, room.tenant_id, room.id)
        assert view is not None
        return view

    def version(self, room: RoomView) -> int:
        """The last number given out for orders about the room."""
        with self.engine.connect() as connection:
            query = select(rooms.ROOMS.c.orders).where(rooms.ROOMS.c.id == room.id)
            return int(connection.execute(query).scalar_one())

    def log(self, room: RoomView) -> list[RoomEvent]:
        with self.engine.connect() as connection:
            return events.since(connection, room.tenant_id, room.id, 0)

    def kinds(self, room: RoomView) -> list[str]:
        return [event.kind for event in self.log(room)]

    def orders(self, pod: PodId) -> list[LiveCommand[Any]]:
        """What the pod has been sent so far."""
        known = kinds(LiveCommand)
        told = [
            Envelope.model_validate(left.payload)
            for left in self.sent
            if left.topic == "order" and left.key == str(pod)
        ]
        return [known[order.kind].model_validate(order.body) for order in told]

    def signals(self, room: RoomView) -> list[dict[str, Any]]:
        return [
            left.payload["body"]
            for left in self.sent
            if left.topic == "room"
            and left.key == str(room.id)
            and left.payload["type"] == "signal"
        ]

    # --- pods ---

    def pod(
        self, *, connections: int = 0, draining: bool = False, spool_used: float = 0.0
    ) -> PodReport:
        """A media pod reports."""
        report = PodReport(
            pod_id=PodId(new_id()),
            spool_id=SpoolId(new_id()),
            pid=1,
            engine="reference",
            rooms=0,
            connections=connections,
            draining=draining,
            media_address="127.0.0.1:9",
            spool_used=spool_used,
        )
        self.report(report)
        return report

    def report(self, report: PodReport) -> None:
        self.redis.sadd(keys.PODS, str(report.pod_id))
        self.redis.set(keys.pod(report.pod_id), report.model_dump_json())

    def kill_pod(self, report: PodReport) -> None:
        """Its report has run out."""
        self.redis.delete(keys.pod(report.pod_id))

    def touch(self, room: RoomView, seat: ParticipantId) -> None:
        self.redis.set(keys.presence(room.id, seat), 1)


def joining(
    tenant_id: TenantId,
    room: str,
    display_name: str = "Ann",
    external_user_id: str | None = None,
    **more: Any,
) -> AddParticipant:
    seat_fields = {key: more.pop(key) for key in ("role",) if key in more}
    return AddParticipant(
        tenant_id=tenant_id,
        room=room,
        room_id_if_new=RoomId(new_id()),
        seat=Seat(
            participant_id=ParticipantId(new_id()),
            display_name=display_name,
            external_user_id=external_user_id,
            **seat_fields,
        ),
        **more,
    )


def joining_as(room: RoomView, user_id: str, **fields: Any) -> JoinRoom:
    return JoinRoom(
        tenant_id=room.tenant_id,
        room_id=room.id,
        participant_id=ParticipantId(new_id()),
        user_id=user_id,
        **fields,
    )


def invitee(user_id: str | None = None, **fields: Any) -> Invitee:
    return Invitee(participant_id=ParticipantId(new_id()), user_id=user_id, **fields)


def entering(room: RoomView, seat: ParticipantId, connection: ConnectionId) -> EnterRoom:
    return EnterRoom(
        tenant_id=room.tenant_id, room_id=room.id, participant_id=seat, connection_id=connection
    )


def leaving(room: RoomView, seat: ParticipantId, connection: ConnectionId) -> LeaveRoom:
    return LeaveRoom(
        tenant_id=room.tenant_id, room_id=room.id, participant_id=seat, connection_id=connection
    )
