"""Who is in a meeting: asked to it, let in, given a role, and taken out again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handlers.call import Call
from handlers.operations import credentials, meetings, statistics
from handlers.operations.meetings import Meeting, Place
from handlers.tokens import TokenPair
from infra.contract.commands import (
    DecideAdmission,
    Invitee,
    InviteParticipants,
    JoinRoom,
    LeaveSeat,
    RemoveParticipants,
    UpdateParticipant,
)
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.permissions import Granted, Permission
from infra.contract.refusals import Reason, refuse
from infra.contract.statistics import LinkFigures, MediaStatus
from infra.contract.views import ParticipantView, Role, RoomState, RoomView
from infra.db import participants

AT_ONCE = 500
"Seats one request takes away at most."


@dataclass(frozen=True, slots=True)
class Whom:
    """Somebody as a client names them: by their seat, or by the user they are."""

    said: str
    seat_id: ParticipantId | None
    "None: what was said is no id of a seat."


@dataclass(frozen=True, slots=True)
class Joined:
    meeting: Meeting
    seat: ParticipantView
    tokens: TokenPair | None
    "None: a host must let them in first."


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who has a seat, how their link is, and what they send."""

    seat: ParticipantView
    on_the_way: bool
    "Their place is held, and they are not there."
    media: MediaStatus
    link: LinkFigures | None
    "None: nothing was measured lately."

    @property
    def is_there(self) -> bool:
        return self.seat.joined_at is not None and self.seat.left_at is None


async def as_manager(call: Call, room_id: RoomId) -> Place:
    """Hosts, co-hosts, and whom a host lets manage participants. Raises `Refused` HOST_ONLY besides
    what `place` does."""
    here = await meetings.place(call, room_id)
    if not here.may(Permission.MANAGE_PARTICIPANTS):
        raise refuse(Reason.HOST_ONLY, "this is for the meeting's hosts and co-hosts")
    return here


# --- coming and going ---


async def join(call: Call, room_id: RoomId) -> Joined:
    """The caller's own seat, with its tokens once they are let in."""
    who = call.who
    joining = await call.ask(
        JoinRoom(
            tenant_id=call.tenant_id,
            room_id=call.in_room(room_id),
            participant_id=ParticipantId(new_id()),
            user_id=who.subject,
            display_name=who.display_name,
            email=who.email,
            leads=who.governs,
        )
    )
    pair = None
    if not joining.waiting:
        pair = credentials.for_seat(call.here, joining.participant, call.born(joining.decided_at))
    return Joined(
        meeting=await meetings.shown(
            call, joining.room, joining.participant, at=joining.decided_at
        ),
        seat=joining.participant,
        tokens=pair,
    )


async def leave(call: Call, room_id: RoomId) -> ParticipantView:
    here = await meetings.place(call, room_id)
    seat = here.sits
    await call.ask(
        LeaveSeat(tenant_id=call.tenant_id, room_id=here.room.id, participant_id=seat.id)
    )
    return seat


async def everybody(call: Call, room_id: RoomId) -> tuple[RoomView, list[Somebody]]:
    """Who was let in or invited, whether they came or not, oldest seat first."""
    room = (await meetings.place(call, room_id)).room
    seats = await call.here.reader.read(participants.kept, call.tenant_id, room.id)
    media: Mapping[ParticipantId, MediaStatus] = {}
    links: dict[ParticipantId, LinkFigures] = {}
    if room.state is RoomState.LIVE:
        media = await statistics.media_status(call.here, room.id)
        figures = await statistics.live(call.here, room.id)
        links = {link.participant_id: link for link in figures.links} if figures else {}
    now = call.here.now()
    return room, [
        Somebody(
            seat=seat,
            on_the_way=participants.is_taken(seat, now),
            media=media.get(seat.id, MediaStatus()),
            link=links.get(seat.id),
        )
        for seat in seats
    ]


# --- the waiting room ---


async def waiting(call: Call, room_id: RoomId) -> list[ParticipantView]:
    """In the order they asked."""
    here = await as_manager(call, room_id)
    return await call.here.reader.read(participants.waiting, call.tenant_id, here.room.id)


async def decide(
    call: Call, room_id: RoomId, people: Sequence[Whom] | None, *, admit: bool, reason: str | None
) -> list[ParticipantView]:
    """Let in or turn away those named, or all who wait now. Those it was about."""
    here = await as_manager(call, room_id)
    asking, chosen = await call.here.reader.read(_waiting_among, here.room, people)
    if people is None or chosen:
        await call.ask(
            DecideAdmission(
                tenant_id=call.tenant_id,
                room_id=here.room.id,
                participant_ids=None if people is None else tuple(seat.id for seat in chosen),
                admit=admit,
                reason=reason,
            )
        )
    return asking if people is None else chosen


