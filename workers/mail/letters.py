"""Writing letters about meetings: what a unit of work writes is sent once it is committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from infra.contract.ids import ParticipantId, new_id
from infra.contract.views import Invitation, ParticipantView, RoomView
from infra.db import jobs, participants
from infra.db.work import Work
from infra.settings import settings
from workers.mail.compose import Letter, address

QUEUE = "mail"
SEND = "mail.send"
SPREAD = "mail.spread"
ATTEMPTS = 5
AT_ONCE = 50
"Letters one unit of work queues by itself; more of them are queued afterwards, in batches."
BATCH = 500

About = Literal["invitation", "changed", "cancelled"]


def invitations(
    work: Work, room: RoomView, seats: Iterable[ParticipantView], message: str | None
) -> frozenset[ParticipantId]:
    """Ask people to the room by e-mail. The seats whose letter is queued, as their rows say too.

    None when no mail is sent from here, and not those of which no address is known. The link in a
    letter opens its owner's seat, for as long as it is kept.
    """
    once = {seat.id: seat for seat in seats}
    written = _write(work, "invitation", room, list(once.values()), message)
    return frozenset(letter.seat_id for letter in written)


def changed(work: Work, room: RoomView, seats: Iterable[ParticipantView]) -> int:
    """Tell those who had a letter how the room stands now; how many letters are queued."""
    return len(_write(work, "changed", room, _written_to(seats)))


def cancellation(work: Work, room: RoomView, seats: Iterable[ParticipantView]) -> int:
    """Tell those who had a letter that they need not come; how many letters are queued."""
    return len(_write(work, "cancelled", room, _written_to(seats)))


def queue(work: Work, letters: Iterable[Letter]) -> None:
    """One job each. A letter that is queued already is not queued again."""
    for letter in letters:
        jobs.enqueue(
            work,
            SEND,
            str(letter.id),
            QUEUE,
            letter.model_dump(mode="json", exclude_none=True),
            tenant_id=letter.tenant_id,
            max_attempt=ATTEMPTS,
        )


def _written_to(seats: Iterable[ParticipantView]) -> list[ParticipantView]:
    return [seat for seat in seats if seat.invitation is not None]


def _write(
    work: Work,
    about: About,
    room: RoomView,
    seats: Sequence[ParticipantView],
    message: str | None = None,
) -> list[Letter]:
    if settings().smtp_url is None:
        return []
    letters = [
        Letter(
            id=new_id(),
            about=about,
            at=work.now,
            tenant_id=room.tenant_id,
            room_id=room.id,
            room_name=room.name,
            description=room.description,
            location=room.location,
            starts_at=room.starts_at,
            ends_at=room.ends_at,
            recurrence=room.recurrence,
            series_starts_at=room.series_starts_at,
            sequence=room.version,
            seat_id=seat.id,
            name=seat.display_name,
            email=seat.email,
            message=message,
        )
        for seat in seats
        if seat.email is not None and address(seat.email) is not None
    ]
    if len(letters) <= AT_ONCE:
        queue(work, letters)
    else:
        for at in range(0, len(letters), BATCH):
            _queue_later(work, letters[at : at + BATCH])
    if about != "cancelled":
        participants.mark_invitations(
            work.connection, [letter.seat_id for letter in letters], Invitation.QUEUED
        )
    return letters


def _queue_later(work: Work, letters: Sequence[Letter]) -> None:
    jobs.enqueue(
        work,
        SPREAD,
        str(letters[0].id),
        QUEUE,
        {"letters": [letter.model_dump(mode="json", exclude_none=True) for letter in letters]},
        tenant_id=letters[0].tenant_id,
    )
