"""Meetings, from plan to end."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects import names
from handlers.dialects.kcs.wire import meetings as wire
from handlers.dialects.kcs.wire.fields import Page, Success
from handlers.dialects.kcs.wire.figures import EndedMeeting, MeasuredMeeting
from handlers.dialects.operation import Answer, Table
from handlers.operations import meeting_archive, meetings
from handlers.operations.meetings import Meeting
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason

TABLE = Table()
do = partial(TABLE.add, tag="meetings", may=May.JOIN)
see = partial(TABLE.add, "GET", tag="meetings", may=May.JOIN)
MEMBERS = (Reason.ROOM_UNKNOWN, Reason.NOT_A_MEMBER)
HOSTS = (*MEMBERS, Reason.HOST_ONLY)
CREATOR = (*MEMBERS, Reason.CREATOR_ONLY)
PLANNING = (Reason.BAD_TIMES, Reason.BAD_RECURRENCE)
STARTING = (
    *HOSTS,
    Reason.ROOM_NOT_SCHEDULED,
    Reason.ROOM_NOT_ACTIVE,
    Reason.ROOM_QUOTA_REACHED,
)


# Before `/{room_id}`, which would take these for ids.


@see("/participant/{user_id}", refuses=(Reason.ADMIN_ONLY,))
async def list_meetings_of_participant(
    call: Call, user_id: str, query: Page
) -> Success[list[wire.Meeting]]:
    """Get meetings for participant.

    Of a user: oneself, or anybody for administrators of the campus. Nobody has no meetings.
    """
    return _listed(await meetings.of_user(call, user_id, query.limit, query.before), query)


@see("/participant", extension=True)
async def list_own_meetings(call: Call, query: Page) -> Success[list[wire.Meeting]]:
    """Get meetings for the caller.

    The published route without its optional id; the same as `GET /`.
    """
    return _listed(await meetings.mine(call, query.limit, query.before), query)


@do("POST", "/", rate="create", refuses=(*PLANNING, Reason.ROOM_QUOTA_REACHED))
async def create_meeting(call: Call, body: wire.CreateMeeting) -> Answer[Success[wire.FullMeeting]]:
    """Create meeting.

    Whoever makes it hosts it. An instant one is live at once. A recurring one needs a
    `recurrence`: it is one meeting, scheduled anew after each occurrence.
    """
    made = await meetings.create(call, body.plan())
    said = f"{body.meeting_type.capitalize()} meeting created successfully"
    return _one(made, said)


@see("/")
async def list_meetings(call: Call, query: Page) -> Success[list[wire.Meeting]]:
    """Get all meetings.

    Those the caller made or is a participant of, newest first; an API key gets the campus's.
    """
    return _listed(await meetings.mine(call, query.limit, query.before), query)


@see("/{room_id}", refuses=MEMBERS, remembered_s=5.0)
async def get_meeting(call: Call, room_id: RoomId) -> Answer[Success[MeasuredMeeting]]:
    """Get meeting by ID."""
    here = await meetings.place(call, room_id)
    meeting = await meetings.shown(call, here.room, here.seat)
    facts = await meeting_archive.facts(call, here.room)
    figures = await meeting_archive.live(call, here.room)
    shown = MeasuredMeeting.seen(meeting, facts, figures)
    return Answer(Success(data=shown), etag=str(here.room.version))


@do("PUT", "/{room_id}", conditional=True, refuses=(*CREATOR, *PLANNING))
async def update_meeting(
    call: Call, room_id: RoomId, body: wire.UpdateMeeting
) -> Answer[Success[wire.FullMeeting]]:
    """Update meeting.

    Only what is sent changes, and only its creator changes it.
    """
    changed = await meetings.update(call, room_id, **body.fields())
    return _one(changed)


@do("DELETE", "/{room_id}", conditional=True, refuses=CREATOR)
async def delete_meeting(call: Call, room_id: RoomId) -> Success[wire.Deleted]:
    """Delete meeting.

    Only its creator does. A live one is ended, a scheduled one called off.
    """
    return Success(data=wire.Deleted.of(await meetings.delete(call, room_id)))


@do("POST", "/{room_id}/start", refuses=STARTING)
async def start_meeting(call: Call, room_id: RoomId) -> Answer[Success[wire.FullMeeting]]:
    """Start meeting."""
    return _one(await meetings.start(call, room_id))


@do("POST", "/{room_id}/end", refuses=(*HOSTS, Reason.ROOM_ALREADY_ENDED))
async def end_meeting(call: Call, room_id: RoomId) -> Answer[Success[EndedMeeting]]:
    """End meeting.

    For everybody: connections close, and a recording is stopped and processed. A series is
    scheduled for its next occurrence.
    """
    ended = await meetings.end(call, room_id)
    facts = await meeting_archive.facts(call, ended.room)
    shown = EndedMeeting.ended(ended, facts)
    return Answer(Success(data=shown), etag=str(ended.room.version))


@do(
    "POST",
    "/{room_id}/cancel",
    refuses=(*HOSTS, Reason.ROOM_NOT_SCHEDULED),
    extension=True,
)
async def cancel_meeting(call: Call, room_id: RoomId) -> Answer[Success[wire.FullMeeting]]:
    """Cancel meeting.

    A scheduled one, or all of a series. Who was invited by e-mail is told.
    """
    return _one(await meetings.cancel(call, room_id))


@see("/{room_id}/webrtc-config", refuses=MEMBERS)
async def get_webrtc_config(call: Call, room_id: RoomId) -> Success[wire.MeetingWebRtc]:
    """Get WebRTC configuration.

    With TURN credentials of the caller's own, where the deployment has a TURN server.
    """
    here = await meetings.place(call, room_id)
    config = wire.WebRtcConfig.of(meetings.ice_of(call, here.seat), here.room.config)
    return Success(data=wire.MeetingWebRtc(meeting_id=here.room.id, webrtc_config=config))


@see("/{room_id}/occurrences", refuses=MEMBERS, extension=True)
async def list_occurrences(
    call: Call, room_id: RoomId, query: wire.OccurrencesQuery
) -> Success[list[wire.Occurrence]]:
    """Get the next occurrences of a recurring meeting."""
    room = (await meetings.place(call, room_id)).room
    found = wire.occurrences(room, meetings.occurrences(call, room, query.limit))
    return Success(data=found, count=len(found))


def _one(meeting: Meeting, said: str | None = None) -> Answer[Success[wire.FullMeeting]]:
    shown = wire.FullMeeting.of(meeting)
    return Answer(Success(data=shown, message=said), etag=str(meeting.room.version))


def _listed(found: list[Meeting], query: Page) -> Success[list[wire.Meeting]]:
    more = len(found) == query.limit
    return Success(
        data=[wire.Meeting.of(meeting) for meeting in found],
        count=len(found),
        next_cursor=names.shown("meeting", found[-1].room.id) if more else None,
    )
