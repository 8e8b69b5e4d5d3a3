"""What was said and recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from handlers.dialects import names
from handlers.dialects.kcs.wire.fields import (
    MeetingId,
    MessageId,
    ParticipantId,
    RecordingId,
    Sent,
    TranscriptId,
    UserId,
    cursor,
)
from handlers.dialects.lines import SEEN
from handlers.dialects.operation import Query, Shown
from infra.contract import ids
from infra.contract.refusals import Reason, refuse
from infra.contract.views import (
    ChatMessageView,
    RecordingState,
    RecordingView,
    RoomView,
    TranscriptState,
    TranscriptView,
)

MessageType = Literal["text", "file", "poll", "announcement"]
RecipientType = Literal["all", "private", "host"]


class ChatQuery(Query):
    limit: int = Field(default=100, ge=1, le=500)
    cursor: str | None = cursor("msg")
    "An answer's `next_cursor`, for what was said before."

    @property
    def before(self) -> ids.MessageId | None:
        found = names.read(self.cursor) if self.cursor else None
        return ids.MessageId(found) if found else None


class ChatMessage(Shown):
    id: MessageId
    meeting_id: MeetingId
    sender_id: str
    "The user; of a guest, the participant."
    sender_name: str
    message: str
    message_type: MessageType
    recipient_type: RecipientType
    recipient_id: ParticipantId | None
    "Of a private message."
    timestamp: datetime
    edited_at: datetime | None
    is_deleted: bool

    @classmethod
    def of(cls, said: ChatMessageView) -> ChatMessage:
        return cls(
            id=said.id,
            meeting_id=said.room_id,
            sender_id=said.sender_id or names.shown("participant", said.participant_id),
            sender_name=said.display_name,
            message=said.text,
            message_type=said.kind,
            recipient_type=said.to,
            recipient_id=said.recipient_id,
            timestamp=said.sent_at,
            edited_at=said.edited_at,
            is_deleted=said.deleted_at is not None,
        )


class SendMessage(Sent):
    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "Hello everyone!"}]})

    message: str = Field(min_length=1, max_length=4000, pattern=SEEN)
    message_type: MessageType = "text"
    recipient_type: RecipientType = "all"
    recipient_id: UserId | None = None
    "Of a private message: a participant. Means nothing to others."

    @property
    def recipient(self) -> ids.ParticipantId | None:
        """Raises `Refused` PARTICIPANT_UNKNOWN for a private message to nobody."""
        if self.recipient_type != "private":
            return None
        found = names.read(self.recipient_id or "", "participant")
        if found is None:
            raise refuse(Reason.PARTICIPANT_UNKNOWN, "recipient_id: is no participant")
        return ids.ParticipantId(found)


class Recording(Shown):
    id: RecordingId
    meeting_id: MeetingId
    recording_type: Literal["video", "audio"]
    file_path: str
    "Its name here; nothing is kept under it."
    file_size_bytes: int
    "0: there is no file yet."
    duration_seconds: float
    format: Literal["mp4"] = "mp4"
    quality: str
    "Empty: not measured."
    status: RecordingState
    started_at: datetime
    ended_at: datetime | None
    is_available: bool
    download_count: int

    @classmethod
    def of(cls, room: RoomView, number: int, recording: RecordingView) -> Recording:
        """`number`: which of the meeting's recordings it is, from 1."""
        state = recording.state
        playable = state in (RecordingState.READY, RecordingState.ARCHIVED)
        return cls(
            id=recording.id,
            meeting_id=room.id,
            recording_type="video" if room.config.record_video else "audio",
            file_path=f"/recordings/{names.shown('meeting', room.id)}_{number:03}.mp4",
            file_size_bytes=recording.size_bytes or 0,
            duration_seconds=recording.duration_seconds or 0,
            quality="",
            status=state,
            started_at=recording.started_at,
            ended_at=recording.stopped_at,
            is_available=playable and recording.object_key is not None,
            download_count=recording.download_count,
        )


class RecordingChange(Shown):
    """A recording that was just started or stopped."""

    recording_id: RecordingId
    meeting_id: MeetingId
    status: RecordingState
    started_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, recording: RecordingView) -> RecordingChange:
        return cls(
            recording_id=recording.id,
            meeting_id=recording.room_id,
            status=recording.state,
            started_at=recording.started_at,
            ended_at=recording.stopped_at,
        )


class Line(Shown):
    """What one speaker said without a break. Times from the recording's start."""

    participant_id: ParticipantId | None
    speaker_name: str
    start_ms: int
    end_ms: int
    text: str


class Transcript(Shown):
    id: TranscriptId
    meeting_id: MeetingId
    recording_id: RecordingId
    status: TranscriptState
    language: str | None
    word_count: int | None
    duration_seconds: float | None
    lines: list[Line]
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, transcript: TranscriptView) -> Transcript:
        return cls(
            id=transcript.id,
            meeting_id=transcript.room_id,
            recording_id=transcript.recording_id,
            status=transcript.state,
            language=transcript.language,
            word_count=transcript.word_count,
            duration_seconds=transcript.duration_seconds,
            lines=[
                Line(
                    participant_id=turn.speaker_id,
                    speaker_name=turn.speaker,
                    start_ms=turn.start_ms,
                    end_ms=turn.end_ms,
                    text=turn.text,
                )
                for turn in transcript.turns
            ],
            created_at=transcript.created_at,
            completed_at=transcript.completed_at,
        )
