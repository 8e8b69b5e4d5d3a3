"""Starting and stopping a room's recording, whoever decided it."""

from __future__ import annotations

from infra.bus import keys
from infra.contract.ids import RecordingId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingView, TenantConfig
from infra.db import jobs, recordings
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import pods

UNDER_WAY = frozenset({"capturing", "captured"})
"States of a part of which something more will be heard."


def is_due(work: Work, room: LockedRoom, config: TenantConfig) -> bool:
    """The tenant's rules want this room recorded, and it is not."""
    wanted = config.force_recording or config.auto_start_recording
    if not (wanted and room.config.recording_enabled):
        return False
    return recordings.running(work.connection, room.tenant_id, room.id) is None


def start(
    work: Work, room: LockedRoom, recording_id: RecordingId, storage_provider: str
) -> RecordingView:
    """Begin a recording of a live, locked room that has none. The room need not have a pod yet."""
    recordings.start(
        work.connection,
        recording_id=recording_id,
        tenant_id=room.tenant_id,
        room_id=room.id,
        storage_provider=storage_provider,
        now=work.now,
    )
    begin_part(work, room)
    work.event(room.id, room.tenant_id, "recording.started", {"recording_id": str(recording_id)})
    pods.hold(work, room)
    return _seen(work, room, recording_id)


def begin_part(work: Work, room: LockedRoom) -> None:
    """Note that the room's pod writes the running recording, if there are both."""
    running = recordings.running(work.connection, room.tenant_id, room.id)
    if running is not None and room.pod_id is not None and room.spool_id is not None:
        recordings.begin_part(
            work.connection,
            running.id,
            epoch=room.epoch,
            pod_id=room.pod_id,
            spool_id=room.spool_id,
            now=work.now,
        )


def stop(work: Work, room: LockedRoom) -> RecordingView | None:
    """End the locked room's recording; None when it has none. What was captured is put together."""
    running = recordings.running(work.connection, room.tenant_id, room.id)
    if running is None:
        return None
    recordings.stop(work.connection, room.tenant_id, running.id, work.now)
    work.event(room.id, room.tenant_id, "recording.stopped", {"recording_id": str(running.id)})
    pods.hold(work, room)
    parts = recordings.parts(work.connection, running.id)
    if not any(part.state in UNDER_WAY for part in parts):
        # No pod will report anything more, so nobody else would notice that it is complete.
        jobs.enqueue(
            work,
            "compose",
            str(running.id),
            keys.RECORDINGS,
            {"recording_id": str(running.id)},
            tenant_id=room.tenant_id,
        )
    return _seen(work, room, running.id)


def _seen(work: Work, room: LockedRoom, recording_id: RecordingId) -> RecordingView:
    view = recordings.get(work.connection, room.tenant_id, recording_id)
    if view is None:
        raise refuse(Reason.RECORDING_UNKNOWN)
    return view
