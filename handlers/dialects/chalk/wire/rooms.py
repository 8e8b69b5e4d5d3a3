"""Rooms, who is in them, and what happened there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from handlers.dialects.chalk.refusals import CHALK_SAYS
from handlers.dialects.chalk.wire.fields import Metadata, Minutes, Moment, Name, Seats, unset
from handlers.dialects.chalk.wire.tenants import Tokens
from handlers.dialects.lines import EMAIL
from handlers.dialects.operation import Body, Query, Shown
from handlers.tokens import TokenPair
from infra.contract import views
from infra.contract.commands import Seated, SeatResult
from infra.contract.events import RoomEvent
from infra.contract.ids import MessageId
from infra.contract.refusals import Refusal
from infra.contract.views import ParticipantView, Role, RoomState, RoomView

Status = Literal["active", "ended"]
RoleShown = Literal["host", "participant"]
ROLES: Mapping[RoleShown, Role] = {"host": Role.HOST, "participant": Role.PRESENTER}


Storage = Literal["local", "cloud"]
RetentionDays = Annotated[int, Field(ge=1, le=365)]


class RoomConfig(Body):
    """What follows `chat_enabled` is not in the published reference."""

    max_participants: Seats = 10
    recording_enabled: bool = True
    chat_enabled: bool = True
    video_enabled: bool = True
    audio_enabled: bool = True
    screen_sharing_enabled: bool = True
    whiteboard_enabled: bool = True
    hand_raise_enabled: bool = True
    breakout_rooms_enabled: bool = True
    waiting_room_enabled: bool = False
    "Everybody but hosts waits until one of them lets them in."
    require_host_approval: bool = False
    members_only: bool = False
    "Only who made the room, who is invited, and whom a host lets in."
    auto_record: bool = False
    record_video: bool = True
    record_audio: bool = True
    record_chat: bool = False
    storage_location: Storage = "cloud"
    retention_days: RetentionDays | None = None
    "Null: as the tenant has it."


class RoomConfigChange(Body):
    """Merged over what is stored."""

    max_participants: Seats = unset()
    recording_enabled: bool = unset()
    chat_enabled: bool = unset()
    video_enabled: bool = unset()
    audio_enabled: bool = unset()
    screen_sharing_enabled: bool = unset()
    whiteboard_enabled: bool = unset()
    hand_raise_enabled: bool = unset()
    breakout_rooms_enabled: bool = unset()
    waiting_room_enabled: bool = unset()
    require_host_approval: bool = unset()
    members_only: bool = unset()
    auto_record: bool = unset()
    record_video: bool = unset()
    record_audio: bool = unset()
    record_chat: bool = unset()
    storage_location: Storage = unset()
    retention_days: RetentionDays | None = unset()


class CreateRoom(Body):
    name: Name | None = None
    "Null: the room is named after its id."
    config: RoomConfig = RoomConfig()
    metadata: Metadata = Field(default_factory=dict)


class Asked(Body):
    """Somebody a seat is kept for, by the tenant's name for them or by e-mail."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": "string"}}}
                for name in ("external_user_id", "email")
            ]
        }
    )

    external_user_id: Name | None = None
    email: Annotated[str, Field(min_length=3, max_length=254, pattern=EMAIL)] | None = None
    display_name: Name | None = None
    role: RoleShown = "participant"

    @model_validator(mode="after")
    def _somebody(self) -> Asked:
        if self.external_user_id is None and self.email is None:
            raise ValueError("external_user_id or email is needed")
        return self


class ScheduleRoom(CreateRoom):
    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "required": ["ends_at", "duration_minutes"],
                "properties": {
                    "ends_at": {"type": "string"},
                    "duration_minutes": {"type": "integer"},
                },
            }
        }
    )

    starts_at: Moment
    ends_at: Moment | None = None
    duration_minutes: Minutes | None = None
    "Instead of `ends_at`."
    recurrence: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    "RRULE (RFC 5545) of a series that begins at `starts_at`."
    invitees: tuple[Asked, ...] = Field(default=(), max_length=500)

    @model_validator(mode="after")
    def _one_end(self) -> ScheduleRoom:
        if self.ends_at is not None and self.duration_minutes is not None:
            raise ValueError("ends_at and duration_minutes exclude each other")
        return self

    @property
    def end(self) -> datetime | None:
        if self.duration_minutes is None:
            return self.ends_at
        return self.starts_at + timedelta(minutes=self.duration_minutes)


