"""What was said, recorded and measured in a meeting, for whoever belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.call import Call
from handlers.operations import directory, meetings, statistics
from handlers.operations.meeting_people import as_manager
from infra.contract.commands import PeopleFound, SendChat, StartRecording, StopRecording
from infra.contract.ids import MessageId, ParticipantId, RecordingId, RoomId, new_id
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason, refuse
from infra.contract.statistics import LiveFigures, PersonFacts, RoomFacts, SystemFigures
from infra.contract.views import (
    ChatMessageView,
    RecordingView,
    RoomState,
    RoomView,
    TranscriptView,
)
from infra.db import chat as messages
from infra.db import participants, recordings, transcripts

# --- chat ---


async def chat(
    call: Call, room_id: RoomId, limit: int, before: MessageId | None
) -> list[ChatMessageView]:
    """What the caller may read of it, newest first; the tenant itself reads everything."""
    here = await meetings.place(call, room_id)
    read = call.here.reader.read
    if call.who.governs:
        said = await read(messages.latest, call.tenant_id, room_id, limit, before)
    else:
        seat = here.seat.id if here.seat else None
        said = await read(
            messages.visible, call.tenant_id, room_id, seat, here.leads, limit, before
        )
    said.reverse()
    return said


async def say(
    call: Call,
    room_id: RoomId,
    text: str,
    *,
    kind: str,
    to: str,
    recipient: ParticipantId | None,
) -> ChatMessageView:
    here = await meetings.place(call, room_id)
    return await call.ask(
        SendChat.model_validate(
            {
                "tenant_id": call.tenant_id,
                "room_id": here.room.id,
                "message_id": MessageId(new_id()),
                "participant_id": here.sits.id,
                "text": text,
                "message_kind": kind,
                "to": to,
                "recipient_id": recipient,
            }
        )
    )


# --- recordings and what was said in them ---


async def recorded(call: Call, room_id: RoomId) -> tuple[RoomView, list[RecordingView]]:
    """Oldest first."""
    room = (await meetings.place(call, room_id)).room
    return room, await call.here.reader.read(recordings.of_room, call.tenant_id, room.id)


async def start_recording(call: Call, room_id: RoomId) -> RecordingView:
    await _may_record(call, room_id)
    return await call.ask(
        StartRecording(
            tenant_id=call.tenant_id, room_id=room_id, recording_id=RecordingId(new_id())
        )
    )


async def stop_recording(call: Call, room_id: RoomId) -> RecordingView:
    await _may_record(call, room_id)
    return await call.ask(StopRecording(tenant_id=call.tenant_id, room_id=room_id))


async def _may_record(call: Call, room_id: RoomId) -> None:
    """Raises `Refused` RECORDING_NOT_ALLOWED besides what `place` does."""
    if not (await meetings.place(call, room_id)).may(Permission.RECORD):
        raise refuse(Reason.RECORDING_NOT_ALLOWED)


async def transcribed(call: Call, room_id: RoomId) -> list[TranscriptView]:
    """The newest transcript of each recording, oldest recording first."""
    _, found = await recorded(call, room_id)
    read = call.here.reader.read
    newest = [await read(transcripts.of_recording, call.tenant_id, each.id) for each in found]
    return [transcript for transcript in newest if transcript is not None]


# --- figures ---


async def facts(call: Call, room: RoomView) -> RoomFacts:
    """As they were when something happened last, up to `seen.FRESH_S` ago."""
    return await call.here.seen.of(
        room.id, ("facts", room.tenant_id), lambda: statistics.facts(call.here, room)
    )


async def live(call: Call, room: RoomView) -> LiveFigures | None:
    """None: the meeting is not on, or nothing was measured lately."""
    if room.state is not RoomState.LIVE:
        return None
    return await statistics.live(call.here, room.id)


async def people(call: Call, room_id: RoomId) -> tuple[RoomView, RoomFacts, list[PersonFacts]]:
    """The meeting's figures, and those of each person; for who does not lead it, only their own."""
    here = await meetings.place(call, room_id)
    found = await statistics.facts(call.here, here.room)
    own = here.seat.id if here.seat else None
    return (
        here.room,
        found,
        [each for each in found.people if here.leads or each.participant_id == own],
    )


async def system(call: Call) -> SystemFigures:
    """Raises `Refused` ADMIN_ONLY."""
    if not (call.who.governs or call.who.is_admin):
        raise refuse(Reason.ADMIN_ONLY, "this is for the campus's administrators")
    return await statistics.system(call.here, call.tenant_id)


# --- the directory ---


async def search(
    call: Call,
    room_id: RoomId,
    query: str,
    *,
    roles: Sequence[str] | None,
    without_present: bool,
    limit: int,
) -> PeopleFound:
    """People to add. `without_present`: not those who have a seat already."""
    room = (await as_manager(call, room_id)).room
    exclude: set[str] = set()
    if without_present:
        seats = await call.here.reader.read(participants.kept, call.tenant_id, room.id)
        exclude = {seat.external_user_id for seat in seats if seat.external_user_id}
    return await directory.search(call, query, roles, exclude, limit)
