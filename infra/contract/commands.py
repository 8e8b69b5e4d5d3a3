"""Durable orders and what each is answered with. `workers/owners.py` says who owns which."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from infra.contract.ids import (
    ConnectionId,
    MessageId,
    ParticipantId,
    PodId,
    RecordingId,
    RoomId,
    SpoolId,
    TenantId,
    TranscriptId,
)
from infra.contract.messages import Command, Done, Message, Placement, Reply
from infra.contract.views import (
    ChatMessageView,
    ParticipantView,
    RecordingView,
    Role,
    RoomConfig,
    RoomView,
    TenantConfig,
    TenantView,
    TranscriptView,
)

NAME = Field(min_length=1, max_length=200)


class Actor(Message):
    """Who is behind a command, for the audit row."""

    kind: Literal["operator", "tenant", "participant", "system"]
    id: str
    address: str | None = None


# --- tenants ---


class CreateTenant(Command[TenantView]):
    kind: Literal["tenant.create"] = "tenant.create"
    tenant_id: TenantId
    name: str = NAME
    api_key_sha256: str
    "Hex digest of the key; the key itself never travels in a message."
    max_concurrent_rooms: int = Field(default=100, ge=1, le=1_000_000)
    max_participants_per_room: int | None = Field(default=None, ge=2, le=10_000)
    max_recording_duration_minutes: int = Field(default=120, ge=1, le=10_080)
    config: TenantConfig = TenantConfig()


class UpdateTenant(Command[TenantView]):
    """Only the fields that were set change."""

    kind: Literal["tenant.update"] = "tenant.update"
    tenant_id: TenantId
    name: str | None = Field(default=None, min_length=1, max_length=200)
    max_concurrent_rooms: int | None = Field(default=None, ge=1, le=1_000_000)
    max_participants_per_room: int | None = Field(default=None, ge=2, le=10_000)
    max_recording_duration_minutes: int | None = Field(default=None, ge=1, le=10_080)
    config: dict[str, Any] | None = None
    "Keys of `TenantConfig` to merge over what is stored."


class DeleteTenant(Command[Done]):
    """Close the tenant: its keys stop working and its live rooms end. Rows stay for the audit."""

    kind: Literal["tenant.delete"] = "tenant.delete"
    tenant_id: TenantId


class RotateApiKey(Command[Done]):
    kind: Literal["tenant.rotate_key"] = "tenant.rotate_key"
    tenant_id: TenantId
    api_key_sha256: str
    overlap_s: int = Field(default=0, ge=0, le=7 * 86_400)
    "Seconds the keys of before stay good."


# --- rooms ---


class CreateRoom(Command[RoomView]):
    """Make a room that can be joined at once. Refuses past the tenant's `max_concurrent_rooms`."""

    kind: Literal["room.create"] = "room.create"
    room_id: RoomId
    tenant_id: TenantId
    name: str | None = Field(default=None, min_length=1, max_length=200)
    "None: the room is named after its id."
    config: RoomConfig = RoomConfig()
    metadata: dict[str, Any] = Field(default_factory=dict)


class UpdateRoom(Command[RoomView]):
    kind: Literal["room.update"] = "room.update"
    tenant_id: TenantId
    room_id: RoomId
    name: str | None = Field(default=None, min_length=1, max_length=200)
    config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class EndRoom(Command[RoomView]):
    """End the room for everybody: recordings stop, connections close. An ended room refuses."""

    kind: Literal["room.end"] = "room.end"
    tenant_id: TenantId
    room_id: RoomId


class DeleteRoom(Command[Done]):
    """End the room if it is live, then hide it. Its recordings stay until they are deleted."""

    kind: Literal["room.delete"] = "room.delete"
    tenant_id: TenantId
    room_id: RoomId


class PlaceRoom(Command[Placement]):
    """Give the room to a live pod, unless it is held by one. Bumps the epoch when it moves."""

    kind: Literal["room.place"] = "room.place"
    tenant_id: TenantId
    room_id: RoomId


class ClaimRoom(Command[Done]):
    """A pod asks what it should do for a room; the answer comes as `HoldRoom` or `DropRoom`."""

    kind: Literal["room.claim"] = "room.claim"
    room_id: RoomId
    pod_id: PodId
    epoch: int


# --- participants ---


class Seat(Message):
    """Somebody to be let in."""

    participant_id: ParticipantId
    display_name: str = NAME
    external_user_id: str | None = Field(default=None, min_length=1, max_length=200)
    role: Role | None = None
    "None: attendee, or host when the tenant's `first_participant_is_host` says so."


class Seated(Reply):
    participant: ParticipantView
    room: RoomView
    room_created: bool
    config: TenantConfig
    should_start_recording: bool


