"""Giving out seats."""

from __future__ import annotations

from typing import Any

from infra.contract.commands import (
    AddParticipant,
    AddParticipants,
    Seat,
    Seated,
    SeatedAll,
    SeatResult,
)
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import Admission, DuplicatePolicy, ParticipantView, Role, TenantView
from infra.db import participants
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture
from workers.owners import owns
from workers.rooms import admission, door, people, presence, show
from workers.rooms.open import for_joining
from workers.tools import Tools


@owns(AddParticipant)
def add_participant(command: AddParticipant, work: Work, tools: Tools) -> Seated:
    tenant = show.tenant_for(work, command.tenant_id)
    room, made = for_joining(
        work,
        tenant,
        command.room,
        command.room_id_if_new,
        may_open=command.may_make_room,
    )
    giving = _Giving(work, tenant, room, share=command.reuse_seat, vouched=command.vouched)
    return giving.seat(command.seat, room_created=made)


@owns(AddParticipants)
def add_participants(command: AddParticipants, work: Work, tools: Tools) -> SeatedAll:
    tenant = show.tenant_for(work, command.tenant_id)
    room, made = for_joining(work, tenant, command.room, command.room_id_if_new, may_open=True)
    giving = _Giving(work, tenant, room, share=False, vouched=True)
    return SeatedAll(results=tuple(_try(giving, seat, made) for seat in command.seats))


def _try(giving: _Giving, seat: Seat, made: bool) -> SeatResult:
    try:
        seated = giving.seat(seat, room_created=made)
    except Refused as no:
        return SeatResult(seat=seat, refusal=no.refusal.model_dump(mode="json"))
    return SeatResult(seat=seat, seated=seated)


class _Giving:
    """Seats given out in one locked, live room."""

    def __init__(
        self, work: Work, tenant: TenantView, room: LockedRoom, *, share: bool, vouched: bool
    ) -> None:
        self._work = work
        self._tenant = tenant
        self._room = room
        self._share = share
        self._vouched = vouched

    def seat(self, asked: Seat, *, room_created: bool) -> Seated:
        return Seated(
            participant=self._give(asked),
            room=show.seen(self._work, self._room),
            room_created=room_created,
            config=self._tenant.config,
            should_start_recording=capture.is_due(self._work, self._room, self._tenant.config),
            decided_at=self._work.now,
        )

    def _give(self, asked: Seat) -> ParticipantView:
        """The seat this person has already, if they are to have it, else a new one."""
        work, room = self._work, self._room
        held = self._held(asked)
        if held is not None and held.id == asked.participant_id:
            return held
        before = held
        if held is None:
            seat = self._new(asked, asked.role or self._first_role())
        elif not participants.is_taken(held, work.now):
            seat = self._again(asked, held)
        elif self._share:
            return held
        else:
            before, seat = None, self._beside(asked, held)
        if self._vouched:
            seat = seat.model_copy(update={"invited_at": seat.invited_at or work.now})
        seat = admission.knock(room, seat)
        if seat.admission is not Admission.WAITING:
            presence.require_place(work, self._tenant, room, before)
            seat = seat.model_copy(update={"held_at": work.now})
        return door.note(work, room, before, seat)

    def _held(self, asked: Seat) -> ParticipantView | None:
        connection, room = self._work.connection, self._room
        if asked.external_user_id is None:
            return participants.get(connection, room.tenant_id, room.id, asked.participant_id)
        return participants.seat_of(connection, room.tenant_id, room.id, asked.external_user_id)

    def _again(self, asked: Seat, held: ParticipantView) -> ParticipantView:
        if self._share:
            return held
        changed: dict[str, Any] = {"display_name": asked.display_name}
        if asked.role is not None:
            changed["role"] = asked.role
        return held.model_copy(update=changed)

    def _beside(self, asked: Seat, held: ParticipantView) -> ParticipantView:
        """Another seat for somebody who is here, or on the way. What was decided about them holds
        for it too."""
        match self._tenant.config.duplicate_participant_policy:
            case DuplicatePolicy.REJECT:
                raise refuse(Reason.ALREADY_PRESENT)
            case DuplicatePolicy.DISCONNECT_EXISTING:
                people.take_away(self._work, self._room, held, why="replaced")
                role = asked.role or held.role
            case DuplicatePolicy.ALLOW:
                role = asked.role or self._first_role()
        decided = {
            "admission": held.admission,
            "invited_at": held.invited_at,
            "granted": held.granted if role is held.role else {},
            "email": held.email,
            "phone": held.phone,
        }
        return self._new(asked, role).model_copy(update=decided)

    def _new(self, asked: Seat, role: Role) -> ParticipantView:
        return ParticipantView(
            id=asked.participant_id,
            room_id=self._room.id,
            tenant_id=self._room.tenant_id,
            external_user_id=asked.external_user_id,
            display_name=asked.display_name,
            role=role,
            joined_at=None,
            left_at=None,
            created_at=self._work.now,
        )

    def _first_role(self) -> Role:
        """The first of a session is its host, where the tenant says so; others may share too."""
        room = self._room
        if self._tenant.config.first_participant_is_host and not participants.anybody_since(
            self._work.connection, room.tenant_id, room.id, room.started_at
        ):
            return Role.HOST
        return Role.PRESENTER
