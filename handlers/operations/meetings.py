"""Meetings: rooms that are planned, and belong to who made them and who is invited.

Whoever asks is somebody in the meeting or learns nothing of it: every verb begins with `place`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from handlers.auth import Principal
from handlers.call import Call
from handlers.operations.ice import IceServer, ice_servers
from infra.contract import recurrence
from infra.contract.commands import (
    CancelRoom,
    CreateRoom,
    DeleteRoom,
    EndRoom,
    Invitee,
    RoomDeleted,
    StartRoom,
    UpdateRoom,
)
from infra.contract.ids import ParticipantId, RoomId, TenantId, new_id
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, Role, RoomConfig, RoomKind, RoomState, RoomView
from infra.db import participants, rooms

NEXT = 3
"Occurrences of a series that a meeting is shown with."


@dataclass(frozen=True, slots=True)
class Place:
    """A meeting, and what the one who asks is in it."""

    room: RoomView
    seat: ParticipantView | None
    "None: the tenant itself, which needs none."
    owns: bool
    "Made it, or is the tenant itself, which acts as host and sees everything."

    @property
    def hosts(self) -> bool:
        return self.owns or (self.seat is not None and self.seat.role is Role.HOST)

    @property
    def leads(self) -> bool:
        return self.owns or (self.seat is not None and self.seat.role.leads)

    def may(self, permission: Permission) -> bool:
        return self.owns or (self.seat is not None and self.seat.may(permission))

    @property
    def sits(self) -> ParticipantView:
        """Raises `Refused` NOT_A_MEMBER: the tenant itself has no seat until it joins."""
        if self.seat is None:
            raise refuse(Reason.NOT_A_MEMBER)
        return self.seat


@dataclass(frozen=True, slots=True)
class Meeting:
    """What is shown of a meeting to one who may see it."""

    room: RoomView
    present: Sequence[str]
    "Users who are there now."
    ice: Sequence[IceServer]
    invited: Sequence[str] = ()
    "Users whom its creator asked to it. Not looked up for lists."
    next_occurrences: Sequence[datetime] = ()
    "Of a series. Not looked up for lists."


@dataclass(frozen=True, slots=True)
class Plan:
    """A meeting somebody wants."""

    kind: RoomKind
    name: str
    description: str
    location: str
    starts_at: datetime
    ends_at: datetime
    recurrence: str | None
    config: RoomConfig
    metadata: dict[str, Any]
    invited: Sequence[str]
    "Users' names."


# --- who asks ---


async def place(call: Call, room_id: RoomId) -> Place:
    """Raises `Refused`: ROOM_UNKNOWN; NOT_A_MEMBER for the tenant's other users, its administrators
    among them."""
    who, tenant_id = call.who, call.tenant_id
    room, seat = await call.here.seen.of(
        call.in_room(room_id),
        ("place", tenant_id, who.participant_id, who.subject),
        lambda: call.here.reader.read(_find, tenant_id, room_id, who),
    )
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    owns = who.governs or (who.user_id is not None and who.user_id == room.creator_id)
    if seat is not None and not participants.is_entitled(seat):
        seat = None
    if not owns and seat is None:
        raise refuse(Reason.NOT_A_MEMBER)
    return Place(room, seat, owns)


def _find(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, who: Principal
) -> tuple[RoomView | None, ParticipantView | None]:
    room = rooms.get(connection, tenant_id, room_id)
    if room is None:
        return None, None
    if who.participant_id is not None:
        return room, participants.get(connection, tenant_id, room_id, who.participant_id)
    return room, participants.seat_of(connection, tenant_id, room_id, who.subject)


async def as_host(call: Call, room_id: RoomId) -> Place:
    """Raises `Refused` HOST_ONLY besides what `place` does."""
    here = await place(call, room_id)
    if not here.hosts:
        raise refuse(Reason.HOST_ONLY, "this is for the meeting's hosts")
    return here


async def as_creator(call: Call, room_id: RoomId) -> Place:
    """Raises `Refused` CREATOR_ONLY besides what `place` does."""
    here = await place(call, room_id)
    if not here.owns:
        raise refuse(Reason.CREATOR_ONLY, "this is for the meeting's creator")
    return here


# --- seeing ---


async def mine(call: Call, limit: int, before: RoomId | None) -> list[Meeting]:
    """Meetings the caller made or belongs to, newest first; the tenant itself: all there are."""
    if call.who.governs:
        found = await call.here.reader.read(rooms.page_all, call.tenant_id, None, limit, before)
        return await _listed(call, found)
    return await of_user(call, call.who.subject, limit, before)


async def of_user(call: Call, user_id: str, limit: int, before: RoomId | None) -> list[Meeting]:
    """Raises `Refused` ADMIN_ONLY: others' meetings are for the campus's administrators."""
    who = call.who
    if user_id != who.subject and not (who.governs or who.is_admin):
        raise refuse(Reason.ADMIN_ONLY, "others' meetings are for administrators")
    found = await call.here.reader.read(rooms.of_user, call.tenant_id, user_id, limit, before)
    return await _listed(call, [room for room in found if who.sees(room.id)])


async def _listed(call: Call, found: list[RoomView]) -> list[Meeting]:
    present = await call.here.reader.read(rooms.present_users, [room.id for room in found])
    ice = ice_of(call, None)
    return [Meeting(room, present[room.id], ice) for room in found]


async def shown(
    call: Call, room: RoomView, seat: ParticipantView | None, at: datetime | None = None
) -> Meeting:
    """`at`: when it was decided what is answered, for what a retry is to be told again."""
    present, invited = await call.here.seen.of(
        room.id, ("people", room.tenant_id), lambda: call.here.reader.read(_people, room)
    )
    return Meeting(
        room=room,
        present=present,
        ice=ice_of(call, seat, at),
        invited=invited,
        next_occurrences=occurrences(call, room, NEXT, at),
    )


def _people(connection: Connection, room: RoomView) -> tuple[list[str], list[str]]:
    present = rooms.present_users(connection, [room.id])
    asked = participants.invited_users(connection, room.tenant_id, room.id)
    return present[room.id], [user for user in asked if user != room.creator_id]


def occurrences(
    call: Call, room: RoomView, limit: int, at: datetime | None = None
) -> list[datetime]:
    """The next ones of a series that is not called off, from then or from now on."""
    if room.recurrence is None or room.state is RoomState.CANCELLED:
        return []
    first = room.series_starts_at or room.starts_at
    if first is None:
        return []
    return recurrence.occurrences(room.recurrence, first, at or call.here.now(), limit)


def ice_of(call: Call, seat: ParticipantView | None, at: datetime | None = None) -> list[IceServer]:
    """TURN credentials of the caller's own, by their seat where they have one."""
    return ice_servers(
        call.here.settings,
        tenant=call.tenant_id,
        participant=seat.id if seat else ParticipantId(call.tenant_id),
        now=at or call.here.now(),
    )


