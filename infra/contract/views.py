"""What things look like from outside their owner: read from the database, carried in replies."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from infra.contract.ids import (
    MessageId,
    ParticipantId,
    RecordingId,
    RoomId,
    TenantId,
    TrackId,
    TranscriptId,
)
from infra.contract.messages import Message, Reply


class RoomState(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


class Role(StrEnum):
    HOST = "host"
    CO_HOST = "co_host"
    PRESENTER = "presenter"
    ATTENDEE = "attendee"


class RecordingState(StrEnum):
    RECORDING = "recording"
    PROCESSING = "processing"
    READY = "ready"
    ARCHIVED = "archived"
    FAILED = "failed"
    DELETED = "deleted"


class TranscriptState(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class DuplicatePolicy(StrEnum):
    """What happens when an `external_user_id` that is in the room joins again."""

    REJECT = "reject"
    DISCONNECT_EXISTING = "disconnect_existing"
    ALLOW = "allow"


class TenantConfig(Message):
    """A tenant's own rules. Unknown keys are refused where a client sends them."""

    force_recording: bool = False
    "Record every room from its first participant on."
    auto_start_recording: bool = False
    "Start recording when the first participant comes; once it is stopped it stays so."
    allow_early_join: bool = True
    "Joining an unknown room name makes the room; joining an ended room reopens it."
    empty_room_timeout_minutes: int = Field(default=30, ge=1, le=1440)
    recording_retention_days: int = Field(default=30, ge=1, le=3650)
    duplicate_participant_policy: DuplicatePolicy = DuplicatePolicy.REJECT
    transcription_enabled: bool = True
    transcription_language: str = Field(default="en-US", min_length=2, max_length=16)
    transcription_profanity_filter: bool = False
    "Swear words in transcripts made from now on keep their first letter only."
    transcription_keywords: tuple[str, ...] = Field(default=(), max_length=100)
    allowed_origins: tuple[str, ...] = Field(default=(), max_length=20)
    first_participant_is_host: bool = False


class TenantView(Reply):
    id: TenantId
    name: str
    config: TenantConfig
    max_concurrent_rooms: int
    max_participants_per_room: int | None
    "None: a room's own `max_participants` alone decides."
    max_recording_duration_minutes: int
    is_active: bool
    created_at: datetime
    updated_at: datetime


class RoomConfig(Message):
    max_participants: int = Field(default=10, ge=2, le=10_000)
    recording_enabled: bool = True
    chat_enabled: bool = True


class RoomView(Reply):
    id: RoomId
    tenant_id: TenantId
    name: str
    config: RoomConfig
    metadata: dict[str, Any]
    state: RoomState
    epoch: int
    seq: int
    "Number of the last event in the room's log."
    participant_count: int = 0
    "People in the room now."
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ParticipantView(Reply):
    id: ParticipantId
    room_id: RoomId
    tenant_id: TenantId
    external_user_id: str | None
    display_name: str
    role: Role
    joined_at: datetime | None
    "First seen in the room; None while the seat has only been given out."
    left_at: datetime | None
    created_at: datetime


class TrackView(Message):
    """A track being published now. Lives in Redis, written by the pod."""

    track_id: TrackId
    participant_id: ParticipantId
    kind: Literal["audio", "video"]
    source: Literal["microphone", "camera", "screen", "screen_audio"]
    muted: bool = False


class ChatMessageView(Reply):
    id: MessageId
    room_id: RoomId
    participant_id: ParticipantId
    display_name: str
    text: str
    sent_at: datetime


class RecordingView(Reply):
    id: RecordingId
    room_id: RoomId
    tenant_id: TenantId
    room_name: str
    state: RecordingState
    storage_provider: str
    duration_seconds: float | None
    size_bytes: int | None
    object_key: str | None
    "Of the playable file; None until it is made."
    error_message: str | None
    download_count: int
    started_at: datetime
    stopped_at: datetime | None
    created_at: datetime


class Word(Message):
    text: str
    start_ms: int
    end_ms: int
    probability: float


class Turn(Message):
    """One speaker's uninterrupted stretch of words. Times are ms from the recording's start."""

    speaker_id: ParticipantId | None
    speaker: str
    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    "Mean word probability, 0 to 1."


class TranscriptView(Reply):
    id: TranscriptId
    recording_id: RecordingId
    room_id: RoomId
    tenant_id: TenantId
    state: TranscriptState
    provider: str
    model: str | None
    language: str | None
    duration_seconds: float | None
    word_count: int | None
    turns: tuple[Turn, ...] = ()
    dropped: dict[str, int] = Field(default_factory=dict)
    "What the gates against invented text left out, by reason."
    missing_ms: int = 0
    "Audio that could not be decoded."
    progress: float = 0.0
    "0 to 1."
    error_message: str | None
    created_at: datetime
    completed_at: datetime | None
