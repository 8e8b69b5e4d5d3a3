"""Orders for the media pod that holds a room, and what each is answered with."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from infra.contract.ids import ConnectionId, ParticipantId, RecordingId, TenantId, TrackId
from infra.contract.messages import Done, LiveCommand, Message, Reply
from infra.contract.views import TrackView

Source = Literal["microphone", "camera", "screen", "screen_audio"]
SDP_LIMIT = 65_536
"Bytes. Larger descriptions are refused before anything parses them."


class RecordingOrder(Message):
    """What a pod must be writing: absolute, so that hearing it twice changes nothing."""

    recording_id: RecordingId
    started_at: datetime
    "Zero of the recording's clock."
    audio: bool = True
    video: bool = True


class HoldRoom(LiveCommand[Done]):
    """Hold this room under this epoch, doing exactly this. Answers a claim, or orders a change."""

    kind: Literal["room.hold"] = "room.hold"
    tenant_id: TenantId
    recording: RecordingOrder | None
    removed: tuple[ParticipantId, ...] = ()
    "Seats taken away: whatever they still have connected is closed."


class DropRoom(LiveCommand[Done]):
    """Close everything of this room: it ended, or another pod holds it."""

    kind: Literal["room.drop"] = "room.drop"


class CloseParticipant(LiveCommand[Done]):
    """Close every connection of one participant, except those asked for since this was decided."""

    kind: Literal["participant.close"] = "participant.close"
    participant_id: ParticipantId


class TrackOffer(Message):
    mid: str = Field(min_length=1, max_length=16)
    source: Source


class Published(Reply):
    answer: str
    tracks: tuple[TrackView, ...]


class Publish(LiveCommand[Published]):
    """Negotiate a publish connection: the client offers what it sends.

    The same `connection_id` again renegotiates it; another one while the participant publishes
    refuses with ALREADY_PUBLISHING unless `replace`.
    """

    kind: Literal["media.publish"] = "media.publish"
    participant_id: ParticipantId
    connection_id: ConnectionId
    offer: str = Field(min_length=1, max_length=SDP_LIMIT)
    tracks: tuple[TrackOffer, ...] = Field(default=(), max_length=64)
    "Names for m-lines; one that is not named is a microphone or a camera by its kind."
    replace: bool = False


class Slot(Message):
    """Which track an m-line of a subscribe connection plays now; None: nothing."""

    mid: str
    track_id: TrackId | None
    participant_id: ParticipantId | None = None


class Subscribed(Reply):
    answer: str
    slots: tuple[Slot, ...]


class Subscribe(LiveCommand[Subscribed]):
    """Negotiate a subscribe connection: the client offers m-lines to receive on.

    The k-th m-line of a kind plays the k-th wanted track of that kind.
    """

    kind: Literal["media.subscribe"] = "media.subscribe"
    participant_id: ParticipantId
    connection_id: ConnectionId
    offer: str = Field(min_length=1, max_length=SDP_LIMIT)
    want: tuple[TrackId, ...] | None = None
    "Tracks in order; None: everybody else's, as they come and go."
    feeds: tuple[ParticipantId, ...] | None = None
    "Instead of `want`: these participants' tracks, in this order, as they come and go."


class AddCandidate(LiveCommand[Done]):
    """A trickled ICE candidate (RFC 8838); None ends them."""

    kind: Literal["media.candidate"] = "media.candidate"
    participant_id: ParticipantId
    connection_id: ConnectionId
    candidate: str | None = Field(default=None, max_length=1024)
    mid: str | None = Field(default=None, max_length=16)


class CloseConnection(LiveCommand[Done]):
    """Close one connection. One that is not there is closed already."""

    kind: Literal["media.close"] = "media.close"
    participant_id: ParticipantId
    connection_id: ConnectionId


class MuteTrack(LiveCommand[Done]):
    """While muted, nothing of the track is forwarded or recorded."""

    kind: Literal["media.mute"] = "media.mute"
    participant_id: ParticipantId
    track_id: TrackId
    muted: bool
    by_host: bool = False
    "Somebody else than the track's owner says so."


class CloseTrack(LiveCommand[Done]):
    """Take the track out of the room; the connection it comes by stays. Whoever sends it may offer
    it anew, as another track. Refuses TRACK_UNKNOWN."""

    kind: Literal["media.close_track"] = "media.close_track"
    participant_id: ParticipantId
    track_id: TrackId


class PauseSlot(LiveCommand[Done]):
    """Stop or resume what a subscriber gets on one m-line."""

    kind: Literal["media.pause"] = "media.pause"
    participant_id: ParticipantId
    connection_id: ConnectionId
    mid: str = Field(min_length=1, max_length=16)
    paused: bool
