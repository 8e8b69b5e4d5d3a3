"""Starting and stopping a room's recording, and having it put together, whoever decided it."""

from __future__ import annotations

from datetime import datetime

from infra.bus import keys
from infra.contract.ids import RecordingId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, RecordingView, TenantConfig
from infra.db import jobs, recordings
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import pods

UNDER_WAY = frozenset({"capturing", "captured"})
"States of a part of which something more will be heard."


def is_due(work: Work, room: LockedRoom, config: TenantConfig) -> bool:
    """The tenant's rules, or its own, want this room recorded, and it is not.

    One that starts by itself does so once a session: whoever stops it has said that it is enough.
    """
    wanted = config.force_recording or config.auto_start_recording or room.config.auto_record
    if not (wanted and room.config.recording_enabled):
        return False
    begun = recordings.begun_since(work.connection, room.tenant_id, room.id, room.started_at)
    if config.force_recording:
        return RecordingState.RECORDING not in begun
    return not begun


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
    # A pod that writes it reports when it is done; without one there is nothing to wait for.
    settle(work, running.id)
    return _seen(work, room, running.id)


def settle(work: Work, recording_id: RecordingId) -> None:
    """Order the film if nothing more is to come. Asked twice, it is made once."""
    recording = recordings.lock(work.connection, recording_id)
    if recording is None or recording.state is not RecordingState.PROCESSING:
        return
    parts = recordings.parts(work.connection, recording_id)
    if not any(part.state in UNDER_WAY for part in parts):
        order_film(work, recording_id, recording.tenant_id)


def order_film(
    work: Work,
    recording_id: RecordingId,
    tenant_id: TenantId,
    *,
    available_at: datetime | None = None,
) -> None:
    jobs.enqueue(
        work,
        "compose",
        str(recording_id),
        keys.RECORDINGS,
        {"recording_id": str(recording_id)},
        tenant_id=tenant_id,
        available_at=available_at,
    )


def _seen(work: Work, room: LockedRoom, recording_id: RecordingId) -> RecordingView:
    view = recordings.get(work.connection, room.tenant_id, recording_id)
    if view is None:
        raise refuse(Reason.RECORDING_UNKNOWN)
    return view
