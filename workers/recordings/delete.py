"""Recordings that go: because somebody said so, or because their time is over."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog

from infra.bus import keys
from infra.contract.commands import DeleteRecording
from infra.contract.ids import RecordingId, TenantId
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState
from infra.db import jobs, recordings, retention, rooms, transcripts
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.work import Work
from infra.storage.spool import recording_prefix
from workers import capture
from workers.owners import every, mourns, owns, performs
from workers.recordings.upload import order_upload
from workers.tools import Tools

AGAIN_AFTER = timedelta(minutes=1)
"When objects could not be deleted."
AT_ONCE = 100

log = structlog.get_logger(__name__)


@owns(DeleteRecording)
def delete_recording(command: DeleteRecording, work: Work, tools: Tools) -> Done:
    """It is gone at once; its objects and local files follow. One being made is stopped first."""
    found = recordings.get(work.connection, command.tenant_id, command.recording_id)
    if found is None:
        raise refuse(Reason.RECORDING_UNKNOWN)
    if found.state is RecordingState.RECORDING:
        # Rooms are locked before recordings.
        room = rooms.lock(work.connection, command.tenant_id, found.room_id)
        if room is not None:
            capture.stop(work, room)
    forget(work, command.tenant_id, command.recording_id)
    return Done()


def forget(work: Work, tenant_id: TenantId, recording_id: RecordingId) -> None:
    """Hide the recording and order that everything of it be removed. Deleting again is harmless.

    Whatever job is under way for it looks at the row before it says anything, and after each
    object it stores: nothing comes back.
    """
    if recordings.lock(work.connection, recording_id) is None:
        return
    recordings.delete(work.connection, recording_id, work.now)
    transcripts.delete_of_recording(work.connection, tenant_id, recording_id)
    _order(work, tenant_id, recording_id)
    for part in recordings.parts(work.connection, recording_id):
        if part.state != "stored":
            order_upload(work, recording_id, part.epoch, part.spool_id, tenant_id=tenant_id)


@performs("delete")
def delete_objects(job: ClaimedJob, tools: Tools) -> None:
    recording_id = RecordingId(UUID(job.payload["recording_id"]))
    for stored in list(tools.store.list(recording_prefix(recording_id))):
        job.beat()
        tools.store.delete(stored.key)


@mourns("delete")
def delete_later(job: SetAside, work: Work, tools: Tools) -> None:
    """Storage was away. Deleting is not given up."""
    recording_id = RecordingId(UUID(job.payload["recording_id"]))
    recording = recordings.find(work.connection, recording_id)
    if recording is not None:
        log.warning("objects will be deleted later", subject=job.subject, error=job.error)
        _order(work, recording.tenant_id, recording_id, after=AGAIN_AFTER)


@every(600.0)
def expire(tools: Tools) -> None:
    """Delete what its tenant does not keep any longer."""
    with tools.engine.connect() as connection:
        for_days = retention.retentions(connection)
        old = [
            each
            for days in for_days
            for each in retention.kept_longer(
                connection, days, tools.now() - timedelta(days=days), AT_ONCE
            )
        ]
    for tenant_id, recording_id in old:
        with tools.begin() as work:
            forget(work, tenant_id, recording_id)
        log.info("recording expired", recording_id=str(recording_id))


@every(3600.0)
def tidy_storage(tools: Tools) -> None:
    """Uploads that nobody resumes are paid for until they are aborted."""
    gone = tools.store.tidy()
    if gone:
        log.info("unfinished uploads removed", count=gone)


def _order(
    work: Work, tenant_id: TenantId, recording_id: RecordingId, *, after: timedelta | None = None
) -> None:
    jobs.enqueue(
        work,
        "delete",
        str(recording_id),
        keys.RECORDINGS,
        {"recording_id": str(recording_id)},
        tenant_id=tenant_id,
        available_at=None if after is None else work.now + after,
    )
