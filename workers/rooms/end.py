"""Ending rooms, because somebody said so or because it is time; calling them off; hiding them."""

from __future__ import annotations

from infra.contract.commands import CancelRoom, DeleteRoom, EndRoom, RoomDeleted
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomState, RoomView
from infra.db import connections, participants, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods, tracks
from workers.owners import owns
from workers.rooms import lifecycle, plan, post, presence, show
from workers.rooms.lifecycle import Step
from workers.tools import Tools


@owns(EndRoom)
def end_room(command: EndRoom, work: Work, tools: Tools) -> RoomView:
    return end(work, show.lock(work, command.tenant_id, command.room_id))


@owns(CancelRoom)
def cancel_room(command: CancelRoom, work: Work, tools: Tools) -> RoomView:
    return cancel(work, show.lock(work, command.tenant_id, command.room_id))


@owns(DeleteRoom)
def delete_room(command: DeleteRoom, work: Work, tools: Tools) -> RoomDeleted:
    room = show.lock(work, command.tenant_id, command.room_id)
    require_version(room, command.if_version)
    if room.state is RoomState.LIVE:
        end(work, room, again=False)
    elif room.state is RoomState.SCHEDULED:
        cancel(work, room)
    show.announce(work, room, "room.deleted")
    rooms.change(work.connection, room, work.now, deleted_at=work.now)
    return RoomDeleted(room_id=room.id, at=work.now)


def require_version(room: LockedRoom, version: int | None) -> None:
    """Refuses when somebody means another version of the room than there is."""
    if version is not None and version != room.version:
        raise refuse(Reason.PRECONDITION_FAILED, "the room has changed")


def end(work: Work, room: LockedRoom, *, again: bool = True) -> RoomView:
    """End a locked room for everybody: its recording, its tracks, its people, then its media.

    Refuses one that cannot be ended. `room.ended` is the last event of the session. `again`: a
    series is scheduled for its next occurrence, which the view does not show yet.
    """
    ended = lifecycle.after(room.state, Step.END)
    capture.stop(work, room)
    tracks.end_all(work, room)
    for seat in participants.in_room(work.connection, room.tenant_id, room.id, active=True):
        presence.note_left(work, room, seat, why="ended")
    connections.disconnect_room(work.connection, room.id)
    participants.close_doors(work.connection, room.id, work.now)
    # The pod was told to close the recording before this, and closes it at a drop in any case.
    if room.pod_id is not None:
        pods.drop(work, room.id, room.pod_id, room.epoch)
    rooms.change(
        work.connection,
        room,
        work.now,
        state=ended.value,
        ended_at=work.now,
        empty_since=None,
        pod_id=None,
        spool_id=None,
    )
    view = show.announce(work, room, "room.ended")
    if again:
        move_on(work, room, ended)
    return view


def move_on(work: Work, room: LockedRoom, state: RoomState) -> bool:
    """Schedule a locked series, which is in this state now, for its next occurrence. False: there
    is none, and it stays as it is."""
    coming = plan.next_occurrence(room, work.now)
    if coming is None:
        return False
    rooms.change(
        work.connection,
        room,
        work.now,
        state=lifecycle.after(state, Step.PLAN).value,
        starts_at=coming.starts_at,
        ends_at=coming.ends_at,
        started_at=None,
        ended_at=None,
    )
    show.announce(work, room, "room.updated")
    return True


def lapse(work: Work, room: LockedRoom) -> None:
    """The planned time of a locked series is over: it is about its next occurrence, or ended."""
    if not move_on(work, room, room.state):
        ended = lifecycle.after(room.state, Step.LAPSE)
        participants.close_doors(work.connection, room.id, work.now)
        rooms.change(work.connection, room, work.now, state=ended.value, ended_at=work.now)
        # Not `room.ended`, which ends a session: there was none.
        show.announce(work, room, "room.updated")


def cancel(work: Work, room: LockedRoom) -> RoomView:
    """Call a locked room off. Refuses ROOM_NOT_SCHEDULED."""
    cancelled = lifecycle.after(room.state, Step.CANCEL)
    participants.close_doors(work.connection, room.id, work.now)
    rooms.change(work.connection, room, work.now, state=cancelled.value)
    view = show.announce(work, room, "room.cancelled")
    post.call_off(work, view)
    return view
