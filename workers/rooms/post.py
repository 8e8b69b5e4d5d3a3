"""What people who were asked to a meeting hear of it by e-mail."""

from __future__ import annotations

from infra.contract.views import Invitation, ParticipantView, RoomView
from infra.db import participants
from infra.db.work import Work
from workers.mail import letters


def invite(
    work: Work, room: RoomView, seat: ParticipantView, message: str | None
) -> ParticipantView:
    """The seat, with its invitation under way if its owner can be written to."""
    if not letters.invitation(work, room, seat, message):
        return seat
    return seat.model_copy(update={"invitation": Invitation.QUEUED})


def call_off(work: Work, room: RoomView) -> None:
    """Tell whoever was written to that the meeting does not take place."""
    letters.cancellation(work, room, _seats(work, room))


def tell_changed(work: Work, room: RoomView) -> None:
    """Tell whoever was written to what the meeting is called now, when and where it is."""
    letters.changed(work, room, _seats(work, room))


def _seats(work: Work, room: RoomView) -> list[ParticipantView]:
    return participants.standing(work.connection, room.tenant_id, room.id)
