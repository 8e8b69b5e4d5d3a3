"""Ending rooms, because somebody said so or because it is time."""

from __future__ import annotations

from infra.contract.commands import DeleteRoom, EndRoom, RoomDeleted
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomState, RoomView
from infra.db import participants, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods, tracks
from workers.owners import owns
from workers.rooms import lifecycle, presence
from workers.rooms.lifecycle import Step
from workers.rooms.open import announce
from workers.tools import Tools


@owns(EndRoom)
def end_room(command: EndRoom, work: Work, tools: Tools) -> RoomView:
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return end(work, room)


@owns(DeleteRoom)
def delete_room(command: DeleteRoom, work: Work, tools: Tools) -> RoomDeleted:
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    if room.state is RoomState.LIVE:
        end(work, room)
    rooms.change(work.connection, room, work.now, deleted_at=work.now)
    return RoomDeleted(room_id=room.id, at=work.now)


def end(work: Work, room: LockedRoom) -> RoomView:
    """End a locked room for everybody: its recording, its tracks, its people, then its media.

    Refuses one that cannot be ended. `room.ended` is the last event of the session.
    """
    ended = lifecycle.after(room.state, Step.END)
    capture.stop(work, room)
    tracks.end_all(work, room)
    for seat in participants.in_room(work.connection, room.tenant_id, room.id, active=True):
        presence.note_left(work, room, seat, why="ended")
    participants.disconnect_room(work.connection, room.id)
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
    return announce(work, room, "room.ended")
