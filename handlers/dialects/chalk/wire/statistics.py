"""What was measured."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from handlers.dialects.chalk.wire.rooms import RoleShown
from handlers.dialects.operation import Shown
from infra.contract.ids import ParticipantId, RoomId
from infra.contract.statistics import LinkFigures, LiveFigures, PersonFacts, RoomFacts


class VisitShown(Shown):
    joined_at: datetime
    left_at: datetime | None
    "null: still there."


class PersonShown(Shown):
    participant_id: UUID
    external_user_id: str | None
    display_name: str
    role: RoleShown
    present_seconds: float
    connection_quality_avg: float | None
    "1 (poor) to 4 (excellent); null: nothing was measured."
    messages_sent: int
    screen_shares: int
    visits: list[VisitShown]

    @classmethod
    def of(cls, person: PersonFacts) -> PersonShown:
        return cls(
            participant_id=person.participant_id,
            external_user_id=person.user_id,
            display_name=person.name,
            role="host" if person.role.leads else "participant",
            present_seconds=person.present_s,
            connection_quality_avg=person.quality,
            messages_sent=person.messages,
            screen_shares=person.screen_shares,
            visits=[VisitShown(**visit.model_dump()) for visit in person.visits],
        )


class Analytics(Shown):
    room_id: UUID
    live_seconds: float
    "All sessions together; one that is on counts until now."
    peak_participants: int
    participants_joined: int
    "Different people; who comes back is not counted again."
    connection_quality_avg: float | None
    chat_messages: int
    screen_shares: int
    participants: list[PersonShown]
    "Hosts see everybody, others themselves."

    @classmethod
    def of(cls, facts: RoomFacts, *, only: ParticipantId | None) -> Analytics:
        return cls(
            room_id=facts.room_id,
            live_seconds=facts.live_s,
            peak_participants=facts.peak_participants,
            participants_joined=facts.participants_joined,
            connection_quality_avg=facts.quality,
            chat_messages=facts.chat_messages,
            screen_shares=facts.screen_shares,
            participants=[
                PersonShown.of(person)
                for person in facts.people
                if only in (None, person.participant_id)
            ],
        )


class LinkShown(Shown):
    participant_id: UUID
    producers: int
    consumers: int
    incoming_bps: int
    outgoing_bps: int
    rtt_ms: float | None
    packet_loss_rate: float | None
    "0 to 1."
    jitter_ms: float | None
    is_speaking: bool
    connection_quality: int | None

    @classmethod
    def of(cls, link: LinkFigures) -> LinkShown:
        return cls(
            participant_id=link.participant_id,
            producers=link.producers,
            consumers=link.consumers,
            incoming_bps=link.incoming_bps,
            outgoing_bps=link.outgoing_bps,
            rtt_ms=link.rtt_ms,
            packet_loss_rate=link.loss,
            jitter_ms=link.jitter_ms,
            is_speaking=link.speaking,
            connection_quality=link.quality,
        )


class LiveStats(Shown):
    room_id: UUID
    at: datetime | None
    "When it was measured; null: no media pod measures the room now."
    producers: int
    consumers: int
    incoming_bps: int
    outgoing_bps: int
    participants: list[LinkShown]

    @classmethod
    def of(cls, room_id: RoomId, figures: LiveFigures | None) -> LiveStats:
        if figures is None:
            return cls(
                room_id=room_id,
                at=None,
                producers=0,
                consumers=0,
                incoming_bps=0,
                outgoing_bps=0,
                participants=[],
            )
        return cls(
            room_id=room_id,
            at=figures.at,
            producers=figures.producers,
            consumers=figures.consumers,
            incoming_bps=figures.incoming_bps,
            outgoing_bps=figures.outgoing_bps,
            participants=[LinkShown.of(link) for link in figures.links],
        )
