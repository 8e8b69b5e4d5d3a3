"""Somebody wants a recording transcribed."""

from __future__ import annotations

from infra.contract.commands import RequestTranscript
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, TranscriptView
from infra.db import recordings, tenants, transcripts
from infra.db.work import Work
from workers import transcription
from workers.owners import owns
from workers.tools import Tools

WHOLE = frozenset({RecordingState.READY, RecordingState.ARCHIVED})


@owns(RequestTranscript)
def request_transcript(command: RequestTranscript, work: Work, tools: Tools) -> TranscriptView:
    """Begin another transcript of the recording; one is made at a time."""
    transcripts.hold(work.connection, command.recording_id)
    begun = transcripts.get(work.connection, command.tenant_id, command.transcript_id)
    if begun is not None:
        return begun
    tenant = tenants.get(work.connection, command.tenant_id)
    recording = recordings.get(work.connection, command.tenant_id, command.recording_id)
    if tenant is None or recording is None:
        raise refuse(Reason.RECORDING_UNKNOWN)
    if command.room_id not in (None, recording.room_id):
        raise refuse(Reason.UNUSABLE, "room_id: the recording is of another room")
    if command.provider not in (None, transcription.PROVIDER):
        raise refuse(Reason.PROVIDER_UNKNOWN, f"provider: there is only {transcription.PROVIDER}")
    model = transcription.model_name(tools.settings)
    if command.model not in (None, model):
        # Any name could make a worker fetch gigabytes: which models there are, operators say.
        raise refuse(Reason.UNUSABLE, f"model: there is only {model}")
    if not tenant.config.transcription_enabled:
        raise refuse(Reason.TRANSCRIPTION_DISABLED)
    if recording.state not in WHOLE:
        raise refuse(Reason.RECORDING_NOT_READY)
    if transcripts.under_way(work.connection, command.tenant_id, recording.id):
        raise refuse(Reason.TRANSCRIPTION_RUNNING)
    return transcription.start(
        work,
        recording,
        tenant.config,
        transcript_id=command.transcript_id,
        model=model,
        language=command.language,
        task=command.task,
    )
