"""Rooms and participants."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects.chalk.wire import rooms as wire
from handlers.dialects.chalk.wire.fields import Page, changes
from handlers.dialects.operation import Answer, Table
from handlers.operations import credentials, participants, rooms
from handlers.operations.participants import Wish
from infra.contract.commands import Invitee
from infra.contract.etags import etag_of
from infra.contract.ids import ParticipantId, RoomId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import RoomConfig, RoomKind, RoomView

TABLE = Table()
lead = partial(TABLE.add, tag="rooms", may=May.LEAD)
see = partial(TABLE.add, "GET", tag="rooms", may=May.JOIN)
JOINING = (
    Reason.ROOM_NOT_ACTIVE,
    Reason.ROOM_UNKNOWN,
    Reason.ROOM_FULL,
    Reason.ALREADY_PRESENT,
)


@lead("POST", "/rooms", status=201, refuses=(Reason.ROOM_QUOTA_REACHED,))
async def create_room(call: Call, body: wire.CreateRoom) -> Answer[wire.Room]:
    """Create room.

    It can be joined at once.
    """
    config = RoomConfig(**body.config.model_dump())
    return tagged(await rooms.create(call, name=body.name, config=config, metadata=body.metadata))


@lead(
    "POST",
    "/rooms/schedule",
    status=201,
    refuses=(Reason.BAD_TIMES, Reason.BAD_RECURRENCE),
    extension=True,
)
async def schedule_room(call: Call, body: wire.ScheduleRoom) -> Answer[wire.Room]:
    """Schedule room.

    Once, or as a series by a rule. Seats are kept for who is invited.
    """
    return tagged(
        await rooms.create(
            call,
            name=body.name,
            config=RoomConfig(**body.config.model_dump()),
            metadata=body.metadata,
            room_kind=RoomKind.RECURRING if body.recurrence else RoomKind.SCHEDULED,
            starts_at=body.starts_at,
            ends_at=body.end,
            recurrence=body.recurrence,
            invitees=tuple(
                Invitee(
                    participant_id=ParticipantId(new_id()),
                    user_id=asked.external_user_id,
                    email=asked.email,
                    name=asked.display_name,
                    role=wire.ROLES[asked.role],
                )
                for asked in body.invitees
            ),
        )
    )


@see("/rooms")
async def list_rooms(call: Call, query: Page) -> wire.Rooms:
    """List rooms.

    Active ones, newest first.
    """
    found, total = await rooms.page(call, query.limit, query.offset)
    shown = [wire.Room.of(room) for room in found]
    return wire.Rooms(rooms=shown, total=total, limit=query.limit, offset=query.offset)


@see("/rooms/{room_id}", remembered_s=5.0)
async def get_room(call: Call, room_id: RoomId) -> Answer[wire.Room]:
    """Get room."""
    return tagged(await rooms.get(call, room_id))


@lead("PATCH", "/rooms/{room_id}", conditional=True)
async def update_room(call: Call, room_id: RoomId, body: wire.UpdateRoom) -> Answer[wire.Room]:
    """Update room."""
    return tagged(await rooms.update(call, room_id, **changes(body)))


@lead("DELETE", "/rooms/{room_id}", status=204, conditional=True)
async def delete_room(call: Call, room_id: RoomId) -> None:
    """Delete room.

    Its recordings stay until they are deleted.
    """
    await rooms.delete(call, room_id)


@lead("POST", "/rooms/{room_id}/end", refuses=(Reason.ROOM_ALREADY_ENDED,))
async def end_room(call: Call, room_id: RoomId) -> Answer[wire.Room]:
    """End room.

    For everybody: connections close, and a recording is stopped and processed.
    """
    return tagged(await rooms.end(call, room_id))


def tagged(room: RoomView) -> Answer[wire.Room]:
    return Answer(wire.Room.of(room), etag=str(room.version))


@see("/rooms/{room_id}/events", extension=True)
async def list_room_events(call: Call, room_id: RoomId, query: wire.EventsQuery) -> wire.Events:
    """Read the room's log after a `seq`."""
    return wire.Events(events=await rooms.events(call, room_id, query.after_seq, query.limit))