class UpdateRoom(Body):
    name: Name = unset()
    config: RoomConfigChange = unset()
    metadata: Metadata = unset()


class Room(Shown):
    id: UUID
    tenant_id: UUID
    name: str
    config: views.RoomConfig
    metadata: dict[str, Any]
    status: Status
    participant_count: int
    starts_at: datetime | None
    "When it is planned to start; of a series, the occurrence that is on or comes next."
    ends_at: datetime | None
    recurrence: str | None
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, room: RoomView) -> Room:
        return cls.model_validate({**dict(room), "status": status_of(room)})


def status_of(room: RoomView) -> Status:
    return "active" if room.state in (RoomState.SCHEDULED, RoomState.LIVE) else "ended"


class Rooms(Shown):
    rooms: list[Room]
    total: int
    limit: int
    offset: int


class EventsQuery(Query):
    after_seq: int = Field(default=0, ge=0, le=2**53)
    limit: int = Field(default=100, ge=1, le=1000)


class Events(Shown):
    events: list[RoomEvent]
    "In order, without what is for others' eyes; fewer than `limit`: there are no more yet."


class ChatQuery(Query):
    before: MessageId | None = None
    limit: int = Field(default=50, ge=1, le=100)


class Chat(Shown):
    messages: list[views.ChatMessageView]
    "In the order they were sent."


# --- participants ---


class AddParticipant(Body):
    display_name: Name
    external_user_id: Name | None = None
    role: RoleShown | None = None
    "Null: participant, or host for the first one where the tenant has it so."


class AddParticipants(Body):
    participants: tuple[AddParticipant, ...] = Field(min_length=1, max_length=500)


class UpdateParticipant(Body):
    display_name: Name = unset()
    role: RoleShown = unset()


class ParticipantsQuery(Query):
    active: bool = False
    "Only who is in the room now."


class Participant(Shown):
    id: UUID
    room_id: UUID
    external_user_id: str | None
    display_name: str
    role: RoleShown
    joined_at: datetime | None
    left_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, seat: ParticipantView) -> Participant:
        leads = seat.role in (Role.HOST, Role.CO_HOST)
        return cls.model_validate({**dict(seat), "role": "host" if leads else "participant"})


class Participants(Shown):
    participants: list[Participant]


class JoinedRoom(Shown):
    id: UUID
    name: str
    status: Status


class JoinConfig(Shown):
    transcription_enabled: bool
    first_participant_is_host: bool
    force_recording: bool
    allow_early_join: bool


class SeatTokens(Tokens):
    auth_token: str
    "The access token again."

    @classmethod
    def of(cls, pair: TokenPair) -> SeatTokens:
        return cls(**dict(Tokens.of(pair)), auth_token=pair.access_token)


class Joined(SeatTokens):
    participant: Participant
    room: JoinedRoom
    room_created: bool
    tenant_config: JoinConfig
    should_start_recording: bool

    @classmethod
    def as_(cls, seated: Seated, pair: TokenPair) -> Joined:
        room = seated.room
        return cls(
            **dict(SeatTokens.of(pair)),
            participant=Participant.of(seated.participant),
            room=JoinedRoom(id=room.id, name=room.name, status=status_of(room)),
            room_created=seated.room_created,
            tenant_config=JoinConfig.model_validate(dict(seated.config)),
            should_start_recording=seated.should_start_recording,
        )


class BulkResult(Shown):
    """A seat that was given out, or why it was not."""

    success: bool
    participant_id: UUID | None
    external_user_id: str | None
    display_name: str
    access_token: str | None = None
    refresh_token: str | None = None
    auth_token: str | None = None
    error: str | None = None
    code: str | None = None

    @classmethod
    def of(cls, result: SeatResult, pair: TokenPair | None) -> BulkResult:
        refusal = Refusal.model_validate(result.refusal) if result.refusal else None
        return cls(
            success=result.seated is not None,
            participant_id=result.seated.participant.id if result.seated else None,
            external_user_id=result.seat.external_user_id,
            display_name=result.seat.display_name,
            access_token=pair.access_token if pair else None,
            refresh_token=pair.refresh_token if pair else None,
            auth_token=pair.access_token if pair else None,
            error=CHALK_SAYS.said(refusal) if refusal else None,
            code=refusal.reason.name if refusal else None,
        )


class BulkResults(Shown):
    results: list[BulkResult]