# --- doing ---


async def create(call: Call, plan: Plan) -> Meeting:
    """Whoever makes a meeting hosts it. Any user of the tenant may."""
    who = call.who
    # Somebody confined to certain rooms makes no others.
    if who.confined:
        raise refuse(Reason.NOT_ALLOWED)
    room = await call.ask(
        CreateRoom(
            room_id=RoomId(new_id()),
            tenant_id=call.tenant_id,
            name=plan.name,
            config=plan.config,
            metadata=plan.metadata,
            room_kind=plan.kind,
            creator_id=who.user_id,
            creator_name=who.display_name,
            creator_seat=ParticipantId(new_id()) if who.user_id else None,
            description=plan.description,
            location=plan.location,
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            recurrence=plan.recurrence,
            invitees=_invitees(plan.invited),
        )
    )
    return await shown(call, room, None, at=room.created_at)


async def update(
    call: Call,
    room_id: RoomId,
    *,
    invited: Sequence[str] | None = None,
    metadata: dict[str, Any] | None = None,
    **fields: Any,
) -> Meeting:
    """Only what is given changes. Who is not among `invited` any more loses their seat."""
    here = await as_creator(call, room_id)
    room = await call.ask(
        UpdateRoom(
            tenant_id=call.tenant_id,
            room_id=here.room.id,
            invitees=None if invited is None else _invitees(invited),
            metadata=metadata,
            if_version=call.if_version,
            **fields,
        )
    )
    return await shown(call, room, here.seat)


async def delete(call: Call, room_id: RoomId) -> RoomDeleted:
    """A retry under its `Idempotency-Key` finds the meeting gone, and its owner knows why."""
    found = await call.here.reader.read(rooms.get, call.tenant_id, call.in_room(room_id))
    if found is not None:
        await as_creator(call, room_id)
    return await call.ask(
        DeleteRoom(tenant_id=call.tenant_id, room_id=room_id, if_version=call.if_version)
    )


async def start(call: Call, room_id: RoomId) -> Meeting:
    here = await as_host(call, room_id)
    room = await call.ask(StartRoom(tenant_id=call.tenant_id, room_id=here.room.id))
    return await shown(call, room, here.seat)


async def cancel(call: Call, room_id: RoomId) -> Meeting:
    here = await as_host(call, room_id)
    room = await call.ask(CancelRoom(tenant_id=call.tenant_id, room_id=here.room.id))
    return await shown(call, room, here.seat)


async def end(call: Call, room_id: RoomId) -> Meeting:
    here = await as_host(call, room_id)
    room = await call.ask(EndRoom(tenant_id=call.tenant_id, room_id=here.room.id))
    return await shown(call, room, here.seat)


def _invitees(users: Sequence[str]) -> tuple[Invitee, ...]:
    return tuple(
        Invitee(participant_id=ParticipantId(new_id()), user_id=user, role=Role.PRESENTER)
        for user in dict.fromkeys(users)
    )
