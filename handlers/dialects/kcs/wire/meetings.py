"""Meetings: made, changed, and shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from handlers.dialects.kcs.wire.fields import (
    MeetingId,
    MeetingRoomId,
    Metadata,
    Moment,
    Name,
    Seats,
    Sent,
    UserId,
    changes,
    unset,
)
from handlers.dialects.operation import Query, Shown
from handlers.operations import ice, meetings
from handlers.operations.meetings import Plan
from infra.contract.commands import RoomDeleted
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomConfig, RoomKind, RoomState, RoomView

MeetingType = Literal["scheduled", "instant", "recurring"]
Description = Annotated[str, Field(max_length=10_000)]
Location = Annotated[str, Field(max_length=500)]
Invited = Annotated[list[UserId], Field(max_length=10_000)]
Recurrence = Annotated[str, Field(min_length=1, max_length=500)]

VIDEO_QUALITY: Literal["medium"] = "medium"
FRAME_RATE = 30
"What clients are advised to capture with, per second."


class SentFeatures(Sent):
    video_enabled: bool = True
    audio_enabled: bool = True
    screen_sharing_enabled: bool = True
    chat_enabled: bool = True
    recording_enabled: bool = False
    breakout_rooms_enabled: bool = False
    whiteboard_enabled: bool = False
    hand_raise_enabled: bool = True


class SentRecordingConfig(Sent):
    auto_record: bool = False
    record_video: bool = True
    record_audio: bool = True
    record_chat: bool = False
    storage_location: Literal["local", "cloud"] = "cloud"
    retention_days: int | None = Field(default=None, ge=1, le=365)
    "None: as long as the campus keeps recordings."


class CreateMeeting(Sent):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "meeting_name": "Team Standup",
                    "meeting_description": "Daily team sync",
                    "meeting_start_time": "2025-11-04T09:00:00Z",
                    "meeting_end_time": "2025-11-04T09:30:00Z",
                    "meeting_location": "Virtual",
                    "participants": ["user_001", "user_002", "user_003"],
                    "meeting_meta_data": {"department": "Engineering"},
                    "meeting_type": "scheduled",
                    "max_participants": 50,
                    "features": {
                        "video_enabled": True,
                        "audio_enabled": True,
                        "screen_sharing_enabled": True,
                        "chat_enabled": True,
                        "recording_enabled": True,
                    },
                }
            ]
        }
    )

    meeting_name: Name
    meeting_description: Description
    meeting_start_time: Moment
    meeting_end_time: Moment
    meeting_location: Location
    participants: Invited
    "User ids of those invited. They may share their screens."
    meeting_meta_data: Metadata
    meeting_type: MeetingType = "scheduled"
    max_participants: Seats = 100
    waiting_room_enabled: bool = False
    require_host_approval: bool = False
    features: SentFeatures = SentFeatures()
    recording_config: SentRecordingConfig = SentRecordingConfig()
    recurrence: Recurrence | None = None
    """Of a recurring meeting: an RRULE such as `FREQ=WEEKLY;BYDAY=TU` (RFC 5545). Ours. Without one
    it is held again whenever somebody starts it again."""

    def plan(self) -> Plan:
        """Raises `Refused` BAD_RECURRENCE."""
        if self.meeting_type != "recurring" and self.recurrence is not None:
            raise refuse(Reason.BAD_RECURRENCE, "recurrence: only a recurring meeting has one")
        return Plan(
            kind=RoomKind(self.meeting_type),
            name=self.meeting_name,
            description=self.meeting_description,
            location=self.meeting_location,
            starts_at=self.meeting_start_time,
            ends_at=self.meeting_end_time,
            recurrence=self.recurrence,
            config=RoomConfig(
                members_only=True,
                max_participants=self.max_participants,
                waiting_room_enabled=self.waiting_room_enabled,
                require_host_approval=self.require_host_approval,
                **self.features.model_dump(),
                **self.recording_config.model_dump(),
            ),
            metadata=self.meeting_meta_data,
            invited=self.participants,
        )


class FeatureChanges(Sent):
    video_enabled: bool = unset()
    audio_enabled: bool = unset()
    screen_sharing_enabled: bool = unset()
    chat_enabled: bool = unset()
    recording_enabled: bool = unset()
    breakout_rooms_enabled: bool = unset()
    whiteboard_enabled: bool = unset()
    hand_raise_enabled: bool = unset()


class RecordingConfigChanges(Sent):
    auto_record: bool = unset()
    record_video: bool = unset()
    record_audio: bool = unset()
    record_chat: bool = unset()
    storage_location: Literal["local", "cloud"] = unset()
    retention_days: int | None = Field(default=None, ge=1, le=365)


class UpdateMeeting(Sent):
    """Only what is sent changes. From `meeting_location` on these are ours."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"meeting_name": "Updated Meeting Name"}]}
    )

    meeting_name: Name = unset()
    meeting_description: Description = unset()
    meeting_start_time: Moment = unset()
    meeting_end_time: Moment = unset()
    participants: Invited = unset()
    "All who are to be invited: who is not among them loses their seat."
    meeting_meta_data: Metadata = unset()
    is_active: bool = unset()
    meeting_location: Location = unset()
    max_participants: Seats = unset()
    waiting_room_enabled: bool = unset()
    require_host_approval: bool = unset()
    features: FeatureChanges = unset()
    recording_config: RecordingConfigChanges = unset()
    recurrence: Recurrence = unset()

    def fields(self) -> dict[str, Any]:
        """As `meetings.update` takes them."""
        sent = changes(self)
        config: dict[str, Any] = {}
        for group in ("features", "recording_config"):
            if group in sent:
                config |= changes(sent[group])
        config |= {name: sent[name] for name in CONFIGURED if name in sent}
        fields = {ours: sent[theirs] for theirs, ours in FIELDS.items() if theirs in sent}
        return {**fields, **({"config": config} if config else {})}


