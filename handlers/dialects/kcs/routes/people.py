"""Who is in a meeting, and who is asked to come."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects.kcs.routes.meetings import HOSTS, MEMBERS
from handlers.dialects.kcs.wire import inviting, people
from handlers.dialects.kcs.wire.fields import Success
from handlers.dialects.operation import Answer, Table
from handlers.operations import meeting_archive, meeting_people
from infra.contract.etags import etag_of
from infra.contract.ids import ParticipantId, RoomId
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.views import Role

TABLE = Table()
do = partial(TABLE.add, tag="participants", may=May.JOIN)
see = partial(TABLE.add, "GET", tag="participants", may=May.JOIN)
manage = partial(do, rate="manage")
JOINING = (
    Reason.ROOM_UNKNOWN,
    Reason.NOT_ALLOWED,
    Reason.ROOM_FULL,
    Reason.ROOM_OVER,
    Reason.ROOM_NOT_STARTED,
    Reason.ROOM_QUOTA_REACHED,
    Reason.ADMISSION_DENIED,
)


@do("POST", "/{room_id}/join", rate="join", refuses=JOINING)
async def join_meeting(call: Call, room_id: RoomId) -> Answer[Success[people.JoinedMeeting]]:
    """Join meeting.

    The answer holds the token that opens the socket. Where a host decides who comes in, `canJoin`
    is false until they did: join again then.
    """
    try:
        joined = await meeting_people.join(call, room_id)
    except Refused as no:
        # Of joining the published words are shorter than of everything else.
        if no.refusal.reason is Reason.NOT_A_MEMBER:
            raise refuse(Reason.NOT_ALLOWED) from no
        raise
    return Answer(Success(data=people.JoinedMeeting.of(joined)), etag=etag_of(joined.seat))


@do("POST", "/{room_id}/leave", refuses=MEMBERS, extension=True)
async def leave_meeting(call: Call, room_id: RoomId) -> Success[people.Left]:
    """Leave meeting.

    All the caller's connections close. They may join again.
    """
    seat = await meeting_people.leave(call, room_id)
    return Success(data=people.Left(participant_id=seat.id))


@see("/{room_id}/participants", refuses=MEMBERS)
async def list_participants(call: Call, room_id: RoomId) -> Success[list[people.Participant]]:
    """Get meeting participants.

    Everybody who is invited or came, whether they are there or not.
    """
    room, everybody = await meeting_people.everybody(call, room_id)
    shown = [people.Participant.of(each, room.config) for each in everybody]
    return Success(data=shown, count=len(shown))


@manage("POST", "/{room_id}/participants", refuses=(*HOSTS, Reason.ROOM_OVER))
async def add_participants(
    call: Call, room_id: RoomId, body: inviting.AddParticipants
) -> Success[inviting.AddedParticipants]:
    """Add participants.

    By user id or e-mail address, before the meeting or during it. Invitations go out by e-mail
    where the deployment can send any.
    """
    seats, added = await meeting_people.invite(
        call,
        room_id,
        body.invitees(),
        send_invitation=body.send_invitation,
        message=body.invitation_message,
        notify_existing=body.notify_existing_participants,
    )
    return Success(
        data=inviting.AddedParticipants(
            added_count=added,
            participants=[inviting.AddedParticipant.of(seat) for seat in seats],
        )
    )


@manage("DELETE", "/{room_id}/participants", refuses=(*HOSTS, Reason.UNUSABLE))
async def remove_participants(
    call: Call, room_id: RoomId, query: inviting.RemoveQuery, body: inviting.Removal
) -> Success[inviting.RemovedParticipants]:
    """Remove participants.

    Their connections close and their tokens stop working. Who is no participant is passed over.
    """
    return await _remove(call, room_id, body, query.named)


@manage("POST", "/{room_id}/participants/remove", refuses=HOSTS, extension=True)
async def remove_participants_by_post(
    call: Call, room_id: RoomId, body: inviting.RemoveParticipants
) -> Success[inviting.RemovedParticipants]:
    """Remove participants, where a DELETE would lose its body on the way."""
    return await _remove(call, room_id, body, [])


async def _remove(
    call: Call, room_id: RoomId, body: inviting.Removal, named: list[str]
) -> Success[inviting.RemovedParticipants]:
    who = [*body.participant_ids, *named]
    if not who:
        raise refuse(Reason.UNUSABLE, "participant_ids: name at least one")
    removed = await meeting_people.remove(
        call,
        room_id,
        people.whom(who),
        notify_removed=body.notify_removed_participants,
        notify_existing=body.notify_existing_participants,
        reason=body.reason,
    )
    return Success(data=inviting.RemovedParticipants.of(removed))


@manage("PATCH", "/{room_id}/participants/{participant_id}/role", refuses=HOSTS, conditional=True)
async def update_participant_role(
    call: Call, room_id: RoomId, participant_id: ParticipantId, body: inviting.UpdateRole
) -> Answer[Success[inviting.UpdatedRole]]:
    """Update participant role.

    And what they may do beyond it, or not. What is not named is as their role has it.
    """
    changed = await meeting_people.set_role(
        call,
        room_id,
        participant_id,
        Role(body.new_role),
        body.granted,
        notify_participant=body.notify_participant,
        notify_others=body.notify_others,
    )
    return Answer(Success(data=inviting.UpdatedRole.of(changed)), etag=etag_of(changed))


@do("POST", "/{room_id}/search-users", refuses=HOSTS)
async def search_users(
    call: Call, room_id: RoomId, body: inviting.SearchUsers
) -> Success[inviting.FoundUsers]:
    """Search users to add.

    In the campus's directory. A word may be begun only, or mistyped.
    """
    found = await meeting_archive.search(
        call,
        room_id,
        body.query,
        roles=body.user_types,
        without_present=body.exclude_current_participants,
        limit=body.limit,
    )
    return Success(data=inviting.FoundUsers.of(found, body.limit))


# --- the waiting room ---


@see("/{room_id}/waiting-room", refuses=HOSTS, extension=True)
async def list_waiting(call: Call, room_id: RoomId) -> Success[list[people.Waiting]]:
    """Get who waits to be let in, in the order they asked."""
    seats = await meeting_people.waiting(call, room_id)
    return Success(data=[people.Waiting.of(seat) for seat in seats], count=len(seats))


@do("POST", "/{room_id}/waiting-room/admit", refuses=HOSTS, extension=True)
async def admit_participants(
    call: Call, room_id: RoomId, body: people.Admit
) -> Success[people.Decided]:
    """Let people in who wait: those named, or all."""
    named = people.whom(body.participant_ids) if body.participant_ids else None
    decided = await meeting_people.decide(call, room_id, named, admit=True, reason=None)
    return Success(data=people.Decided.of(decided))


@do("POST", "/{room_id}/waiting-room/deny", refuses=HOSTS, extension=True)
async def deny_participants(
    call: Call, room_id: RoomId, body: people.Deny
) -> Success[people.Decided]:
    """Turn people away who wait: those named, or all."""
    named = people.whom(body.participant_ids) if body.participant_ids else None
    decided = await meeting_people.decide(call, room_id, named, admit=False, reason=body.reason)
    return Success(data=people.Decided.of(decided))
