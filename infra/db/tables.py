"""Every table. Times are aware UTC; `id` columns hold UUIDv7.

Unique constraints here are promises the API makes; change them only with a migration.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
    true,
)
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


IN_BYTE_ORDER = String().with_variant(String(collation="C"), "postgresql")
"Text that sorts the same on both databases, so that what begins with a word is one range."


def _json(nullable: bool = False, server_default: Any = None) -> Any:
    return Column(
        JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
        nullable=nullable,
        server_default=server_default,
    )


def _open_rows(name: str, condition: str) -> Index:
    """Of the few rows that are not over: what sweeps look for every few seconds."""
    return Index(name, "id", postgresql_where=text(condition), sqlite_where=text(condition))


def _time(nullable: bool = False, index: bool = False) -> Any:
    return Column(UtcDateTime(), nullable=nullable, index=index)


class Tenant(SQLModel, table=True):
    __tablename__: ClassVar[str] = "tenants"
    __table_args__ = (Index("uq_tenants_external_ref", "external_ref", unique=True),)

    id: UUID = Field(primary_key=True)
    name: str
    external_ref: str | None = None
    "The tenant's name in other systems, such as a campus id."
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
    __table_args__ = (Index("uq_api_keys_id", "id", unique=True),)

    sha256: str = Field(primary_key=True)
    id: UUID | None = None
    """By which it is listed and revoked, and named by tokens made with it; its OAuth 2.0 client.
    None: written by a program of before."""
    tenant_id: UUID = Field(foreign_key="tenants.id", index=True)
    name: str | None = None
    scopes: list[str] | None = Field(default=None, sa_column=_json(nullable=True))
    "None: a tenant's own key, which may do everything."
    room_ids: list[str] | None = Field(default=None, sa_column=_json(nullable=True))
    "None: every room."
    made_with: UUID | None = None
    "The key with scopes that made it, and ends it when it is revoked."
    created_at: datetime = Field(sa_column=_time())
    expires_at: datetime | None = Field(default=None, sa_column=_time(nullable=True, index=True))


class RevokedToken(SQLModel, table=True):
    """A token that must not be believed, until it would have expired by itself."""

    __tablename__: ClassVar[str] = "revoked_tokens"

    jti: UUID = Field(primary_key=True)
    tenant_id: UUID
    expires_at: datetime = Field(sa_column=_time(index=True))


class Person(SQLModel, table=True):
    """The directory of a tenant's people."""

    __tablename__: ClassVar[str] = "people"
    __table_args__ = (
        Index("ix_people_email", "tenant_id", "email_folded"),
        Index("ix_people_name", "tenant_id", "name_folded"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id")
    user_id: str = Field(sa_column=Column(IN_BYTE_ORDER, primary_key=True))
    user_id_folded: str
    name: str | None = None
    name_folded: str | None = Field(default=None, sa_type=IN_BYTE_ORDER)
    "Case and accents folded away, for finding."
    email: str | None = None
    email_folded: str | None = Field(default=None, sa_type=IN_BYTE_ORDER)
    role: str | None = None
    department: str | None = None
    source: str
    "token, api."
    updated_at: datetime = Field(sa_column=_time())


class PersonWord(SQLModel, table=True):
    """A word somebody is found by: of their name, their e-mail address or their id, folded."""

    __tablename__: ClassVar[str] = "people_words"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tenant_id: UUID = Field(primary_key=True)
    word: str = Field(sa_column=Column(IN_BYTE_ORDER, primary_key=True))
    user_id: str = Field(sa_column=Column(IN_BYTE_ORDER, primary_key=True))


class PersonGram(SQLModel, table=True):
    """Two neighbouring letters of such a word: words spelt nearly alike share most of theirs."""

    __tablename__: ClassVar[str] = "people_grams"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tenant_id: UUID = Field(primary_key=True)
    gram: str = Field(sa_column=Column(IN_BYTE_ORDER, primary_key=True))
    word: str = Field(sa_column=Column(IN_BYTE_ORDER, primary_key=True))


class Room(SQLModel, table=True):
    __tablename__: ClassVar[str] = "rooms"
    __table_args__ = (
        Index("ix_rooms_tenant_state", "tenant_id", "state", "id"),
        Index("ix_rooms_tenant_name", "tenant_id", "name"),
        Index("ix_rooms_pod", "pod_id"),
        Index("ix_rooms_creator", "tenant_id", "creator_id"),
        _open_rows("ix_rooms_live", "state = 'live'"),
        Index(
            "ix_rooms_coming",
            "starts_at",
            postgresql_where=text("state = 'scheduled' AND kind = 'recurring'"),
            sqlite_where=text("state = 'scheduled' AND kind = 'recurring'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenants.id")
    name: str
    "The newest room that is not deleted answers to the name."
    config: dict[str, Any] = Field(sa_column=_json())
    meta: dict[str, Any] = Field(sa_column=_json())
    state: str
    kind: str = Field(default="instant", sa_column_kwargs={"server_default": "instant"})
    creator_id: str | None = None
    description: str | None = None
    location: str | None = None
    starts_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    ends_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    recurrence: str | None = None
    series_starts_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    pod_id: UUID | None = None
    spool_id: UUID | None = None
    epoch: int = 0
    "Tenure of the pod that holds the room; only ever grows."
    seq: int = 0
    version: int = 1
    "Grows with what the room itself is: its entity tag."
    orders: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    "Number of the last order to the pod that holds the room; only ever grows."
    empty_since: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    started_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class Participant(SQLModel, table=True):
    """A seat, and the person in it or for whom it is kept."""

    __tablename__: ClassVar[str] = "participants"
    __table_args__ = (
        Index("ix_participants_room", "room_id", "left_at"),
        Index("ix_participants_external", "room_id", "external_user_id"),
        Index("ix_participants_user", "tenant_id", "external_user_id"),
        Index(
            "ix_participants_waiting",
            "room_id",
            postgresql_where=text("admission = 'waiting'"),
            sqlite_where=text("admission = 'waiting'"),
        ),
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
    held_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    "When its owner was last sent on their way: a place is held for them a while from then on."
    email: str | None = None
    phone: str | None = None
    granted: dict[str, bool] = Field(
        default_factory=dict, sa_column=_json(server_default=text("'{}'"))
    )
    invited_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    invitation: str | None = None
    "Of the last e-mail: queued, sent, failed."
    admission: str | None = None
    "waiting, admitted, denied."
    asked_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    "When they last asked to be let in, or were decided about."


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


class Track(SQLModel, table=True):
    """A track that is or was published: what of its beginning and end is in the room's log."""

    __tablename__: ClassVar[str] = "tracks"
    __table_args__ = (
        Index("ix_tracks_ended_at", "ended_at"),
        Index(
            "ix_tracks_open",
            "room_id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    room_id: UUID = Field(foreign_key="rooms.id")
    track: dict[str, Any] = Field(sa_column=_json())
    "`TrackView`, as it began."
    began_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class ChatMessage(SQLModel, table=True):
    __tablename__: ClassVar[str] = "chat_messages"
    __table_args__ = (Index("ix_chat_room", "room_id", "id"),)

    id: UUID = Field(primary_key=True)
    room_id: UUID = Field(foreign_key="rooms.id")
    participant_id: UUID
    display_name: str
    text: str
    sent_at: datetime = Field(sa_column=_time())
    sender_id: str | None = None
    kind: str = Field(default="text", sa_column_kwargs={"server_default": "text"})
    to: str = Field(default="all", sa_column_kwargs={"server_default": "all"})
    recipient_id: UUID | None = None
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    edited_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class QualitySample(SQLModel, table=True):
    """What a participant's links were like over one stretch of time, as their pod measured it."""

    __tablename__: ClassVar[str] = "quality_samples"

    room_id: UUID = Field(primary_key=True, foreign_key="rooms.id")
    participant_id: UUID = Field(primary_key=True)
    from_at: datetime = Field(sa_column=Column(UtcDateTime(), primary_key=True))
    until_at: datetime = Field(sa_column=_time(index=True))
    packets: int = Field(sa_type=BigInteger)
    packets_lost: int = Field(sa_type=BigInteger)
    octets_in: int = Field(sa_type=BigInteger)
    octets_out: int = Field(sa_type=BigInteger)
    rtt_ms: float | None = None
    jitter_ms: float | None = None
    lasted_s: float
    quality: int | None = None
    "1 to 4, as it was graded then; None: nothing to grade passed."


class WebhookEndpoint(SQLModel, table=True):
    __tablename__: ClassVar[str] = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_tenant", "tenant_id", "id"),)

    id: UUID = Field(primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenants.id")
    url: str
    events: list[str] = Field(sa_column=_json())
    "Empty: all."
    parts: list[str] | None = Field(default=None, sa_column=_json(nullable=True))
    "Of a recording's event, what goes in: recording, transcript, summary, action_items. None: all."
    source: str
    "api, config (of the tenant's `post_meeting_webhook`)."
    description: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None
    secret_sealed: str
    old_secret_sealed: str | None = None
    old_secret_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    deleted_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())


class WebhookDelivery(SQLModel, table=True):
    """One event for one endpoint; its id is the `webhook-id` of every attempt."""

    __tablename__: ClassVar[str] = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_old", "created_at"),
        Index(
            "ix_webhook_deliveries_order",
            *("endpoint_id", "room_id", "seq", "id"),
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
        Index(
            "ix_webhook_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("state IN ('held', 'pending')"),
            sqlite_where=text("state IN ('held', 'pending')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID = Field(foreign_key="webhook_endpoints.id")
    tenant_id: UUID
    room_id: UUID | None = None
    seq: int | None = None
    ordered: bool = True
    "False: neither waits for an earlier one of its room nor keeps a later one waiting."
    event: str
    about: dict[str, Any] = Field(sa_column=_json())
    "The entry of the room's log it tells of: kind, data, at."
    body: str | None = None
    "JSON, as every attempt sends it; None: nothing was sent yet."
    state: str
    "held (for the transcript, until `next_attempt_at`), pending, delivered, failed."
    attempts: list[dict[str, Any]] = Field(sa_column=_json())
    tries: int = 0
    "Since it was last made due from without, the one under way included."
    next_attempt_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    token: UUID | None = None
    lease_until: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    "It is being sent, unless its sender died."
    created_at: datetime = Field(sa_column=_time())
    delivered_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


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
        Index("ix_jobs_over", "queue", "state", "updated_at"),
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
    """room (news for the room's listeners), stamp (something of the room changed), bell (a job to
    ring), order (a live command), knock (something may be due in a queue)."""
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
    at: datetime = Field(sa_column=_time(index=True))
