"""What things look like from outside their owner: read from the database, carried in replies."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from infra.contract.ids import (
    MessageId,
    ParticipantId,
    RecordingId,
    RoomId,
    TenantId,
    TrackId,
    TranscriptId,
)
from infra.contract.issuers import MOST_ISSUERS, JwtIssuer, distinct
from infra.contract.messages import Message, Reply
from infra.contract.permissions import Granted, Permission, permits
from infra.contract.roles import Role as Role


class RoomState(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


class RoomKind(StrEnum):
    INSTANT = "instant"
    "Live from the moment it is made."
    SCHEDULED = "scheduled"
    RECURRING = "recurring"
    "A series: one room, which after each occurrence is scheduled for the next."


class Admission(StrEnum):
    """What hosts decided about somebody who asked to be let in."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    DENIED = "denied"


class Invitation(StrEnum):
    """How far an invitation by e-mail got."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


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


RateTier = Literal["standard", "premium"]


class PostMeetingWebhook(Message):
    """A webhook endpoint that is part of a tenant's configuration. Its secret is kept elsewhere."""

    enabled: bool = True
    url: str = Field(min_length=8, max_length=2048)
    include_recording: bool = True
    include_transcript: bool = True
    "Wait for it, and send the event without it when that takes too long."
    include_summary: bool = False
    include_action_items: bool = False
    events: tuple[str, ...] = Field(default=("meeting.recording_ready",), max_length=64)
    "Empty: all of them."


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
    rate_tier: RateTier = "standard"
    "How much its API clients may ask for; the operator's to set."
    post_meeting_webhook: PostMeetingWebhook | None = None
    jwt_issuers: Annotated[tuple[JwtIssuer, ...], AfterValidator(distinct)] = Field(
        default=(), max_length=MOST_ISSUERS
    )
    "Whose tokens speak for the tenant's users, besides our own."


class TenantView(Reply):
    id: TenantId
    name: str
    external_ref: str | None = None
    "What other systems call the tenant: the `campus_id` of their tokens."
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
    video_enabled: bool = True
    audio_enabled: bool = True
    screen_sharing_enabled: bool = True
    whiteboard_enabled: bool = True
    hand_raise_enabled: bool = True
    breakout_rooms_enabled: bool = True
    waiting_room_enabled: bool = False
    "Everybody but hosts and co-hosts waits, in each session anew, until one of them lets them in."
    require_host_approval: bool = False
    "Who was not invited waits until a host lets them in, once, instead of being refused."
    members_only: bool = False
    "A seat is for who made the room, who is invited to it, and whom a host lets in."
    auto_record: bool = False
    "Start recording when the first participant comes, whatever the tenant's own rule is."
    record_video: bool = True
    record_audio: bool = True
    record_chat: bool = False
    "The chat becomes a file of the recording."
    storage_location: Literal["local", "cloud"] = "cloud"
    "local: the file is never moved to a cold storage class."
    retention_days: int | None = Field(default=None, ge=1, le=365)
    "None: the tenant's `recording_retention_days`."


class RoomView(Reply):
    id: RoomId
    tenant_id: TenantId
    name: str
    config: RoomConfig
    metadata: dict[str, Any]
    state: RoomState
    kind: RoomKind = RoomKind.INSTANT
    creator_id: str | None = None
    "The tenant's name for the user who made it; None: the tenant itself did."
    description: str | None = None
    location: str | None = None
    starts_at: datetime | None = None
    "When it is planned to start; of a series, the occurrence that is on or comes next."
    ends_at: datetime | None = None
    recurrence: str | None = None
    "RRULE of a series (RFC 5545, section 3.3.10), counted from its first `starts_at`."
    series_starts_at: datetime | None = None
    "First occurrence of a series."
    is_active: bool = True
    "False: put aside by its creator; nobody can start or join it."
    version: int = 0
    "Grows with every change of the room's own fields: its entity tag."
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
    email: str | None = None
    phone: str | None = None
    granted: Granted = Field(default_factory=dict)
    invited_at: datetime | None = None
    "None: nobody asked them; they came."
    invitation: Invitation | None = None
    "Of the last e-mail to them; None: none was asked for."
    admission: Admission | None = None
    "None: they did not have to ask."
    held_at: datetime | None = None
    "When they were last let in or given the seat, and a place held for them; None: never yet."
    asked_at: datetime | None = None
    "When they last asked to be let in."

    @property
    def is_present(self) -> bool:
        return self.joined_at is not None and self.left_at is None

    def may(self, permission: Permission) -> bool:
        return permits(self.role, self.granted, permission)


class TrackView(Message):
    """A track being published now. Lives in Redis, written by the pod."""

    track_id: TrackId
    participant_id: ParticipantId
    kind: Literal["audio", "video"]
    source: Literal["microphone", "camera", "screen", "screen_audio"]
    muted: bool = False
    muted_by_host: bool = False
    "It is muted, and not by its owner."


class ChatMessageView(Reply):
    id: MessageId
    room_id: RoomId
    participant_id: ParticipantId
    display_name: str
    text: str
    sent_at: datetime
    sender_id: str | None = None
    "The tenant's name for the user who said it."
    kind: Literal["text", "file", "poll", "announcement"] = "text"
    to: Literal["all", "private", "host"] = "all"
    recipient_id: ParticipantId | None = None
    "Of a private message."
    deleted_at: datetime | None = None
    "Its text is empty then."
    edited_at: datetime | None = None


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
