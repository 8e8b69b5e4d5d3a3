"""Recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from infra.contract.commands.actor import Actor
from infra.contract.ids import RecordingId, RoomId, SpoolId, TenantId
from infra.contract.messages import Command, Done, Reply
from infra.contract.views import RecordingView


class StartRecording(Command[RecordingView]):
    """Start one. Answered as soon as it is decided, also in a room where nobody publishes yet."""

    kind: Literal["recording.start"] = "recording.start"
    tenant_id: TenantId
    room_id: RoomId
    recording_id: RecordingId


class StopRecording(Command[RecordingView]):
    kind: Literal["recording.stop"] = "recording.stop"
    tenant_id: TenantId
    room_id: RoomId


class ReportSpool(Command[Done]):
    """A spool holds something to upload for this recording: rings the job that does it."""

    kind: Literal["recording.report_spool"] = "recording.report_spool"
    recording_id: RecordingId
    epoch: int
    spool_id: SpoolId
    closed: bool
    "True: nothing more will be written under this epoch."


class SyncReport(Reply):
    existing: int
    synced: tuple[RecordingView, ...]
    errors: tuple[str, ...]


class SyncRecordings(Command[SyncReport]):
    """Reconcile rows with what storage holds for the room: import what has no row."""

    kind: Literal["recording.sync"] = "recording.sync"
    tenant_id: TenantId
    room_id: RoomId


class RecoverRecording(Command[RecordingView]):
    """Take up a recording stuck in `processing` from whatever is left of it."""

    kind: Literal["recording.recover"] = "recording.recover"
    tenant_id: TenantId
    recording_id: RecordingId


class ArchiveRecording(Command[RecordingView]):
    """Move the playable file to the cold storage class."""

    kind: Literal["recording.archive"] = "recording.archive"
    tenant_id: TenantId
    recording_id: RecordingId


class DeleteRecording(Command[Done]):
    """Delete every object and transcript of it. A job under way for it changes nothing more."""

    kind: Literal["recording.delete"] = "recording.delete"
    tenant_id: TenantId
    recording_id: RecordingId


class CountDownload(Command[Done]):
    """A download link was given out: counted, and written to the audit log."""

    kind: Literal["recording.count_download"] = "recording.count_download"
    tenant_id: TenantId
    recording_id: RecordingId
    actor: Actor
    at: datetime
