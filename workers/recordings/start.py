"""Starting and stopping a recording because somebody asked."""

from __future__ import annotations

from infra.contract.commands import StartRecording, StopRecording
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingView, RoomState
from infra.db import recordings, rooms
from infra.db.work import Work
from workers import capture, pods
from workers.owners import owns
from workers.tools import Tools


@owns(StartRecording)
def start_recording(command: StartRecording, work: Work, tools: Tools) -> RecordingView:
    """Begin it, also in a room without people or a pod. A room has one at a time."""
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    begun = recordings.get(work.connection, command.tenant_id, command.recording_id)
    if begun is not None:
        return begun
    if room.state is not RoomState.LIVE:
        raise refuse(Reason.ROOM_NOT_ACTIVE)
    if not room.config.recording_enabled:
        raise refuse(Reason.RECORDING_DISABLED)
    if recordings.running(work.connection, room.tenant_id, room.id) is not None:
        raise refuse(Reason.ALREADY_RECORDING)
    if not pods.can_record(tools.redis, room):
        raise refuse(Reason.STORAGE_FULL)
    return capture.start(work, room, command.recording_id, tools.store.provider)


@owns(StopRecording)
def stop_recording(command: StopRecording, work: Work, tools: Tools) -> RecordingView:
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    stopped = capture.stop(work, room)
    if stopped is None:
        raise refuse(Reason.NOT_RECORDING)
    return stopped
