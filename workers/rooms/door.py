"""Who asks to be let in, and what hosts decide about them."""

from __future__ import annotations

from infra.contract.commands import AskAdmission, DecideAdmission
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import Admission, ParticipantView
from infra.db import participants
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers.owners import owns
from workers.rooms import lifecycle, presence, show
from workers.rooms.admission import must_wait
from workers.tools import Tools


@owns(AskAdmission)
def ask_admission(command: AskAdmission, work: Work, tools: Tools) -> Done:
    room = show.lock(work, command.tenant_id, command.room_id)
    lifecycle.require_live(room.state)
    seat = show.known_seat(work, room, command.participant_id)
    if must_wait(room, seat):
        note(work, room, seat, seat.model_copy(update={"admission": Admission.WAITING}))
    return Done()


@owns(DecideAdmission)
def decide_admission(command: DecideAdmission, work: Work, tools: Tools) -> Done:
    """Who has not asked is left as they are; who is in the room when they are turned away leaves.

    Refuses PARTICIPANT_UNKNOWN for whoever has no seat.
    """
    room = show.lock(work, command.tenant_id, command.room_id)
    if command.participant_ids is None:
        seats = participants.waiting(work.connection, room.tenant_id, room.id)
    else:
        seats = [show.known_seat(work, room, each) for each in command.participant_ids]
    for seat in seats:
        if seat.admission is None:
            continue
        if command.admit:
            admit(work, room, seat)
        elif seat.admission is not Admission.DENIED:
            _deny(work, room, seat, command.reason)
    return Done()


def note(
    work: Work, room: LockedRoom, before: ParticipantView | None, seat: ParticipantView
) -> ParticipantView:
    """Write the seat (new when there was none before), and that its owner waits, when they begin
    to. Returns it as written. Refuses an id that is another seat's."""
    begins = seat.admission is Admission.WAITING and (
        before is None or before.admission is not Admission.WAITING
    )
    work.touch(room.id)
    if begins:
        seat = seat.model_copy(update={"asked_at": work.now})
    if before is None:
        if not participants.insert(work.connection, seat):
            raise refuse(Reason.PARTICIPANT_UNKNOWN, "this participant id is taken")
    elif seat != before:
        participants.save(work.connection, seat)
    if begins:
        show.tell(work, room, "waiting", seat)
    return seat


def admit(work: Work, room: LockedRoom, seat: ParticipantView) -> None:
    """Let in who waits or was turned away. Who was let in already is."""
    if seat.admission is Admission.ADMITTED:
        return
    changed: dict[str, object] = {"admission": Admission.ADMITTED, "asked_at": work.now}
    if room.config.members_only or room.config.require_host_approval:
        # Asking once is enough: from now on they belong here.
        changed["invited_at"] = seat.invited_at or work.now
    admitted = seat.model_copy(update=changed)
    participants.save(work.connection, admitted)
    show.tell(work, room, "admitted", admitted)


def _deny(work: Work, room: LockedRoom, seat: ParticipantView, reason: str | None) -> None:
    denied = seat.model_copy(update={"admission": Admission.DENIED, "asked_at": work.now})
    participants.save(work.connection, denied)
    show.tell(work, room, "denied", denied, reason=reason)
    if seat.is_present:
        presence.leave(work, room, denied, why="removed")