@see("/rooms/{room_id}/chat", extension=True)
async def list_chat(call: Call, room_id: RoomId, query: wire.ChatQuery) -> wire.Chat:
    """Read the last chat messages, or those before one of them."""
    return wire.Chat(messages=await rooms.chat(call, room_id, query.limit, query.before))


# --- participants ---

guide = partial(TABLE.add, tag="participants", may=May.LEAD)
SEAT = "/rooms/{room_id}/participants/{participant_id}"


@TABLE.add(
    "POST",
    "/rooms/{room}/participants",
    tag="participants",
    may=May.JOIN,
    status=201,
    refuses=(Reason.HOST_ONLY, *JOINING),
)
async def add_participant(call: Call, room: str, body: wire.AddParticipant) -> Answer[wire.Joined]:
    """Add participant.

    `room` is an id or a name; an unknown name makes the room where the tenant's
    `allow_early_join` says so. The answer holds the participant's tokens.
    """
    seated, tokens = await participants.add(call, room, _wish(body))
    return Answer(wire.Joined.as_(seated, tokens), etag=etag_of(seated.participant))


@TABLE.add(
    "GET",
    "/rooms/{room}/participants",
    tag="participants",
    may=May.JOIN,
    refuses=(Reason.ROOM_UNKNOWN,),
)
async def list_participants(
    call: Call, room: str, query: wire.ParticipantsQuery
) -> wire.Participants:
    """List participants."""
    found = await participants.in_room(call, room, active=query.active)
    return wire.Participants(participants=[wire.Participant.of(seat) for seat in found])


@guide("POST", "/rooms/{room}/participants/bulk", refuses=JOINING)
async def add_participants(call: Call, room: str, body: wire.AddParticipants) -> wire.BulkResults:
    """Bulk add participants.

    Each succeeds or fails by itself.
    """
    results = await participants.add_many(call, room, [_wish(seat) for seat in body.participants])
    return wire.BulkResults(
        results=[
            wire.BulkResult.of(
                result,
                credentials.for_seat(
                    call.here, result.seated.participant, call.born(result.seated.decided_at)
                )
                if result.seated
                else None,
            )
            for result in results
        ]
    )


@TABLE.add(
    "PATCH",
    SEAT,
    tag="participants",
    may=May.JOIN,
    refuses=(Reason.HOST_ONLY,),
    conditional=True,
    extension=True,
)
async def update_participant(
    call: Call, room_id: RoomId, participant_id: ParticipantId, body: wire.UpdateParticipant
) -> Answer[wire.Participant]:
    """Update participant.

    A host changes anybody's name and role, everybody else their own name.
    """
    sent = changes(body)
    seat = await participants.update(
        call,
        room_id,
        participant_id,
        display_name=sent.get("display_name"),
        role=wire.ROLES[body.role] if "role" in sent else None,
    )
    return Answer(wire.Participant.of(seat), etag=etag_of(seat))


@guide("DELETE", SEAT, status=204, conditional=True)
async def remove_participant(call: Call, room_id: RoomId, participant_id: ParticipantId) -> None:
    """Remove participant.

    Their connections close and their tokens stop working.
    """
    await participants.remove(call, room_id, participant_id)


@guide("POST", f"{SEAT}/token")
async def refresh_participant_token(
    call: Call, room_id: RoomId, participant_id: ParticipantId
) -> wire.SeatTokens:
    """Refresh a participant's tokens."""
    return wire.SeatTokens.of(await participants.token(call, room_id, participant_id))


def _wish(body: wire.AddParticipant) -> Wish:
    return Wish(
        display_name=body.display_name,
        external_user_id=body.external_user_id,
        role=wire.ROLES[body.role] if body.role else None,
    )