CONFIGURED = ("max_participants", "waiting_room_enabled", "require_host_approval")
FIELDS = {
    "meeting_name": "name",
    "meeting_description": "description",
    "meeting_start_time": "starts_at",
    "meeting_end_time": "ends_at",
    "participants": "invited",
    "meeting_meta_data": "metadata",
    "is_active": "is_active",
    "meeting_location": "location",
    "recurrence": "recurrence",
}


# --- shown ---


class IceServer(Shown):
    """As `RTCIceServer` has it."""

    urls: list[str]
    username: str
    credential: str


class Video(Shown):
    enabled: bool
    quality: Literal["low", "medium", "high", "hd"] = VIDEO_QUALITY
    frameRate: int = FRAME_RATE


class Audio(Shown):
    enabled: bool
    noise_suppression: bool = True
    echo_cancellation: bool = True


class MediaConstraints(Shown):
    video: Video
    audio: Audio


class WebRtcConfig(Shown):
    ice_servers: list[IceServer]
    "The deployment's own; credentials are the caller's and live an hour."
    media_constraints: MediaConstraints

    @classmethod
    def of(cls, servers: list[ice.IceServer], config: RoomConfig) -> WebRtcConfig:
        return cls(
            ice_servers=[IceServer(**server) for server in servers],
            media_constraints=MediaConstraints(
                video=Video(enabled=config.video_enabled),
                audio=Audio(enabled=config.audio_enabled),
            ),
        )


class Features(Shown):
    video_enabled: bool
    audio_enabled: bool
    screen_sharing_enabled: bool
    chat_enabled: bool
    recording_enabled: bool
    breakout_rooms_enabled: bool
    whiteboard_enabled: bool
    hand_raise_enabled: bool


class RecordingConfig(Shown):
    auto_record: bool
    record_video: bool
    record_audio: bool
    record_chat: bool
    storage_location: Literal["local", "cloud"]
    retention_days: int | None


class Meeting(Shown):
    """A meeting as lists show it."""

    id: MeetingId
    campus_id: str
    creator_id: str
    "A user's id; the campus's own where it made the meeting itself."
    meeting_name: str
    meeting_description: str
    meeting_start_time: datetime | None
    "Of a series, of the occurrence that is on or comes next. None: it was never planned."
    meeting_end_time: datetime | None
    meeting_location: str
    meeting_room_id: MeetingRoomId
    meeting_type: MeetingType
    meeting_status: RoomState
    max_participants: int
    current_participants: list[str]
    "User ids of who is there now."
    waiting_room_enabled: bool
    require_host_approval: bool
    features: Features
    recording_config: RecordingConfig
    webrtc_config: WebRtcConfig
    meeting_meta_data: dict[str, Any]
    recurrence: str | None
    is_active: bool
    is_deleted: Literal[False] = False
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, meeting: meetings.Meeting) -> Meeting:
        return cls.model_validate(_shown(meeting))


class FullMeeting(Meeting):
    participants: list[str]
    "User ids of those invited."
    next_occurrences: list[datetime]
    "Of a series."

    @classmethod
    def of(cls, meeting: meetings.Meeting) -> FullMeeting:
        return cls.model_validate(full(meeting))


def full(meeting: meetings.Meeting) -> dict[str, Any]:
    return {
        **_shown(meeting),
        "participants": meeting.invited,
        "next_occurrences": meeting.next_occurrences,
    }


def _shown(meeting: meetings.Meeting) -> dict[str, Any]:
    room = meeting.room
    config = dict(room.config)
    return {
        "id": room.id,
        "campus_id": str(room.tenant_id),
        "creator_id": room.creator_id or str(room.tenant_id),
        "meeting_name": room.name,
        "meeting_description": room.description or "",
        "meeting_start_time": room.starts_at,
        "meeting_end_time": room.ends_at,
        "meeting_location": room.location or "",
        "meeting_room_id": room.id,
        "meeting_type": room.kind.value,
        "meeting_status": room.state,
        "max_participants": room.config.max_participants,
        "current_participants": meeting.present,
        "waiting_room_enabled": room.config.waiting_room_enabled,
        "require_host_approval": room.config.require_host_approval,
        "features": {name: config[name] for name in Features.model_fields},
        "recording_config": {name: config[name] for name in RecordingConfig.model_fields},
        "webrtc_config": WebRtcConfig.of(list(meeting.ice), room.config),
        "meeting_meta_data": room.metadata,
        "recurrence": room.recurrence,
        "is_active": room.is_active,
        "started_at": room.started_at,
        "ended_at": room.ended_at,
        "created_at": room.created_at,
        "updated_at": room.updated_at,
    }


class Deleted(Shown):
    id: MeetingId
    is_deleted: Literal[True] = True
    updated_at: datetime

    @classmethod
    def of(cls, gone: RoomDeleted) -> Deleted:
        return cls(id=gone.room_id, updated_at=gone.at)


class MeetingWebRtc(Shown):
    meeting_id: MeetingId
    webrtc_config: WebRtcConfig


class OccurrencesQuery(Query):
    limit: int = Field(default=10, ge=1, le=100)


class Occurrence(Shown):
    meeting_start_time: datetime
    meeting_end_time: datetime


def occurrences(room: RoomView, starts: Sequence[datetime]) -> list[Occurrence]:
    lasts = room.ends_at - room.starts_at if room.ends_at and room.starts_at else timedelta(0)
    return [
        Occurrence(meeting_start_time=start, meeting_end_time=start + lasts) for start in starts
    ]
