"""What people who were asked to a meeting hear of it by e-mail."""

from __future__ import annotations

from collections.abc import Sequence

from infra.contract.views import Invitation, ParticipantView, RoomView
from infra.db import participants
from infra.db.work import Work
from workers.mail import letters


def invite(
    work: Work, room: RoomView, seats: Sequence[ParticipantView], message: str | None
) -> tuple[ParticipantView, ...]:
    """The seats, with the invitations under way of those whose owners can be written to."""
    asked = letters.invitations(work, room, seats, message)
    return tuple(
        seat.model_copy(update={"invitation": Invitation.QUEUED}) if seat.id in asked else seat
        for seat in seats
    )


def call_off(work: Work, room: RoomView) -> None:
    """Tell whoever was written to that the meeting does not take place."""
    letters.cancellation(work, room, _seats(work, room))


def tell_changed(work: Work, room: RoomView) -> None:
    """Tell whoever was written to what the meeting is called now, when and where it is."""
    letters.changed(work, room, _seats(work, room))


def _seats(work: Work, room: RoomView) -> list[ParticipantView]:
    return participants.standing(work.connection, room.tenant_id, room.id)
