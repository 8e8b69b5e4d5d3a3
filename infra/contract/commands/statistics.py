"""What pods tell of the media they carry, to be kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from infra.contract.ids import ParticipantId, PodId, RoomId
from infra.contract.messages import Command, Done, Message
from infra.contract.statistics import quality_of
from infra.contract.views import TrackView


class TrackNews(Message):
    """A track, from when to when it was there. Said when it begins, and again when it ends."""

    track: TrackView
    began_at: datetime
    ended_at: datetime | None = None
    "None: it is there."


class NoteTracks(Command[Done]):
    """Goes into the room's log as `track.published` and `track.unpublished`, once each, in
    whatever order and however often it is heard.

    Of a pod that does not hold the room under this epoch, or did not as the last one before the
    room ended, nothing is noted.
    """

    kind: Literal["statistics.tracks"] = "statistics.tracks"
    room_id: RoomId
    pod_id: PodId
    epoch: int
    news: tuple[TrackNews, ...] = Field(min_length=1, max_length=200)


class QualitySample(Message):
    """One participant's links over one stretch of time. Stretches of a participant meet and never
    overlap, from when their first connection worked until their last was gone."""

    participant_id: ParticipantId
    from_at: datetime
    until_at: datetime
    packets: int
    "Sent both ways, as sequence numbers and the receiver's reports tell."
    packets_lost: int
    "Of those, on the way, also where a retransmission repaired it."
    octets_in: int
    octets_out: int
    rtt_ms: float | None
    "Mean of what was measured; None: they received nothing to report about."
    jitter_ms: float | None
    "Mean, over time, of the worst track's."

    @property
    def quality(self) -> int | None:
        if not self.packets or self.jitter_ms is None:
            return None
        return quality_of(self.packets_lost / self.packets, self.jitter_ms, self.rtt_ms)


class NoteQuality(Command[Done]):
    """Kept by participant and stretch; the same stretch again changes nothing. Ignored of whom
    `NoteTracks` is ignored of."""

    kind: Literal["statistics.quality"] = "statistics.quality"
    room_id: RoomId
    pod_id: PodId
    epoch: int
    samples: tuple[QualitySample, ...] = Field(min_length=1, max_length=1000)