def _waiting_among(
    connection: Connection, room: RoomView, people: Sequence[Whom] | None
) -> tuple[list[ParticipantView], list[ParticipantView]]:
    asking = participants.waiting(connection, room.tenant_id, room.id)
    if people is None:
        return asking, []
    others = participants.kept(connection, room.tenant_id, room.id)
    known = {seat.id: seat for seat in [*asking, *others] if seat.asked_at is not None}
    return asking, _named(known.values(), people)


# --- inviting, removing, promoting ---


async def invite(
    call: Call,
    room_id: RoomId,
    invitees: Sequence[Invitee],
    *,
    send_invitation: bool,
    message: str | None,
    notify_existing: bool,
) -> tuple[Sequence[ParticipantView], int]:
    """Those asked, and how many had no seat before. Hosts alone make hosts and co-hosts."""
    here = await as_manager(call, room_id)
    if not here.hosts and any(invitee.role.leads for invitee in invitees):
        raise refuse(Reason.HOST_ONLY, "only hosts make others hosts or co-hosts")
    invited = await call.ask(
        InviteParticipants(
            tenant_id=call.tenant_id,
            room_id=here.room.id,
            invitees=tuple(invitees),
            send_invitation=send_invitation,
            message=message,
            notify_existing=notify_existing,
        )
    )
    return invited.participants, invited.added


async def remove(
    call: Call,
    room_id: RoomId,
    people: Sequence[Whom],
    *,
    notify_removed: bool,
    notify_existing: bool,
    reason: str | None,
) -> Sequence[ParticipantView]:
    """Those who were taken out; who has no seat is passed over. Nobody removes the creator, and
    only a host another host."""
    here = await as_manager(call, room_id)
    seats = await call.here.reader.read(_everybody, here.room)
    chosen = _named(seats, people)
    for seat in chosen:
        if here.room.creator_id is not None and seat.external_user_id == here.room.creator_id:
            raise refuse(Reason.NOT_ALLOWED, "a meeting's creator cannot be removed from it")
        if seat.role is Role.HOST and not here.hosts:
            raise refuse(Reason.HOST_ONLY, "only hosts remove hosts")
    # Ids of seats that are gone go along, so that a retry is the same command with the same answer.
    gone = [whom.seat_id for whom in people if whom.seat_id is not None]
    ids = dict.fromkeys([*(seat.id for seat in chosen), *gone])
    if not ids:
        return []
    if len(ids) > AT_ONCE:
        raise refuse(Reason.MALFORMED, f"{AT_ONCE} participants at most")
    removed = await call.ask(
        RemoveParticipants(
            tenant_id=call.tenant_id,
            room_id=here.room.id,
            participant_ids=tuple(ids),
            notify_removed=notify_removed,
            notify_existing=notify_existing,
            reason=reason,
        )
    )
    call.here.standing.forget()
    return removed.participants


def _everybody(connection: Connection, room: RoomView) -> list[ParticipantView]:
    kept = participants.kept(connection, room.tenant_id, room.id)
    return [*kept, *participants.waiting(connection, room.tenant_id, room.id)]


async def set_role(
    call: Call,
    room_id: RoomId,
    participant_id: ParticipantId,
    role: Role,
    granted: Granted | None,
    *,
    notify_participant: bool,
    notify_others: bool,
) -> ParticipantView:
    """Change somebody's role, and what they may do beyond it or not. Creators stay hosts."""
    here = await meetings.as_host(call, room_id)
    seat = await call.here.reader.read(
        participants.get, call.tenant_id, here.room.id, participant_id
    )
    if seat is None:
        raise refuse(Reason.PARTICIPANT_UNKNOWN)
    creator = here.room.creator_id
    if creator is not None and seat.external_user_id == creator and role is not Role.HOST:
        raise refuse(Reason.NOT_ALLOWED, "a meeting's creator stays its host")
    changed = await call.ask(
        UpdateParticipant(
            tenant_id=call.tenant_id,
            room_id=here.room.id,
            participant_id=participant_id,
            role=role,
            granted=granted,
            notify_participant=notify_participant,
            notify_others=notify_others,
            if_match=call.if_match,
        )
    )
    call.here.standing.forget()
    return changed


def _named(seats: Iterable[ParticipantView], people: Sequence[Whom]) -> list[ParticipantView]:
    """Their seats, each once, in the order of `seats`."""
    ids = {whom.seat_id for whom in people}
    users = {whom.said for whom in people}
    return [seat for seat in seats if seat.id in ids or seat.external_user_id in users]
