"""Changing what people in a room are and may do; seeing them out."""

from __future__ import annotations

from collections.abc import Sequence

from infra.contract.commands import (
    LeaveSeat,
    Removed,
    RemoveParticipant,
    RemoveParticipants,
    UpdateParticipant,
)
from infra.contract.etags import require_match
from infra.contract.messages import Done
from infra.contract.permissions import Permission
from infra.contract.views import Admission, ParticipantView
from infra.db import participants, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import pods
from workers.owners import owns
from workers.rooms import presence, show
from workers.tools import Tools


@owns(UpdateParticipant)
def update_participant(command: UpdateParticipant, work: Work, tools: Tools) -> ParticipantView:
    """Who may not share their screen any more shares nothing from then on."""
    room = show.lock(work, command.tenant_id, command.room_id)
    seat = show.known_seat(work, room, command.participant_id)
    require_match(seat, command.if_match)
    role = command.role or seat.role
    granted = {} if role is not seat.role else seat.granted
    changed = seat.model_copy(
        update={
            "display_name": command.display_name or seat.display_name,
            "role": role,
            "granted": {**granted, **(command.granted or {})},
            # Nobody decides about whoever decides.
            "admission": None if role.leads else seat.admission,
        }
    )
    if changed == seat:
        return seat
    participants.save(work.connection, changed)
    if seat.is_present:
        show.tell(
            work,
            room,
            "updated",
            changed,
            notify_participant=command.notify_participant,
            notify=command.notify_others,
        )
    if seat.may(Permission.SHARE_SCREEN) and not changed.may(Permission.SHARE_SCREEN):
        pods.mute(work, tools.redis, room, pods.SCREEN, seat.id)
    return changed


@owns(RemoveParticipant)
def remove_participant(command: RemoveParticipant, work: Work, tools: Tools) -> Done:
    room = show.lock(work, command.tenant_id, command.room_id)
    seat = show.known_seat(work, room, command.participant_id)
    require_match(seat, command.if_match)
    take_away(work, room, seat, why="removed")
    return Done()


@owns(RemoveParticipants)
def remove_participants(command: RemoveParticipants, work: Work, tools: Tools) -> Removed:
    """Each is told of in `participant.removed`, with whom that is to reach."""
    room = show.lock(work, command.tenant_id, command.room_id)
    gone: list[ParticipantView] = []
    for seat_id in dict.fromkeys(command.participant_ids):
        seat = participants.get(work.connection, room.tenant_id, room.id, seat_id)
        if seat is None:
            continue
        show.tell(
            work,
            room,
            "removed",
            seat,
            reason=command.reason,
            notify_removed=command.notify_removed,
            notify=command.notify_existing,
        )
        take_away(work, room, seat, why="removed")
        gone.append(seat)
    if any(seat.invited_at is not None for seat in gone):
        rooms.change(work.connection, room, work.now)
    return Removed(participants=tuple(gone))


@owns(LeaveSeat)
def leave_seat(command: LeaveSeat, work: Work, tools: Tools) -> Done:
    """Who waits does so no longer."""
    room = show.lock(work, command.tenant_id, command.room_id)
    seat = show.known_seat(work, room, command.participant_id)
    if seat.is_present:
        presence.leave(work, room, seat, why="quit")
    elif seat.admission is Admission.WAITING:
        participants.save(work.connection, seat.model_copy(update={"admission": None}))
    return Done()


def take_away(
    work: Work, room: LockedRoom, seat: ParticipantView, *, why: presence.WhyLeft
) -> None:
    participants.mark_removed(work.connection, [seat], work.now)
    if seat.is_present:
        presence.leave(work, room, seat, why=why)
    else:
        # Media may be connected, or on its way, without its owner having entered.
        pods.close_participant(work, room, seat.id)


def take_away_absent(work: Work, room: LockedRoom, seats: Sequence[ParticipantView]) -> None:
    """As `take_away`, of many who are not there."""
    participants.mark_removed(work.connection, seats, work.now)
    for seat in seats:
        pods.close_participant(work, room, seat.id)
