"""What was measured of a meeting. Null where nothing was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.operation import Query, Shown
from infra.contract.ids import RoomId
from infra.contract.statistics import LinkFigures, LiveFigures, RoomFacts


class OfMeeting(Query):
    meeting_id: str = Field(min_length=1, max_length=64)


class ParticipantQos(Shown):
    participant_id: str
    quality: int | None
    "1 (poor) to 4 (excellent)."
    rtt_ms: float | None
    packet_loss: float | None
    "Share of packets lost, 0 to 1."
    jitter_ms: float | None

    @classmethod
    def of(cls, link: LinkFigures) -> ParticipantQos:
        return cls(
            participant_id=names.shown(fields.PARTICIPANT, link.participant_id),
            quality=link.quality,
            rtt_ms=link.rtt_ms,
            packet_loss=link.loss,
            jitter_ms=link.jitter_ms,
        )


class Qos(Shown):
    meeting_id: str
    measured_at: datetime | None
    "Null: nothing is measured now, as the meeting is not live or nobody sends."
    quality: float | None
    "Mean over the whole meeting, 1 (poor) to 4 (excellent)."
    rtt_ms: float | None
    "This and what follows: mean over who is connected now."
    packet_loss: float | None
    jitter_ms: float | None
    participants: list[ParticipantQos]

    @classmethod
    def of(cls, facts: RoomFacts, live: LiveFigures | None) -> Qos:
        links = live.links if live else ()
        return cls(
            meeting_id=_meeting(facts.room_id),
            measured_at=live.at if live else None,
            quality=facts.quality,
            rtt_ms=_mean(link.rtt_ms for link in links),
            packet_loss=_mean(link.loss for link in links),
            jitter_ms=_mean(link.jitter_ms for link in links),
            participants=[ParticipantQos.of(link) for link in links],
        )


class ParticipantBandwidth(Shown):
    participant_id: str
    incoming_bps: int
    "From them to the media node."
    outgoing_bps: int
    streams_sent: int
    streams_received: int

    @classmethod
    def of(cls, link: LinkFigures) -> ParticipantBandwidth:
        return cls(
            participant_id=names.shown(fields.PARTICIPANT, link.participant_id),
            incoming_bps=link.incoming_bps,
            outgoing_bps=link.outgoing_bps,
            streams_sent=link.producers,
            streams_received=link.consumers,
        )


class Bandwidth(Shown):
    meeting_id: str
    measured_at: datetime | None
    "Null: nothing is measured now; so are the sums."
    incoming_bps: int | None
    "From everybody to the media node."
    outgoing_bps: int | None
    participants: list[ParticipantBandwidth]

    @classmethod
    def of(cls, room_id: RoomId, live: LiveFigures | None) -> Bandwidth:
        return cls(
            meeting_id=_meeting(room_id),
            measured_at=live.at if live else None,
            incoming_bps=live.incoming_bps if live else None,
            outgoing_bps=live.outgoing_bps if live else None,
            participants=[ParticipantBandwidth.of(link) for link in live.links] if live else [],
        )


def _meeting(room_id: RoomId) -> str:
    return names.shown(fields.MEETING, room_id)


def _mean(measured: Iterable[float | None]) -> float | None:
    known = [each for each in measured if each is not None]
    return sum(known) / len(known) if known else None
