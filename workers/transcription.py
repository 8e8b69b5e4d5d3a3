"""Beginning the transcript of a recording, whoever decided it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from infra.bus import keys
from infra.contract.ids import RecordingId, TenantId, TranscriptId, new_id
from infra.contract.messages import Message
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingView, TenantConfig, TranscriptView
from infra.db import jobs, transcripts
from infra.db.work import Work
from infra.settings import Settings

PROVIDER = "whisper"
"The one there is: a Whisper model on our own machines."
MAX_ATTEMPT = 8
"""Times a worker may be killed over one transcript. Each attempt goes on from the last finished
piece, and what could kill a worker by itself runs in children of it."""


class TranscribeOrder(Message):
    """What the job has to know besides what is in the transcript's row."""

    tenant_id: TenantId
    recording_id: RecordingId
    transcript_id: TranscriptId
    language: str | None
    "A tag such as en-US; None: find out."
    task: str = "transcribe"
    keywords: tuple[str, ...] = ()
    profanity_filter: bool = False


def model_name(settings: Settings) -> str:
    """What the deployment's model is called outside: a directory's place is nobody's business."""
    return Path(settings.model_path).name


def start(
    work: Work,
    recording: RecordingView,
    config: TenantConfig,
    *,
    transcript_id: TranscriptId,
    model: str,
    language: str | None = None,
    task: str = "transcribe",
) -> TranscriptView:
    """Begin one of a stored recording. `language` None: the tenant's, "auto": found out."""
    spoken = language or config.transcription_language
    order = TranscribeOrder(
        tenant_id=recording.tenant_id,
        recording_id=recording.id,
        transcript_id=transcript_id,
        language=None if spoken == "auto" else spoken,
        task=task,
        keywords=config.transcription_keywords,
        profanity_filter=config.transcription_profanity_filter,
    )
    transcripts.create(
        work.connection,
        transcript_id=transcript_id,
        recording_id=recording.id,
        room_id=recording.room_id,
        tenant_id=recording.tenant_id,
        provider=PROVIDER,
        model=model,
        task=task,
        language=order.language,
        now=work.now,
    )
    order_words(work, order)
    begun = transcripts.get(work.connection, recording.tenant_id, transcript_id)
    if begun is None:
        raise refuse(Reason.TRANSCRIPT_UNKNOWN)
    return begun


def order_words(
    work: Work, order: TranscribeOrder, *, available_at: datetime | None = None
) -> None:
    """Have it made, or gone on with."""
    jobs.enqueue(
        work,
        "transcribe",
        str(order.transcript_id),
        keys.TRANSCRIPTS,
        order.model_dump(mode="json"),
        tenant_id=order.tenant_id,
        available_at=available_at,
        max_attempt=MAX_ATTEMPT,
    )


def start_if_wanted(
    work: Work, recording: RecordingView, config: TenantConfig, settings: Settings
) -> TranscriptView | None:
    """The recording has just become whole: begin its transcript, if the tenant wants one.

    Called again for a recording that has one, finished or not, it changes nothing.
    """
    if not config.transcription_enabled:
        return None
    transcripts.hold(work.connection, recording.id)
    there = transcripts.of_recording(work.connection, recording.tenant_id, recording.id)
    if there is not None:
        return there
    return start(
        work,
        recording,
        config,
        transcript_id=TranscriptId(new_id()),
        model=model_name(settings),
    )
