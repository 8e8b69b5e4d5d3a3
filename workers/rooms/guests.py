"""Seats kept for people who were asked to a meeting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.contract.commands import Invited, Invitee, InviteParticipants, PersonView
from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, Role, RoomState, RoomView
from infra.db import participants, people, rooms
from infra.db.work import Work
from workers.owners import owns
from workers.rooms import post, show
from workers.tools import Tools

NAMELESS = "Guest"


@dataclass(frozen=True, slots=True)
class Kept:
    seats: tuple[ParticipantView, ...]
    "Of everybody asked, in the order given."
    invited: tuple[ParticipantView, ...]
    "Of those who were not invited before."
    added: int
    "How many had no seat."


@owns(InviteParticipants)
def invite_participants(command: InviteParticipants, work: Work, tools: Tools) -> Invited:
    """Refuses ROOM_OVER where nobody can come any more."""
    room = show.lock(work, command.tenant_id, command.room_id)
    if room.state in (RoomState.ENDED, RoomState.CANCELLED):
        raise refuse(Reason.ROOM_OVER)
    kept = keep_seats(work, room.tenant_id, room.id, command.invitees)
    if kept.invited:
        rooms.change(work.connection, room, work.now)
    seats = kept.seats
    if command.send_invitation:
        seats = post.invite(work, show.seen(work, room), seats, command.message)
    now_written = {seat.id: seat for seat in seats}
    for seat in kept.invited:
        show.tell(work, room, "invited", now_written[seat.id], notify=command.notify_existing)
    return Invited(participants=seats, added=kept.added)


def seat_creator(
    work: Work, room: RoomView, user_id: str, seat_id: ParticipantId, name: str | None
) -> None:
    person = people.get(work.connection, room.tenant_id, user_id)
    participants.insert(
        work.connection,
        ParticipantView(
            id=seat_id,
            room_id=room.id,
            tenant_id=room.tenant_id,
            external_user_id=user_id,
            display_name=name or (person and person.name) or user_id,
            role=Role.HOST,
            joined_at=None,
            left_at=None,
            created_at=work.now,
            email=person.email if person else None,
            invited_at=work.now,
        ),
    )


def keep_seats(
    work: Work, tenant_id: TenantId, room_id: RoomId, invitees: Sequence[Invitee]
) -> Kept:
    """A seat for each: the one they have, else a new one. Named twice, they have one."""
    users, addresses = people.known(
        work.connection,
        tenant_id,
        user_ids=[each.user_id for each in invitees if each.user_id],
        emails=[each.email for each in invitees if each.email],
    )
    there = _Seats(participants.standing(work.connection, tenant_id, room_id))
    seats: list[ParticipantId] = []
    new: dict[ParticipantId, ParticipantView] = {}
    changed: dict[ParticipantId, ParticipantView] = {}
    asked_first: list[ParticipantId] = []
    for invitee in invitees:
        person = (
            users.get(invitee.user_id)
            if invitee.user_id is not None
            else addresses.get(_address(invitee.email))
        )
        user_id = invitee.user_id or (person.user_id if person else None)
        email = invitee.email or (person.email if person else None)
        seat = there.of(user_id, email)
        if seat is None:
            seat = ParticipantView(
                id=invitee.participant_id,
                room_id=room_id,
                tenant_id=tenant_id,
                external_user_id=user_id,
                display_name=_name(invitee, person, user_id, email),
                role=invitee.role,
                joined_at=None,
                left_at=None,
                created_at=work.now,
                email=email,
                phone=invitee.phone,
                invited_at=work.now,
            )
            new[seat.id] = seat
            there.add(seat)
            asked_first.append(seat.id)
        elif seat.id not in new:
            if seat.invited_at is None:
                asked_first.append(seat.id)
            asked = seat.model_copy(
                update={
                    "external_user_id": seat.external_user_id or user_id,
                    "email": seat.email or email,
                    "phone": seat.phone or invitee.phone,
                    "invited_at": seat.invited_at or work.now,
                }
            )
            if asked != seat:
                changed[seat.id] = asked
                there.add(asked)
        seats.append(seat.id)

    participants.insert_all(work.connection, list(new.values()))
    participants.save_all(work.connection, list(changed.values()))
    return Kept(
        seats=tuple(there.by_id[seat] for seat in seats),
        invited=tuple(there.by_id[seat] for seat in asked_first),
        added=len(new),
    )


def claimed(work: Work, tenant_id: TenantId, room_id: RoomId, email: str) -> ParticipantView | None:
    """The seat kept for whoever has this address, if no user has it yet."""
    kept = participants.kept_for_addresses(work.connection, room_id)
    # Compared here, since not every database folds the case of every letter.
    seat_id = next((seat for seat, whose in kept if _address(whose) == _address(email)), None)
    if seat_id is None:
        return None
    return participants.get(work.connection, tenant_id, room_id, seat_id)


def _address(email: str | None) -> str:
    return (email or "").strip().casefold()


def _name(
    invitee: Invitee, person: PersonView | None, user_id: str | None, email: str | None
) -> str:
    local_part = email.partition("@")[0] if email else None
    return invitee.name or (person and person.name) or user_id or local_part or NAMELESS


class _Seats:
    """The seats of a room, by whom they are for."""

    def __init__(self, seats: Iterable[ParticipantView]) -> None:
        self.by_id: dict[ParticipantId, ParticipantView] = {}
        self._by_user: dict[str, ParticipantId] = {}
        self._by_email: dict[str, ParticipantId] = {}
        for seat in seats:
            self.add(seat)

    def add(self, seat: ParticipantView) -> None:
        self.by_id[seat.id] = seat
        if seat.external_user_id is not None:
            self._by_user[seat.external_user_id] = seat.id
        if seat.email is not None:
            self._by_email[_address(seat.email)] = seat.id

    def of(self, user_id: str | None, email: str | None) -> ParticipantView | None:
        """An address alone is somebody too; a user is not whoever else has their address."""
        seat = self._by_user.get(user_id) if user_id is not None else None
        if seat is None and email is not None:
            seat = self._by_email.get(_address(email))
            if seat is not None and user_id is not None:
                owner = self.by_id[seat].external_user_id
                seat = seat if owner is None else None
        return self.by_id[seat] if seat is not None else None
