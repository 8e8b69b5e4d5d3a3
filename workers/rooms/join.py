"""Joining a meeting by a user's name: one seat each, whether they were asked or came."""

from __future__ import annotations

from infra.contract.commands import Joining, JoinRoom, PersonView
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Admission, ParticipantView, Role, RoomState, TenantView
from infra.db import codes, participants, people, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers.owners import owns
from workers.rooms import admission, door, guests, presence, quota, show, start
from workers.rooms.lifecycle import Step
from workers.tools import Tools


@owns(JoinRoom)
def join_room(command: JoinRoom, work: Work, tools: Tools) -> Joining:
    if command.code is not None and not codes.use(
        work.connection, command.tenant_id, command.code.jti, command.code.expires_at
    ):
        raise refuse(Reason.BAD_CREDENTIALS, "this code was used")
    tenant, room = _room(work, command)
    if room.state in (RoomState.ENDED, RoomState.CANCELLED) or not room.is_active:
        raise refuse(Reason.ROOM_OVER)
    before = _seat(work, room, command)
    seat = admission.knock(room, _theirs(work, room, command, before))
    waits = seat.admission is Admission.WAITING
    if room.state is RoomState.SCHEDULED:
        if not (seat.role.leads or tenant.config.allow_early_join):
            raise refuse(Reason.ROOM_NOT_STARTED)
        if not waits:
            start.open_again(work, tenant, room, Step.START)
            room = show.lock(work, room.tenant_id, room.id)
    if not waits and not seat.is_present:
        presence.require_place(work, tenant, room, before)
        seat = seat.model_copy(update={"held_at": work.now})
    seat = door.note(work, room, before, seat)
    if before is not None and seat.is_present and seat.role is not before.role:
        show.tell(work, room, "updated", seat)
    return Joining(
        participant=seat,
        room=show.seen(work, room),
        waiting=waits,
        decided_at=work.now,
    )


def _room(work: Work, command: JoinRoom) -> tuple[TenantView, LockedRoom]:
    """Both locked where the room may have to be started, and then in that order."""
    found = rooms.get(work.connection, command.tenant_id, command.room_id)
    starts = found is not None and found.state is RoomState.SCHEDULED
    tenant = (
        quota.lock(work, command.tenant_id) if starts else show.tenant_for(work, command.tenant_id)
    )
    room = show.lock(work, command.tenant_id, command.room_id)
    if room.state is RoomState.SCHEDULED and not starts:
        # A series that ended between the two looks.
        raise refuse(Reason.ROOM_OVER)
    return tenant, room


def _seat(work: Work, room: LockedRoom, command: JoinRoom) -> ParticipantView | None:
    """The one they have, or that is kept for their address."""
    seat = participants.seat_of(work.connection, room.tenant_id, room.id, command.user_id)
    if seat is None and command.email is not None:
        seat = guests.claimed(work, room.tenant_id, room.id, command.email)
    return seat


def _theirs(
    work: Work, room: LockedRoom, command: JoinRoom, before: ParticipantView | None
) -> ParticipantView:
    """The seat with what is known of them now; a new one if they have none."""
    leads = command.leads or command.user_id == room.creator_id
    if before is not None:
        is_new_role = leads and before.role is not Role.HOST
        return before.model_copy(
            update={
                "external_user_id": command.user_id,
                "display_name": command.display_name or before.display_name,
                "role": Role.HOST if leads else before.role,
                "granted": {} if is_new_role else before.granted,
                "email": before.email or command.email,
            }
        )
    return ParticipantView(
        id=command.participant_id,
        room_id=room.id,
        tenant_id=room.tenant_id,
        external_user_id=command.user_id,
        display_name=command.display_name
        or _known_as(people.get(work.connection, room.tenant_id, command.user_id))
        or command.user_id,
        role=Role.HOST if leads else Role.ATTENDEE,
        joined_at=None,
        left_at=None,
        created_at=work.now,
        email=command.email,
    )


def _known_as(person: PersonView | None) -> str | None:
    return person.name if person else None
