"""Meetings: made, found, changed, started, joined, ended."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.chroom.wire import meetings as wire
from handlers.dialects.operation import Answer, Table
from handlers.operations import hosting, meetings
from infra.contract.etags import etag_of
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason
from infra.contract.scopes import Scope
from infra.contract.views import RoomView

TABLE = Table()
READ, WRITE = Scope.MEETINGS_READ, Scope.MEETINGS_WRITE
theirs = partial(TABLE.add, tag="meetings", may=May.JOIN, extension=True)
ONE = "/meetings/{room_id}"
CREATORS = (Reason.NOT_A_MEMBER, Reason.CREATOR_ONLY)
HOSTS = (Reason.NOT_A_MEMBER, Reason.HOST_ONLY)


@TABLE.add(
    "POST",
    "/meetings/create",
    tag="meetings",
    may=May.LEAD,
    scope=WRITE,
    refuses=(Reason.NOT_ALLOWED,),
)
async def create_meeting(call: Call, body: wire.CreateMeeting) -> Answer[wire.CreatedMeeting]:
    """Create a new meeting.

    It can be started at once, and is planned to end `duration` minutes from now. Whoever opens
    `start_url` first is its host.
    """
    made = await hosting.create(
        call,
        title=body.title,
        host=body.host,
        invited=body.participants,
        lasts=timedelta(minutes=body.duration),
    )
    shown = wire.CreatedMeeting.of(made, call.here.settings.base_url)
    return Answer(shown, etag=str(made.room.version))


@theirs("GET", "/meetings", scope=READ)
async def list_meetings(call: Call, query: wire.MeetingsQuery) -> wire.Meetings:
    """List meetings, newest first."""
    state = wire.STATE[query.status] if query.status else None
    after = query.after
    found = await hosting.newest(call, state, query.limit + 1, RoomId(after) if after else None)
    page = found[: query.limit]
    return wire.Meetings(
        items=[wire.Meeting.of(room) for room in page],
        next_cursor=fields.cursor(page[-1].id if len(found) > len(page) else None),
    )


@theirs("GET", ONE, scope=READ, refuses=(Reason.NOT_A_MEMBER,))
async def get_meeting(call: Call, room_id: RoomId) -> Answer[wire.MeetingInFull]:
    """Get a meeting."""
    return await _shown(call, (await meetings.place(call, room_id)).room)


@theirs("PATCH", ONE, scope=WRITE, refuses=(*CREATORS, Reason.BAD_TIMES), conditional=True)
async def update_meeting(
    call: Call, room_id: RoomId, body: wire.UpdateMeeting
) -> Answer[wire.MeetingInFull]:
    """Change a meeting's title, participants or duration."""
    room = await hosting.reschedule(
        call, room_id, title=body.title, invited=body.participants, lasts=body.lasts
    )
    return await _shown(call, room)


@theirs("DELETE", ONE, scope=WRITE, refuses=CREATORS, conditional=True)
async def delete_meeting(call: Call, room_id: RoomId) -> wire.DeletedMeeting:
    """Delete a meeting. A live one ends first."""
    gone = await meetings.delete(call, room_id)
    return wire.DeletedMeeting(meeting_id=names.shown(fields.MEETING, gone.room_id))


@theirs(
    "POST",
    f"{ONE}/start",
    scope=WRITE,
    refuses=(*HOSTS, Reason.ROOM_NOT_SCHEDULED, Reason.ROOM_QUOTA_REACHED),
)
async def start_meeting(call: Call, room_id: RoomId) -> Answer[wire.Meeting]:
    """Start a meeting before its host comes."""
    return _tagged((await meetings.start(call, room_id)).room)


@theirs(
    "POST",
    f"{ONE}/end",
    scope=WRITE,
    refuses=(*HOSTS, Reason.ROOM_ALREADY_ENDED, Reason.ROOM_NOT_ACTIVE),
)
async def end_meeting(call: Call, room_id: RoomId) -> Answer[wire.Meeting]:
    """End a meeting for everybody."""
    return _tagged((await meetings.end(call, room_id)).room)


@theirs(
    "POST",
    f"{ONE}/join",
    scope=WRITE,
    refuses=(
        Reason.NOT_A_MEMBER,
        Reason.ROOM_OVER,
        Reason.ROOM_NOT_STARTED,
        Reason.ROOM_FULL,
        Reason.ADMISSION_DENIED,
    ),
)
async def join_meeting(
    call: Call, room_id: RoomId, body: wire.JoinMeeting
) -> Answer[wire.JoinedMeeting]:
    """Give a user their seat in a meeting.

    The answer's tokens open the socket for them. The host's coming starts the meeting.
    """
    joined, tokens = await hosting.join(
        call, room_id, user_id=body.user_id, display_name=body.display_name
    )
    shown = wire.JoinedMeeting.of(joined, tokens, call.here.settings.base_url)
    return Answer(shown, etag=etag_of(joined.participant))


def _tagged(room: RoomView) -> Answer[wire.Meeting]:
    return Answer(wire.Meeting.of(room), etag=str(room.version))


async def _shown(call: Call, room: RoomView) -> Answer[wire.MeetingInFull]:
    shown = wire.MeetingInFull.with_people(room, await hosting.invited(call, room))
    return Answer(shown, etag=str(room.version))
