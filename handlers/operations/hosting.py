"""Meetings made on somebody's behalf, and the two links that lead into them: the host's, which is
good once, and everybody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from handlers.call import Call
from handlers.context import Context
from handlers.operations import credentials, meetings
from handlers.tokens import Birth, Identity, RoleName, TokenPair
from infra.contract.commands import CreateRoom, Invitee, Joining, JoinRoom
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Role, RoomConfig, RoomKind, RoomState, RoomView
from infra.db import participants, rooms

LINKS_OUTLIVE_S = 86_400
"Seconds the links are good for after the planned end: meetings run late."
PEOPLE = 100
"People admitted at once, unless more than that are asked."
MOST_PEOPLE = 10_000


@dataclass(frozen=True, slots=True)
class Hosted:
    """A meeting just made, and the codes of its links."""

    room: RoomView
    start_code: str
    "Makes whoever shows it first the host."
    join_code: str
    "Gives anybody a seat, until the meeting's end and a day more."


async def create(
    call: Call, *, title: str, host: str, invited: Sequence[str], lasts: timedelta
) -> Hosted:
    """A meeting from now on, scheduled until it is started or its host comes."""
    # Somebody confined to some rooms makes no others.
    if call.who.confined:
        raise refuse(Reason.NOT_ALLOWED)
    others = [user for user in dict.fromkeys(invited) if user != host]
    now = call.here.now()
    room = await call.ask(
        CreateRoom(
            room_id=RoomId(new_id()),
            tenant_id=call.tenant_id,
            name=title,
            config=RoomConfig(max_participants=min(max(PEOPLE, len(others) + 1), MOST_PEOPLE)),
            room_kind=RoomKind.SCHEDULED,
            creator_id=host,
            creator_seat=ParticipantId(new_id()),
            starts_at=now,
            ends_at=now + lasts,
            invitees=tuple(
                Invitee(participant_id=ParticipantId(new_id()), user_id=user, role=Role.PRESENTER)
                for user in others
            ),
        )
    )
    # Counted from the row, not from now: a retry gets the same links.
    lives_s = int(lasts.total_seconds()) + LINKS_OUTLIVE_S
    born = Birth(call.command_id, room.created_at)
    return Hosted(
        room=room,
        start_code=_code(call.here, room, host, "host", lives_s, born),
        join_code=_code(call.here, room, str(room.id), "presenter", lives_s, born),
    )


def _code(
    here: Context, room: RoomView, sub: str, role: RoleName, lives_s: int, born: Birth
) -> str:
    hosts = role == "host"
    return here.tokens.invite(
        Identity(
            kind="tenant",
            sub=sub,
            tenant_id=room.tenant_id,
            role=role,
            user_id=sub if hosts else None,
            room_id=room.id,
            once=True if hosts else None,
        ),
        lives_s,
        born,
    )


async def newest(
    call: Call, state: RoomState | None, limit: int, before: RoomId | None
) -> list[RoomView]:
    """Meetings of any state, or of one: the account's, or those a user of it belongs to. The
    `limit` that were made before the one named."""
    who, read = call.who, call.here.reader.read
    if who.governs:
        return await read(rooms.page_all, call.tenant_id, state, limit, before, who.rooms)
    if who.room_id is None:
        return await read(rooms.of_user, call.tenant_id, who.subject, limit, before, state)
    only = (await meetings.place(call, who.room_id)).room
    listed = state in (None, only.state) and (before is None or only.id < before)
    return [only] if listed else []


async def as_leader(call: Call, room_id: RoomId) -> RoomView:
    """Raises `Refused`: ROOM_UNKNOWN, NOT_A_MEMBER, HOST_ONLY."""
    place = await meetings.place(call, room_id)
    if not place.leads:
        raise refuse(Reason.HOST_ONLY)
    return place.room


async def invited(call: Call, room: RoomView) -> list[str]:
    """Users who were asked to it."""
    return await call.here.reader.read(participants.invited_users, room.tenant_id, room.id)


async def reschedule(
    call: Call,
    room_id: RoomId,
    *,
    title: str | None,
    invited: Sequence[str] | None,
    lasts: timedelta | None,
) -> RoomView:
    """Only what is given changes."""
    place = await meetings.as_creator(call, room_id)
    begins: datetime = place.room.starts_at or place.room.created_at
    changed = await meetings.update(
        call,
        room_id,
        invited=invited,
        name=title,
        ends_at=begins + lasts if lasts is not None else None,
    )
    return changed.room


async def join(
    call: Call, room_id: RoomId, *, user_id: str, display_name: str | None
) -> tuple[Joining, TokenPair | None]:
    """This user's seat, and the tokens that open it; None while a host has yet to let them in.

    Users ask for themselves; the tenant itself asks for any of them.
    """
    if call.who.user_id not in (None, user_id):
        raise refuse(Reason.NOT_ALLOWED, "others' seats are not yours to take")
    joined = await call.ask(
        JoinRoom(
            tenant_id=call.tenant_id,
            room_id=call.in_room(room_id),
            participant_id=ParticipantId(new_id()),
            user_id=user_id,
            display_name=display_name,
        )
    )
    if joined.waiting:
        return joined, None
    born = call.born(joined.decided_at)
    return joined, credentials.for_seat(call.here, joined.participant, born)
