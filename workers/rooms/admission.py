"""The rules at the door of a room. Pure: what is decided is written in `door.py`."""

from __future__ import annotations

from infra.contract.refusals import Reason, refuse
from infra.contract.views import Admission, ParticipantView
from infra.db.rooms import LockedRoom


def knock(room: LockedRoom, seat: ParticipantView) -> ParticipantView:
    """The seat of somebody who wants in, as the room's rules have it: let in, or waiting.

    Refuses who is not even to wait: NOT_A_MEMBER, ADMISSION_DENIED.
    """
    if seat.role.leads:
        return seat.model_copy(update={"admission": None})
    if seat.admission is Admission.DENIED:
        raise refuse(Reason.ADMISSION_DENIED)
    if seat.admission is Admission.ADMITTED:
        return seat
    if passes(room, seat):
        return seat.model_copy(update={"admission": None})
    if room.config.waiting_room_enabled or room.config.require_host_approval:
        return seat.model_copy(update={"admission": Admission.WAITING})
    raise refuse(Reason.NOT_A_MEMBER)


def passes(room: LockedRoom, seat: ParticipantView) -> bool:
    """Whether the room's rules let them in without anybody deciding."""
    if seat.is_present:
        return True
    if room.config.waiting_room_enabled:
        return False
    is_creator = seat.external_user_id is not None and seat.external_user_id == room.creator_id
    if is_creator or seat.invited_at is not None:
        return True
    return not (room.config.members_only or room.config.require_host_approval)


def must_wait(room: LockedRoom, seat: ParticipantView) -> bool:
    """Whether the owner of a seat that was given out has to be let in first.

    Seats outlive sessions and what hosts decided in them; the waiting room is for each anew.
    """
    if seat.role.leads or seat.is_present or seat.admission is Admission.ADMITTED:
        return False
    if seat.admission is Admission.WAITING:
        return not passes(room, seat)
    return room.config.waiting_room_enabled


def require_open(room: LockedRoom, seat: ParticipantView) -> None:
    """Refuses AWAITING_ADMISSION, ADMISSION_DENIED."""
    if seat.admission is Admission.DENIED and not seat.role.leads:
        raise refuse(Reason.ADMISSION_DENIED)
    if must_wait(room, seat):
        raise refuse(Reason.AWAITING_ADMISSION)
