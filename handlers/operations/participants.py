"""Seats in rooms: given out, listed, changed, taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from handlers.call import Call
from handlers.operations import credentials, rooms
from handlers.tokens import TokenPair
from infra.contract.commands import (
    AddParticipant,
    AddParticipants,
    RemoveParticipant,
    Seat,
    Seated,
    SeatResult,
    UpdateParticipant,
)
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, Role
from infra.db import participants


@dataclass(frozen=True, slots=True)
class Wish:
    """A seat somebody asks for."""

    display_name: str
    external_user_id: str | None
    role: Role | None


async def add(call: Call, room: str, wish: Wish) -> tuple[Seated, TokenPair]:
    """Give out a seat in the room of that id or name. Its tokens come along.

    A host gives out any seat. Anybody else takes one for themselves, and not a host's.
    """
    if not call.who.leads:
        if call.who.kind == "participant" or wish.role in (Role.HOST, Role.CO_HOST):
            raise refuse(Reason.HOST_ONLY)
        if wish.external_user_id not in (None, call.who.user_id):
            raise refuse(Reason.NOT_ALLOWED)
        wish = Wish(wish.display_name, call.who.user_id, wish.role)
    seated = await call.ask(
        AddParticipant(
            tenant_id=call.tenant_id,
            room=_room(call, room),
            room_id_if_new=RoomId(new_id()),
            seat=_seat(wish),
            may_make_room=call.who.room_id is None,
            vouched=call.who.leads,
        )
    )
    return seated, credentials.for_seat(call.here, seated.participant, call.born(seated.decided_at))


async def add_many(call: Call, room: str, wishes: Sequence[Wish]) -> tuple[SeatResult, ...]:
    """Each seat is given out or refused by itself."""
    answer = await call.ask(
        AddParticipants(
            tenant_id=call.tenant_id,
            room=_room(call, room),
            room_id_if_new=RoomId(new_id()),
            seats=tuple(_seat(wish) for wish in wishes),
        )
    )
    return answer.results


async def in_room(call: Call, room: str, *, active: bool) -> list[ParticipantView]:
    """Everybody with a seat in the room of that id or name; `active`: who is there now."""
    found = await rooms.find(call, room)
    return await call.here.reader.read(
        participants.in_room, call.tenant_id, found.id, active=active
    )


async def get(call: Call, room_id: RoomId, participant_id: ParticipantId) -> ParticipantView:
    await rooms.get(call, room_id)
    seat = await call.here.reader.read(participants.get, call.tenant_id, room_id, participant_id)
    if seat is None:
        raise refuse(Reason.PARTICIPANT_UNKNOWN)
    return seat


async def update(
    call: Call,
    room_id: RoomId,
    participant_id: ParticipantId,
    *,
    display_name: str | None,
    role: Role | None,
) -> ParticipantView:
    """A host changes anybody's name and role; everybody else their own name."""
    if not call.who.leads and (role is not None or participant_id != call.who.participant_id):
        raise refuse(Reason.HOST_ONLY)
    changed = await call.ask(
        UpdateParticipant(
            tenant_id=call.tenant_id,
            room_id=call.in_room(room_id),
            participant_id=participant_id,
            display_name=display_name,
            role=role,
            if_match=call.if_match,
        )
    )
    call.here.standing.forget()
    return changed


async def remove(call: Call, room_id: RoomId, participant_id: ParticipantId) -> None:
    await call.ask(
        RemoveParticipant(
            tenant_id=call.tenant_id,
            room_id=call.in_room(room_id),
            participant_id=participant_id,
            if_match=call.if_match,
        )
    )
    call.here.standing.forget()


async def token(call: Call, room_id: RoomId, participant_id: ParticipantId) -> TokenPair:
    """New tokens for a seat."""
    return credentials.for_seat(call.here, await get(call, room_id, participant_id))


def _seat(wish: Wish) -> Seat:
    return Seat(
        participant_id=ParticipantId(new_id()),
        display_name=wish.display_name,
        external_user_id=wish.external_user_id,
        role=wish.role,
    )


def _room(call: Call, room: str) -> str:
    """Somebody confined to one room reaches no other, whatever it is called."""
    if call.who.room_id is None:
        return room
    try:
        return str(call.in_room(RoomId(UUID(room))))
    except ValueError:
        raise refuse(Reason.ROOM_UNKNOWN) from None
