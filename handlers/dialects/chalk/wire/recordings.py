"""Recordings and transcripts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from handlers.dialects.chalk.wire.fields import Name
from handlers.dialects.operation import Body, Query, Shown
from handlers.operations.transcripts import Line, Provider
from infra.contract.commands import SyncReport
from infra.contract.ids import RoomId
from infra.contract.views import RecordingState, RecordingView, TranscriptView

ARCHIVE_PROVIDER = "s3_glacier"
"What the original calls the place where archived recordings are."


class Recording(Shown):
    id: UUID
    room_id: UUID
    status: RecordingState
    storage_provider: str
    duration_seconds: float | None
    file_size_bytes: int | None
    started_at: datetime
    stopped_at: datetime | None
    error_message: str | None
    created_at: datetime

    @classmethod
    def of(cls, recording: RecordingView) -> Recording:
        return cls.model_validate(_fields(recording))


class RecordingInFull(Recording):
    room_name: str
    tenant_id: UUID
    download_count: int

    @classmethod
    def of(cls, recording: RecordingView) -> RecordingInFull:
        return cls.model_validate(_fields(recording))


def _fields(recording: RecordingView) -> dict[str, Any]:
    archived = recording.state is RecordingState.ARCHIVED and recording.storage_provider == "s3"
    return {
        **dict(recording),
        "status": recording.state,
        "file_size_bytes": recording.size_bytes,
        "storage_provider": ARCHIVE_PROVIDER if archived else recording.storage_provider,
    }


class Recordings(Shown):
    recordings: list[Recording]
    total: int
    limit: int
    offset: int


class Synced(Shown):
    message: str = "sync completed"
    synced: int
    synced_count: int
    existing: int
    errors: list[str]
    recordings: list[Recording]

    @classmethod
    def of(cls, report: SyncReport) -> Synced:
        return cls(
            synced=len(report.synced),
            synced_count=len(report.synced),
            existing=report.existing,
            errors=list(report.errors),
            recordings=[Recording.of(recording) for recording in report.synced],
        )


class Download(Shown):
    recording_id: UUID
    status: RecordingState
    download_url: str | None = None
    "Anybody may GET it until it expires, with ranges."
    expires_at: datetime | None = None
    duration: float | None = None
    "Seconds."
    file_size: int | None = None
    provider: str | None = None
    message: str | None = None
    "Why there is no link."

    @classmethod
    def of(cls, recording: RecordingView, url: str, expires_at: datetime) -> Download:
        return cls(
            recording_id=recording.id,
            status=recording.state,
            download_url=url,
            expires_at=expires_at,
            duration=recording.duration_seconds,
            file_size=recording.size_bytes,
            provider=recording.storage_provider,
        )

    @classmethod
    def none_yet(cls, recording: RecordingView) -> Download:
        return cls(
            recording_id=recording.id,
            status=recording.state,
            message=recording.error_message or f"recording is {recording.state.value}",
        )


class Archived(Shown):
    message: str = "recording archived"
    id: UUID
    status: RecordingState


class Recovered(Shown):
    message: str
    recording_id: UUID
    status: RecordingState
    file_size: int | None
    duration: float | None

    @classmethod
    def of(cls, recording: RecordingView) -> Recovered:
        ready = recording.state is RecordingState.READY
        return cls(
            message="recording recovered" if ready else "recovery queued",
            recording_id=recording.id,
            status=recording.state,
            file_size=recording.size_bytes,
            duration=recording.duration_seconds,
        )


class Deleted(Shown):
    message: str = "recording deleted"
    id: UUID


# --- transcripts ---


Language = Annotated[str, Field(max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]


class Transcribe(Body):
    room_id: RoomId | None = None
    "Checked against the recording's when given."
    provider: Name | None = None
    language: Language | None = None
    model: Name | None = None
    task: Literal["transcribe", "translate"] = "transcribe"


class Queued(Shown):
    transcript_id: UUID
    status: str


class Format(Query):
    format: Literal["json", "vtt", "srt", "txt"] = "json"


class Segment(Shown):
    start: float
    end: float
    "Seconds from the recording's start."
    speaker: str
    speaker_id: UUID | None
    text: str
    confidence: float | None


class Segments(Shown):
    segments: list[Segment]


class Transcript(Shown):
    id: UUID
    recording_id: UUID
    room_id: UUID
    status: str
    provider: str
    model: str | None
    language: str | None
    transcript_text: str
    transcript_json: Segments
    summary: str | None = None
    action_items: list[str] = []
    "Nobody here writes either: they are there for who reads them."
    duration_seconds: float | None
    word_count: int | None
    progress: float
    "0 to 1."
    missing_ms: int
    "Audio that could not be decoded."
    dropped: dict[str, int]
    "What was left out as invented, by reason."
    error_message: str | None
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, transcript: TranscriptView) -> Transcript:
        segments = [
            Segment(
                start=turn.start_ms / 1000,
                end=turn.end_ms / 1000,
                speaker=turn.speaker,
                speaker_id=turn.speaker_id,
                text=turn.text,
                confidence=turn.confidence,
            )
            for turn in transcript.turns
        ]
        return cls.model_validate(
            {
                **dict(transcript),
                "status": transcript.state.value,
                "transcript_text": "\n".join(f"{turn.speaker}: {turn.text}" for turn in segments),
                "transcript_json": Segments(segments=segments),
            }
        )


class Transcripts(Shown):
    transcripts: list[Transcript]
    "The newest of each recording of the room."


class LinesQuery(Query):
    limit: int = Field(default=100, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class LineShown(Shown):
    transcript_id: UUID
    recording_id: UUID
    participant_id: UUID | None
    speaker: str
    start: float
    end: float
    "Seconds from the recording's start."
    text: str

    @classmethod
    def of(cls, line: Line) -> LineShown:
        return cls(
            transcript_id=line.transcript.id,
            recording_id=line.transcript.recording_id,
            participant_id=line.turn.speaker_id,
            speaker=line.turn.speaker,
            start=line.turn.start_ms / 1000,
            end=line.turn.end_ms / 1000,
            text=line.turn.text,
        )


class Lines(Shown):
    transcripts: list[LineShown]
    total: int
    limit: int
    offset: int


class ProviderShown(Shown):
    id: str
    name: str
    available: bool
    "A worker that does it is running."
    byok_supported: bool

    @classmethod
    def of(cls, provider: Provider) -> ProviderShown:
        return cls(
            id=provider.id,
            name=provider.name,
            available=provider.available,
            byok_supported=False,
        )


class Providers(Shown):
    providers: list[ProviderShown]
    default_provider: str
