"""Every table. Times are aware UTC; `id` columns hold UUIDv7.

Unique constraints here are promises the API makes; change them only with a migration.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, Column, DateTime, Dialect, Index, TypeDecorator, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, also on SQLite, which forgets time zones. Naive ones are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


def _json(nullable: bool = False) -> Any:
    return Column(
        JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
        nullable=nullable,
    )


def _open_rows(name: str, condition: str) -> Index:
    """Of the few rows that are not over: what sweeps look for every few seconds."""
    return Index(name, "id", postgresql_where=text(condition), sqlite_where=text(condition))


def _time(nullable: bool = False, index: bool = False) -> Any:
    return Column(UtcDateTime(), nullable=nullable, index=index)


class Tenant(SQLModel, table=True):
    __tablename__: ClassVar[str] = "tenants"

    id: UUID = Field(primary_key=True)
    name: str
    config: dict[str, Any] = Field(sa_column=_json())
    max_concurrent_rooms: int
    max_participants_per_room: int | None
    max_recording_duration_minutes: int
    is_active: bool = True
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class ApiKey(SQLModel, table=True):
    """A tenant's key, by digest. Rotation leaves the old row until it expires."""

    __tablename__: ClassVar[str] = "api_keys"

    sha256: str = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenants.id", index=True)
    created_at: datetime = Field(sa_column=_time())
    expires_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class Room(SQLModel, table=True):
    __tablename__: ClassVar[str] = "rooms"
    __table_args__ = (
        Index("ix_rooms_tenant_state", "tenant_id", "state", "id"),
        Index("ix_rooms_tenant_name", "tenant_id", "name"),
        Index("ix_rooms_pod", "pod_id"),
        _open_rows("ix_rooms_live", "state = 'live'"),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenants.id")
    name: str
    "The newest room that is not deleted answers to the name."
    config: dict[str, Any] = Field(sa_column=_json())
    meta: dict[str, Any] = Field(sa_column=_json())
    state: str
    pod_id: UUID | None = None
    spool_id: UUID | None = None
    epoch: int = 0
    "Tenure of the pod that holds the room; only ever grows."
    seq: int = 0
    version: int = 1
    empty_since: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    started_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class Participant(SQLModel, table=True):
    """A seat, and the person in it."""

    __tablename__: ClassVar[str] = "participants"
    __table_args__ = (
        Index("ix_participants_room", "room_id", "left_at"),
        Index("ix_participants_external", "room_id", "external_user_id"),
    )

    id: UUID = Field(primary_key=True)
    room_id: UUID = Field(foreign_key="rooms.id")
    tenant_id: UUID
    external_user_id: str | None = None
    display_name: str
    role: str
    joined_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    left_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    removed_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    "Taken away by a host: tokens of this seat no longer work."
    created_at: datetime = Field(sa_column=_time())


class Connection(SQLModel, table=True):
    """Something alive through which a participant is in the room: a socket, a WHIP session."""

    __tablename__: ClassVar[str] = "connections"

    id: UUID = Field(primary_key=True)
    participant_id: UUID = Field(foreign_key="participants.id", index=True)
    room_id: UUID = Field(index=True)
    created_at: datetime = Field(sa_column=_time())


class RoomLogEntry(SQLModel, table=True):
    __tablename__: ClassVar[str] = "room_events"

    room_id: UUID = Field(primary_key=True, foreign_key="rooms.id")
    seq: int = Field(primary_key=True)
    tenant_id: UUID
    kind: str
    data: dict[str, Any] = Field(sa_column=_json())
    at: datetime = Field(sa_column=_time())


class ChatMessage(SQLModel, table=True):
    __tablename__: ClassVar[str] = "chat_messages"
    __table_args__ = (Index("ix_chat_room", "room_id", "id"),)

    id: UUID = Field(primary_key=True)
    room_id: UUID = Field(foreign_key="rooms.id")
    participant_id: UUID
    display_name: str
    text: str
    sent_at: datetime = Field(sa_column=_time())


class Recording(SQLModel, table=True):
    __tablename__: ClassVar[str] = "recordings"
    __table_args__ = (
        Index("ix_recordings_tenant", "tenant_id", "id"),
        Index("ix_recordings_room", "room_id", "state"),
        _open_rows("ix_recordings_open", "state IN ('recording', 'processing')"),
    )

    id: UUID = Field(primary_key=True)
    room_id: UUID = Field(foreign_key="rooms.id")
    tenant_id: UUID
    state: str
    storage_provider: str
    object_key: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    duration_seconds: float | None = None
    error_message: str | None = None
    download_count: int = 0
    started_at: datetime = Field(sa_column=_time())
    stopped_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    created_at: datetime = Field(sa_column=_time())


class RecordingPart(SQLModel, table=True):
    """What one pod wrote of a recording under one epoch."""

    __tablename__: ClassVar[str] = "recording_parts"

    recording_id: UUID = Field(primary_key=True, foreign_key="recordings.id")
    epoch: int = Field(primary_key=True)
    pod_id: UUID
    spool_id: UUID
    state: str
    "capturing, captured (closed in the spool), stored (every segment confirmed), lost."
    manifest_key: str | None = None
    updated_at: datetime = Field(sa_column=_time())


class Transcript(SQLModel, table=True):
    __tablename__: ClassVar[str] = "transcripts"
    __table_args__ = (Index("ix_transcripts_recording", "recording_id", "id"),)

    id: UUID = Field(primary_key=True)
    recording_id: UUID = Field(foreign_key="recordings.id")
    room_id: UUID
    tenant_id: UUID
    state: str
    provider: str
    model: str | None = None
    task: str = "transcribe"
    language: str | None = None
    duration_seconds: float | None = None
    word_count: int | None = None
    turns: list[dict[str, Any]] = Field(default_factory=list, sa_column=_json())
    dropped: dict[str, int] = Field(default_factory=dict, sa_column=_json())
    missing_ms: int = 0
    progress: float = 0.0
    error_message: str | None = None
    created_at: datetime = Field(sa_column=_time())
    completed_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class TranscriptPiece(SQLModel, table=True):
    """One finished piece of one track: what a killed worker does not do again."""

    __tablename__: ClassVar[str] = "transcript_pieces"

    transcript_id: UUID = Field(primary_key=True, foreign_key="transcripts.id")
    track_id: UUID = Field(primary_key=True)
    n: int = Field(primary_key=True)
    start_ms: int
    end_ms: int
    segments: list[dict[str, Any]] = Field(sa_column=_json())
    dropped: dict[str, int] = Field(sa_column=_json())
    missing_ms: int = 0
    made_at: datetime = Field(sa_column=_time())


class Job(SQLModel, table=True):
    """Durable work. Redis only rings; this row decides who does it, and how often it was tried."""

    __tablename__: ClassVar[str] = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "subject", name="uq_jobs_subject"),
        Index("ix_jobs_due", "state", "available_at"),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    "upload, compose, transcribe, archive, delete."
    subject: str
    "What it is about; one job of a kind a subject."
    queue: str
    tenant_id: UUID | None = None
    payload: dict[str, Any] = Field(sa_column=_json())
    state: str
    "queued, running, done, failed."
    attempt: int = 0
    max_attempt: int = 3
    token: UUID | None = None
    lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    available_at: datetime = Field(sa_column=_time())
    rung_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    checkpoint: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    error: str | None = None
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class CommandOutcome(SQLModel, table=True):
    """What a command came to, written in its own transaction: a replay is answered from here."""

    __tablename__: ClassVar[str] = "command_outcomes"

    command_id: UUID = Field(primary_key=True)
    kind: str
    body_sha256: str | None = None
    reply: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    refusal: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    created_at: datetime = Field(sa_column=_time(index=True))


class OutboxEntry(SQLModel, table=True):
    """A message a committed transaction left to send."""

    __tablename__: ClassVar[str] = "outbox"

    id: UUID = Field(primary_key=True)
    topic: str
    "room (an event for the room's listeners), bell (a job to ring), order (a live command)."
    key: str
    payload: dict[str, Any] = Field(sa_column=_json())
    available_at: datetime = Field(sa_column=_time(index=True))
    tries: int = 0


class AuditEntry(SQLModel, table=True):
    __tablename__: ClassVar[str] = "audit_log"
    __table_args__ = (Index("ix_audit_tenant", "tenant_id", "id"),)

    id: UUID = Field(primary_key=True)
    tenant_id: UUID
    action: str
    subject: str
    actor: dict[str, Any] = Field(sa_column=_json())
    at: datetime = Field(sa_column=_time())
