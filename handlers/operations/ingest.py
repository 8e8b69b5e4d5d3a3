"""Media over plain HTTP: a seat by name, one connection each session, no socket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from handlers.auth import Principal
from handlers.context import Context
from handlers.operations import media
from handlers.operations.publishing import require_may_send
from handlers.operations.seats import enter, seat_named, seat_of_user
from infra.contract.commands import Entered, EnterRoom, LeaveRoom
from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId
from infra.contract.live import AddCandidate, CloseConnection, Publish, Subscribe
from infra.contract.messages import LiveCommand, Placement, Reply
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import RoomView
from infra.db import connections, participants, rooms

R = TypeVar("R", bound=Reply)


@dataclass(frozen=True, slots=True)
class Session:
    """One connection of one seat."""

    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId


@dataclass(frozen=True, slots=True)
class Negotiated:
    session: Session
    answer: str


async def publish(
    here: Context, who: Principal, room: str, *, name: str | None, offer: str
) -> Negotiated:
    """A second one on the seat refuses with ALREADY_PUBLISHING; and what the room does without,
    or a host took from them, with FEATURE_DISABLED or NOT_ALLOWED."""
    found = await _room(here, who, room)
    session, entered = await _enter(here, who, found, name)
    try:
        require_may_send(entered.room.config, entered.participant, offer)
    except Refused:
        await here.bus.tell(_leaving(session))
        raise
    published = await _negotiate(
        here,
        session,
        lambda at: Publish(
            room_id=at.room_id,
            epoch=at.epoch,
            version=at.version,
            participant_id=session.participant_id,
            connection_id=session.connection_id,
            offer=offer,
        ),
    )
    return Negotiated(session, published.answer)


async def subscribe(
    here: Context,
    who: Principal,
    room: str,
    *,
    name: str | None,
    feeds: list[str] | None,
    offer: str,
) -> Negotiated:
    """`feeds` are users' names, in the order of the m-lines that play them; None: all others."""
    found = await _room(here, who, room)
    wanted = None if feeds is None else [await _named(here, found, feed) for feed in feeds]
    session, _ = await _enter(here, who, found, name)
    subscribed = await _negotiate(
        here,
        session,
        lambda at: Subscribe(
            room_id=at.room_id,
            epoch=at.epoch,
            version=at.version,
            participant_id=session.participant_id,
            connection_id=session.connection_id,
            offer=offer,
            feeds=None if wanted is None else tuple(wanted),
        ),
    )
    return Negotiated(session, subscribed.answer)


async def find(here: Context, who: Principal, room: str, connection_id: ConnectionId) -> Session:
    """The session, for whoever may end it. Raises SESSION_UNKNOWN, also for another's."""
    tenant_id = who.owner
    try:
        room_id = (await _room(here, who, room)).id
    except Refused as refused:
        raise refuse(Reason.SESSION_UNKNOWN) from refused
    seat = await here.reader.read(connections.seat_through, tenant_id, room_id, connection_id)
    if seat is None or not _is_own(who, seat.id, seat.external_user_id):
        raise refuse(Reason.SESSION_UNKNOWN)
    return Session(tenant_id, room_id, seat.id, connection_id)


async def add_candidate(
    here: Context, session: Session, candidate: str | None, mid: str | None
) -> None:
    await media.order(
        here,
        session.tenant_id,
        session.room_id,
        lambda at: AddCandidate(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=session.participant_id,
            connection_id=session.connection_id,
            candidate=candidate,
            mid=mid,
        ),
    )


async def end(here: Context, session: Session) -> None:
    await media.order(
        here,
        session.tenant_id,
        session.room_id,
        lambda at: CloseConnection(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=session.participant_id,
            connection_id=session.connection_id,
        ),
    )
    await here.bus.ask(_leaving(session))


def _is_own(who: Principal, seat: ParticipantId, user: str | None) -> bool:
    if who.participant_id is not None:
        return who.participant_id == seat
    return who.leads or (user is not None and who.user_id == user)


async def _room(here: Context, who: Principal, room: str) -> RoomView:
    found = await here.reader.read(rooms.find, who.owner, room)
    if found is None or not who.sees(found.id):
        raise refuse(Reason.ROOM_UNKNOWN)
    return found


async def _named(here: Context, room: RoomView, name: str) -> ParticipantId:
    seat = await here.reader.read(participants.seat_of, room.tenant_id, room.id, name)
    if seat is None:
        raise refuse(Reason.PARTICIPANT_UNKNOWN, f"nobody here is called {name[:200]!r}")
    return seat.id


async def _enter(
    here: Context, who: Principal, room: RoomView, name: str | None
) -> tuple[Session, Entered]:
    session = Session(
        tenant_id=room.tenant_id,
        room_id=room.id,
        participant_id=await _seat(here, who, room, name),
        # Part of a URL: random rather than sortable, so that nobody guesses one.
        connection_id=ConnectionId(uuid4()),
    )
    entered = await enter(
        here,
        EnterRoom(
            tenant_id=session.tenant_id,
            room_id=session.room_id,
            participant_id=session.participant_id,
            connection_id=session.connection_id,
        ),
    )
    await here.live.touch_presence(session.room_id, session.participant_id)
    return session, entered


async def _seat(here: Context, who: Principal, room: RoomView, name: str | None) -> ParticipantId:
    if name is not None and not who.leads and name != who.user_id:
        raise refuse(Reason.NOT_ALLOWED, "`id` names somebody else")
    if who.participant_id is not None and name in (None, who.user_id):
        return who.participant_id
    if name is not None:
        seated = await seat_named(here, who, str(room.id), external_user_id=name)
    elif who.user_id is not None:
        seated = await seat_of_user(here, who, room.id)
    else:
        raise refuse(Reason.MALFORMED, "`id` says who this is")
    return seated.participant.id


async def _negotiate(
    here: Context, session: Session, build: Callable[[Placement], LiveCommand[R]]
) -> R:
    """What was not negotiated leaves nobody behind in the room."""
    try:
        return await media.order(here, session.tenant_id, session.room_id, build)
    except Refused:
        await here.bus.tell(_leaving(session))
        raise


def _leaving(session: Session) -> LeaveRoom:
    return LeaveRoom(
        tenant_id=session.tenant_id,
        room_id=session.room_id,
        participant_id=session.participant_id,
        connection_id=session.connection_id,
    )
