"""Playable files that move to cold storage."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from infra.bus import keys
from infra.contract.commands import ArchiveRecording
from infra.contract.ids import RecordingId, TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, RecordingView
from infra.db import jobs, recordings
from infra.db.jobs import ClaimedJob, SetAside
from infra.db.work import Work
from workers.owners import mourns, owns, performs
from workers.tools import Tools

AGAIN_AFTER = timedelta(minutes=1)
"When storage could not be reached."


@owns(ArchiveRecording)
def archive_recording(command: ArchiveRecording, work: Work, tools: Tools) -> RecordingView:
    """Archived from now on; the file moves in a job, since moving it may take minutes."""
    if not recordings.lock_of(work.connection, command.tenant_id, command.recording_id):
        raise refuse(Reason.RECORDING_UNKNOWN)
    if not recordings.change_state(
        work.connection, command.recording_id, RecordingState.READY, RecordingState.ARCHIVED
    ):
        raise refuse(Reason.RECORDING_NOT_READY)
    _order(work, command.tenant_id, command.recording_id)
    found = recordings.get(work.connection, command.tenant_id, command.recording_id)
    if found is None:
        raise refuse(Reason.RECORDING_UNKNOWN)
    return found


@performs("archive")
def move_file(job: ClaimedJob, tools: Tools) -> None:
    with tools.engine.connect() as connection:
        recording = recordings.find(connection, _subject(job))
    if recording is None or recording.state is not RecordingState.ARCHIVED:
        return
    if recording.object_key is not None:
        tools.store.archive(recording.object_key)


@mourns("archive")
def not_moved(job: SetAside, work: Work, tools: Tools) -> None:
    """The file is where it was, so that is what the row says again."""
    recording = recordings.lock(work.connection, _subject(job))
    if recording is None:
        return
    if "StoreUnavailable" in job.error:
        _order(work, recording.tenant_id, recording.id, after=AGAIN_AFTER)
        return
    recordings.change_state(
        work.connection,
        recording.id,
        RecordingState.ARCHIVED,
        RecordingState.READY,
        f"not archived: {job.error}",
    )


def _subject(job: ClaimedJob | SetAside) -> RecordingId:
    return RecordingId(UUID(job.payload["recording_id"]))


def _order(
    work: Work, tenant_id: TenantId, recording_id: RecordingId, *, after: timedelta | None = None
) -> None:
    jobs.enqueue(
        work,
        "archive",
        str(recording_id),
        keys.RECORDINGS,
        {"recording_id": str(recording_id)},
        tenant_id=tenant_id,
        available_at=None if after is None else work.now + after,
    )
