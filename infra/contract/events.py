"""News. A room's events carry the next `seq` and last; signals are for who listens now."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId
from infra.contract.live import Slot
from infra.contract.messages import Message
from infra.contract.views import TrackView


class RoomEvent(Message):
    """One entry of a room's log. Written with what it tells of, in one transaction.

    Not every event is for every reader: see `handlers/operations/eyes.py`. `notify` says whether
    those in the room are to be told, besides its hosts.

    kind and what `data` holds:
    room.started {room}, room.updated {room}, room.ended {room}, room.cancelled {room},
    room.deleted {room}, participant.joined {participant},
    participant.updated {participant, notify, notify_participant},
    participant.left {participant, reason}, participant.invited {participant, notify},
    participant.removed {participant, reason?, notify, notify_removed},
    participant.waiting {participant}, participant.admitted {participant},
    participant.denied {participant, reason?}, chat.message {message},
    recording.started {recording_id}, recording.stopped {recording_id},
    track.published {track, at}, track.unpublished {track, at},
    recording.ready {recording_id}, recording.failed {recording_id, error_message},
    transcript.failed {transcript_id, recording_id, error_message},
    transcript.ready {transcript_id, recording_id}.
    """

    room_id: RoomId
    tenant_id: TenantId
    seq: int
    kind: str
    at: datetime
    data: dict[str, Any]


class TracksChanged(Message):
    """Signal from the pod: every track of the room as it now stands."""

    kind: Literal["tracks.changed"] = "tracks.changed"
    room_id: RoomId
    epoch: int
    tracks: tuple[TrackView, ...]


class SlotsChanged(Message):
    """Signal from the pod to one subscriber: the m-lines play other tracks now."""

    kind: Literal["slots.changed"] = "slots.changed"
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId
    slots: tuple[Slot, ...]


class ConnectionChanged(Message):
    """Signal from the pod: a client's transport connected, or is gone."""

    kind: Literal["connection.changed"] = "connection.changed"
    room_id: RoomId
    participant_id: ParticipantId
    connection_id: ConnectionId
    state: Literal["connected", "closed"]


class RoomMoved(Message):
    """Signal from the rooms' owner: negotiate media again, another pod holds the room."""

    kind: Literal["room.moved"] = "room.moved"
    room_id: RoomId
    epoch: int


class HandChanged(Message):
    """Signal from a participant's socket: their hand is up or down. Said again to newcomers."""

    kind: Literal["hand.changed"] = "hand.changed"
    room_id: RoomId
    participant_id: ParticipantId
    raised: bool


class Reacted(Message):
    """Signal from a participant's socket: a reaction, for whoever looks now."""

    kind: Literal["reaction"] = "reaction"
    room_id: RoomId
    participant_id: ParticipantId
    reaction: str = Field(min_length=1, max_length=32)


class Arrived(Message):
    """Signal from a newcomer's socket, which listens now: whatever lasts and is in no log, such as
    a raised hand, is to be said again."""

    kind: Literal["arrived"] = "arrived"
    room_id: RoomId
    participant_id: ParticipantId


Signal = (
    TracksChanged | SlotsChanged | ConnectionChanged | RoomMoved | HandChanged | Reacted | Arrived
)