class AddParticipant(Command[Seated]):
    """Give out a seat. `room` is an id or a name; see `TenantConfig.allow_early_join`."""

    kind: Literal["participant.add"] = "participant.add"
    tenant_id: TenantId
    room: str = Field(min_length=1, max_length=200)
    room_id_if_new: RoomId
    seat: Seat
    may_make_room: bool = True
    reuse_seat: bool = False
    "WHIP and WHEP: one `external_user_id` is one seat, found again rather than refused."


class SeatResult(Message):
    seat: Seat
    seated: Seated | None = None
    refusal: dict[str, Any] | None = None


class SeatedAll(Reply):
    results: tuple[SeatResult, ...]


class AddParticipants(Command[SeatedAll]):
    """Each seat succeeds or is refused by itself."""

    kind: Literal["participant.add_many"] = "participant.add_many"
    tenant_id: TenantId
    room: str = Field(min_length=1, max_length=200)
    room_id_if_new: RoomId
    seats: tuple[Seat, ...] = Field(min_length=1, max_length=500)


class UpdateParticipant(Command[ParticipantView]):
    kind: Literal["participant.update"] = "participant.update"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    display_name: str | None = Field(default=None, min_length=1, max_length=200)
    role: Role | None = None


class RemoveParticipant(Command[Done]):
    """Take the seat away: connections close, tokens of the seat stop working."""

    kind: Literal["participant.remove"] = "participant.remove"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId


class Entered(Reply):
    """The room as somebody finds it on entering."""

    room: RoomView
    participant: ParticipantView
    participants: tuple[ParticipantView, ...]
    "Everybody in the room now, the newcomer included."
    recording_id: RecordingId | None


class EnterRoom(Command[Entered]):
    """A seat's owner is here, on this connection. Entering again with it changes nothing."""

    kind: Literal["participant.enter"] = "participant.enter"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId


class LeaveRoom(Command[Done]):
    """This connection is gone. The participant has left when their last one is."""

    kind: Literal["participant.leave"] = "participant.leave"
    tenant_id: TenantId
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId


class SendChat(Command[ChatMessageView]):
    kind: Literal["chat.send"] = "chat.send"
    tenant_id: TenantId
    room_id: RoomId
    message_id: MessageId
    participant_id: ParticipantId
    text: str = Field(min_length=1, max_length=4000)


# --- recordings ---


class StartRecording(Command[RecordingView]):
    """Start one. Answered as soon as it is decided, also in a room where nobody publishes yet."""

    kind: Literal["recording.start"] = "recording.start"
    tenant_id: TenantId
    room_id: RoomId
    recording_id: RecordingId


class StopRecording(Command[RecordingView]):
    kind: Literal["recording.stop"] = "recording.stop"
    tenant_id: TenantId
    room_id: RoomId


class ReportSpool(Command[Done]):
    """A spool holds something to upload for this recording: rings the job that does it."""

    kind: Literal["recording.report_spool"] = "recording.report_spool"
    recording_id: RecordingId
    epoch: int
    spool_id: SpoolId
    closed: bool
    "True: nothing more will be written under this epoch."


class SyncReport(Reply):
    existing: int
    synced: tuple[RecordingView, ...]
    errors: tuple[str, ...]


class SyncRecordings(Command[SyncReport]):
    """Reconcile rows with what storage holds for the room: import what has no row."""

    kind: Literal["recording.sync"] = "recording.sync"
    tenant_id: TenantId
    room_id: RoomId


class RecoverRecording(Command[RecordingView]):
    """Take up a recording stuck in `processing` from whatever is left of it."""

    kind: Literal["recording.recover"] = "recording.recover"
    tenant_id: TenantId
    recording_id: RecordingId


class ArchiveRecording(Command[RecordingView]):
    """Move the playable file to the cold storage class."""

    kind: Literal["recording.archive"] = "recording.archive"
    tenant_id: TenantId
    recording_id: RecordingId


class DeleteRecording(Command[Done]):
    """Delete every object and transcript of it. A job under way for it changes nothing more."""

    kind: Literal["recording.delete"] = "recording.delete"
    tenant_id: TenantId
    recording_id: RecordingId


class CountDownload(Command[Done]):
    """A download link was given out: counted, and written to the audit log."""

    kind: Literal["recording.count_download"] = "recording.count_download"
    tenant_id: TenantId
    recording_id: RecordingId
    actor: Actor
    at: datetime


# --- transcripts ---


class RequestTranscript(Command[TranscriptView]):
    kind: Literal["transcript.request"] = "transcript.request"
    tenant_id: TenantId
    recording_id: RecordingId
    transcript_id: TranscriptId
    room_id: RoomId | None = None
    "Checked against the recording's when given."
    provider: str | None = None
    language: str | None = Field(default=None, min_length=2, max_length=16)
    model: str | None = Field(default=None, min_length=1, max_length=200)
    task: Literal["transcribe", "translate"] = "transcribe"
