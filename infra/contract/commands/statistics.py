"""What pods tell of the media they carry, to be kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from infra.contract.ids import ParticipantId, PodId, RoomId, TrackId
from infra.contract.messages import Command, Done, Message
from infra.contract.views import TrackView


class TrackNews(Message):
    """A track began or ended."""

    track: TrackView
    published: bool
    at: datetime


class NoteTracks(Command[Done]):
    """Goes into the room's log as `track.published` and `track.unpublished`, once each.

    Of a pod that does not hold the room under this epoch, nothing is noted.
    """

    kind: Literal["statistics.tracks"] = "statistics.tracks"
    room_id: RoomId
    pod_id: PodId
    epoch: int
    news: tuple[TrackNews, ...] = Field(min_length=1, max_length=200)


class QualitySample(Message):
    """One participant's links over one stretch of time."""

    participant_id: ParticipantId
    track_ids: tuple[TrackId, ...] = ()
    from_at: datetime
    until_at: datetime
    packets: int
    packets_lost: int
    octets_in: int
    octets_out: int
    rtt_ms: float | None
    jitter_ms: float | None


class NoteQuality(Command[Done]):
    """Kept by participant and stretch; the same stretch again changes nothing."""

    kind: Literal["statistics.quality"] = "statistics.quality"
    room_id: RoomId
    pod_id: PodId
    epoch: int
    samples: tuple[QualitySample, ...] = Field(min_length=1, max_length=1000)
