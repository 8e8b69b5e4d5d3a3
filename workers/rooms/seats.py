"""Giving out seats, changing them, taking them away."""

from __future__ import annotations

from typing import Any

from infra.contract.commands import (
    AddParticipant,
    AddParticipants,
    RemoveParticipant,
    Seat,
    Seated,
    SeatedAll,
    SeatResult,
    UpdateParticipant,
)
from infra.contract.messages import Done
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import DuplicatePolicy, ParticipantView, Role, TenantView
from infra.db import participants, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods
from workers.owners import owns
from workers.rooms import presence
from workers.rooms.open import for_joining, seen, tenant_for
from workers.tools import Tools


@owns(AddParticipant)
def add_participant(command: AddParticipant, work: Work, tools: Tools) -> Seated:
    tenant = tenant_for(work, command.tenant_id)
    room, made = for_joining(
        work,
        tenant,
        command.room,
        command.room_id_if_new,
        may_open=command.may_make_room,
    )
    return _seat(work, tenant, room, command.seat, room_created=made, share=command.reuse_seat)


@owns(AddParticipants)
def add_participants(command: AddParticipants, work: Work, tools: Tools) -> SeatedAll:
    tenant = tenant_for(work, command.tenant_id)
    room, made = for_joining(work, tenant, command.room, command.room_id_if_new, may_open=True)
    return SeatedAll(results=tuple(_try(work, tenant, room, seat, made) for seat in command.seats))


@owns(UpdateParticipant)
def update_participant(command: UpdateParticipant, work: Work, tools: Tools) -> ParticipantView:
    room = _locked(work, command)
    seat = _known(work, room, command)
    changed = seat.model_copy(
        update={
            "display_name": command.display_name or seat.display_name,
            "role": command.role or seat.role,
        }
    )
    if changed != seat:
        participants.save(work.connection, changed)
        if presence.is_present(seat):
            news = {"participant": changed.model_dump(mode="json")}
            work.event(room.id, room.tenant_id, "participant.updated", news)
    return changed


@owns(RemoveParticipant)
def remove_participant(command: RemoveParticipant, work: Work, tools: Tools) -> Done:
    room = _locked(work, command)
    _take_away(work, room, _known(work, room, command), why="removed")
    return Done()


def _locked(work: Work, command: UpdateParticipant | RemoveParticipant) -> LockedRoom:
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return room


def _known(
    work: Work, room: LockedRoom, command: UpdateParticipant | RemoveParticipant
) -> ParticipantView:
    seat = participants.get(work.connection, room.tenant_id, room.id, command.participant_id)
    if seat is None:
        raise refuse(Reason.PARTICIPANT_UNKNOWN)
    return seat


def _try(work: Work, tenant: TenantView, room: LockedRoom, seat: Seat, made: bool) -> SeatResult:
    try:
        seated = _seat(work, tenant, room, seat, room_created=made, share=False)
    except Refused as no:
        return SeatResult(seat=seat, refusal=no.refusal.model_dump(mode="json"))
    return SeatResult(seat=seat, seated=seated)


def _seat(
    work: Work,
    tenant: TenantView,
    room: LockedRoom,
    seat: Seat,
    *,
    room_created: bool,
    share: bool,
) -> Seated:
    given = _again(work, tenant, room, seat, share) or _anew(work, tenant, room, seat)
    return Seated(
        participant=given,
        room=seen(work, room),
        room_created=room_created,
        config=tenant.config,
        should_start_recording=capture.is_due(work, room, tenant.config),
        decided_at=work.now,
    )


def _again(
    work: Work, tenant: TenantView, room: LockedRoom, asked: Seat, share: bool
) -> ParticipantView | None:
    """The seat this person has already, if they are to have it; None: they need a new one."""
    seat = _held(work, room, asked)
    if seat is None or seat.id == asked.participant_id:
        return seat
    taken = participants.is_taken(seat, work.now)
    if not taken:
        presence.require_place(work, tenant, room, seat)
    elif not share:
        policy = tenant.config.duplicate_participant_policy
        if policy is DuplicatePolicy.REJECT:
            raise refuse(Reason.ALREADY_PRESENT)
        if policy is DuplicatePolicy.DISCONNECT_EXISTING:
            _take_away(work, room, seat, why="replaced")
            return _anew(work, tenant, room, asked, role=seat.role)
        return None
    if share:
        return seat
    changed: dict[str, Any] = {"display_name": asked.display_name, "held_at": work.now}
    if asked.role is not None:
        changed["role"] = asked.role
    seat = seat.model_copy(update=changed)
    participants.save(work.connection, seat)
    return seat


def _held(work: Work, room: LockedRoom, asked: Seat) -> ParticipantView | None:
    if asked.external_user_id is None:
        return participants.get(work.connection, room.tenant_id, room.id, asked.participant_id)
    return participants.seat_of(work.connection, room.tenant_id, room.id, asked.external_user_id)


def _anew(
    work: Work,
    tenant: TenantView,
    room: LockedRoom,
    asked: Seat,
    role: Role | None = None,
) -> ParticipantView:
    presence.require_place(work, tenant, room, None)
    seat = ParticipantView(
        id=asked.participant_id,
        room_id=room.id,
        tenant_id=room.tenant_id,
        external_user_id=asked.external_user_id,
        display_name=asked.display_name,
        role=asked.role or role or _first_role(work, tenant, room),
        joined_at=None,
        left_at=None,
        created_at=work.now,
        held_at=work.now,
    )
    if not participants.insert(work.connection, seat):
        raise refuse(Reason.PARTICIPANT_UNKNOWN, "this participant id is taken")
    return seat


def _first_role(work: Work, tenant: TenantView, room: LockedRoom) -> Role:
    """The first of a session is its host, where the tenant says so."""
    if tenant.config.first_participant_is_host and not participants.anybody_since(
        work.connection, room.tenant_id, room.id, room.started_at
    ):
        return Role.HOST
    return Role.ATTENDEE


def _take_away(
    work: Work, room: LockedRoom, seat: ParticipantView, *, why: presence.WhyLeft
) -> None:
    participants.mark_removed(work.connection, seat, work.now)
    if presence.is_present(seat):
        presence.leave(work, room, seat, why=why)
    else:
        # Media may be connected, or on its way, without its owner having entered.
        pods.close_participant(work, room, seat.id)
