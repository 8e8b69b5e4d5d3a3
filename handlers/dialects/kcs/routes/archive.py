"""What was said, recorded and measured."""

from __future__ import annotations

import csv
import io
from functools import partial

from starlette.responses import Response

from handlers.auth import May
from handlers.call import Call
from handlers.dialects import names
from handlers.dialects.kcs.routes.meetings import MEMBERS
from handlers.dialects.kcs.wire import archive, figures
from handlers.dialects.kcs.wire.fields import Success
from handlers.dialects.operation import Table
from handlers.operations import meeting_archive, meetings
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason
from infra.contract.statistics import PersonFacts

SYSTEM = Table()
TABLE = Table()
do = partial(TABLE.add, tag="archive", may=May.JOIN)
see = partial(TABLE.add, "GET", tag="archive", may=May.JOIN)
measured = partial(TABLE.add, "GET", tag="analytics", may=May.JOIN)
RECORDERS = (*MEMBERS, Reason.RECORDING_NOT_ALLOWED)


@SYSTEM.add("GET", "/system/stats", tag="analytics", may=May.JOIN, refuses=(Reason.ADMIN_ONLY,))
async def get_system_stats(call: Call) -> Success[figures.SystemStats]:
    """Get system statistics.

    For administrators of the campus: its meetings and people, and the machines that carry them.
    """
    return Success(data=figures.SystemStats.of(await meeting_archive.system(call)))


# --- chat ---


@see("/{room_id}/chat", refuses=MEMBERS)
async def list_chat(
    call: Call, room_id: RoomId, query: archive.ChatQuery
) -> Success[list[archive.ChatMessage]]:
    """Get meeting chat history.

    Newest first, without private messages of others.
    """
    said = await meeting_archive.chat(call, room_id, query.limit, query.before)
    more = len(said) == query.limit
    return Success(
        data=[archive.ChatMessage.of(message) for message in said],
        count=len(said),
        next_cursor=names.shown("msg", said[-1].id) if more else None,
    )


@do(
    "POST",
    "/{room_id}/chat",
    refuses=(
        *MEMBERS,
        Reason.CHAT_DISABLED,
        Reason.ROOM_NOT_ACTIVE,
        Reason.PARTICIPANT_UNKNOWN,
        Reason.AWAITING_ADMISSION,
    ),
    extension=True,
)
async def send_chat(
    call: Call, room_id: RoomId, body: archive.SendMessage
) -> Success[archive.ChatMessage]:
    """Say something in the chat of a live meeting."""
    said = await meeting_archive.say(
        call,
        room_id,
        body.message,
        kind=body.message_type,
        to=body.recipient_type,
        recipient=body.recipient,
    )
    return Success(data=archive.ChatMessage.of(said))


# --- recordings ---


@see("/{room_id}/recordings", refuses=MEMBERS)
async def list_recordings(call: Call, room_id: RoomId) -> Success[list[archive.Recording]]:
    """Get meeting recordings.

    Oldest first.
    """
    room, found = await meeting_archive.recorded(call, room_id)
    shown = [archive.Recording.of(room, number, each) for number, each in enumerate(found, 1)]
    return Success(data=shown, count=len(shown))


@do(
    "POST",
    "/{room_id}/recording/start",
    refuses=(
        *RECORDERS,
        Reason.RECORDING_DISABLED,
        Reason.ROOM_NOT_ACTIVE,
        Reason.ALREADY_RECORDING,
        Reason.NO_MEDIA_POD,
        Reason.STORAGE_FULL,
    ),
    extension=True,
)
async def start_recording(call: Call, room_id: RoomId) -> Success[archive.RecordingChange]:
    """Start recording.

    For hosts, co-hosts, and whom a host lets record.
    """
    recording = await meeting_archive.start_recording(call, room_id)
    return Success(data=archive.RecordingChange.of(recording))


@do(
    "POST",
    "/{room_id}/recording/stop",
    refuses=(*RECORDERS, Reason.NOT_RECORDING),
    extension=True,
)
async def stop_recording(call: Call, room_id: RoomId) -> Success[archive.RecordingChange]:
    """Stop recording."""
    recording = await meeting_archive.stop_recording(call, room_id)
    return Success(data=archive.RecordingChange.of(recording))


@see("/{room_id}/transcripts", refuses=MEMBERS, extension=True)
async def list_transcripts(call: Call, room_id: RoomId) -> Success[list[archive.Transcript]]:
    """Get what was said, of each recording that was transcribed."""
    found = await meeting_archive.transcribed(call, room_id)
    return Success(data=[archive.Transcript.of(each) for each in found], count=len(found))


# --- figures ---


@measured("/{room_id}/analytics", refuses=MEMBERS)
async def get_analytics(call: Call, room_id: RoomId) -> Success[figures.MeetingAnalytics]:
    """Get meeting analytics.

    Each participant's for hosts and co-hosts; others see their own.
    """
    room, facts, people = await meeting_archive.people(call, room_id)
    return Success(
        data=figures.MeetingAnalytics(
            meeting_id=room.id,
            analytics=figures.Analytics.of(facts),
            participant_analytics=[figures.ParticipantAnalytics.of(each) for each in people],
        )
    )


@measured("/{room_id}/live-stats", refuses=MEMBERS)
async def get_live_stats(call: Call, room_id: RoomId) -> Success[figures.LiveStats]:
    """Get live meeting statistics.

    All zero of a meeting that is not on.
    """
    room = (await meetings.place(call, room_id)).room
    live = await meeting_archive.live(call, room)
    return Success(
        data=figures.LiveStats.of(room.id, room.participant_count, live, call.here.now())
    )


@measured("/{room_id}/attendance", refuses=MEMBERS, media=("text/csv",), extension=True)
async def get_attendance(
    call: Call, room_id: RoomId, query: figures.AttendanceQuery
) -> Response | Success[list[figures.Attendance]]:
    """Get who was there, and from when to when.

    Everybody for hosts and co-hosts; others see themselves.
    """
    _, _, people = await meeting_archive.people(call, room_id)
    if query.format == "csv":
        return Response(
            _csv(people),
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": 'attachment; filename="attendance.csv"',
            },
            media_type="text/csv",
        )
    shown = [figures.Attendance.of(each) for each in people]
    return Success(data=shown, count=len(shown))


COLUMNS = ("participant_id", "user_id", "participant_name", "role", "joined_at", "left_at")


def _csv(people: list[PersonFacts]) -> str:
    """RFC 4180, one line a visit."""
    out = io.StringIO(newline="")
    lines = csv.writer(out)
    lines.writerow(COLUMNS)
    for person in people:
        who = (
            names.shown("participant", person.participant_id),
            _cell(person.user_id or ""),
            _cell(person.name),
            person.role.value,
        )
        for visit in person.visits:
            left_at = _time(visit.left_at.isoformat()) if visit.left_at else ""
            lines.writerow((*who, _time(visit.joined_at.isoformat()), left_at))
    return out.getvalue()


def _time(text: str) -> str:
    return text.replace("+00:00", "Z")


def _cell(text: str) -> str:
    """Spreadsheets take what begins like this for a formula, and people choose their own names."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
