"""What was measured of a meeting. None where nothing was: no figure here is ever a guess."""

from __future__ import annotations

from datetime import datetime

from infra.contract.ids import ParticipantId, RoomId
from infra.contract.messages import Message
from infra.contract.roles import Role


class Visit(Message):
    """One stretch of somebody's presence."""

    joined_at: datetime
    left_at: datetime | None
    "None: still there."


class PersonFacts(Message):
    participant_id: ParticipantId
    user_id: str | None
    name: str
    role: Role
    present_s: float
    "Seconds in the room, all visits together."
    quality: float | None
    "Mean connection quality, 1 (poor) to 4 (excellent): see `quality_of`."
    messages: int
    screen_shares: int
    visits: tuple[Visit, ...]


class RoomFacts(Message):
    """A room's history, out of its event log and what its pods measured."""

    room_id: RoomId
    live_s: float
    "Seconds the room was live, all sessions together."
    peak_participants: int
    participants_joined: int
    "Different people; who comes back is not counted again."
    quality: float | None
    chat_messages: int
    screen_shares: int
    people: tuple[PersonFacts, ...]


class LinkFigures(Message):
    """What one participant's links carried during the last few seconds."""

    participant_id: ParticipantId
    producers: int
    "Tracks they publish."
    consumers: int
    "Tracks they are being sent."
    incoming_bps: int
    "From them to the pod."
    outgoing_bps: int
    rtt_ms: float | None
    loss: float | None
    "Share of packets lost both ways, 0 to 1."
    jitter_ms: float | None
    speaking: bool = False
    quality: int | None
    "1 to 4."


class LiveFigures(Message):
    """What a room's pod measured last. Lives in Redis for a few seconds."""

    room_id: RoomId
    epoch: int
    at: datetime
    links: tuple[LinkFigures, ...]

    @property
    def producers(self) -> int:
        return sum(link.producers for link in self.links)

    @property
    def consumers(self) -> int:
        return sum(link.consumers for link in self.links)

    @property
    def incoming_bps(self) -> int:
        return sum(link.incoming_bps for link in self.links)

    @property
    def outgoing_bps(self) -> int:
        return sum(link.outgoing_bps for link in self.links)


class MediaStatus(Message):
    """What one participant publishes now, and whether they speak."""

    video_enabled: bool = False
    "A camera that is not muted."
    audio_enabled: bool = False
    "A microphone that is not muted."
    screen_sharing: bool = False
    is_speaking: bool = False
    is_muted_by_host: bool = False


class SystemFigures(Message):
    """The whole deployment as one tenant's administrator may see it: rooms and people are the
    tenant's own, processors and memory the machines'."""

    meetings: int
    active_meetings: int
    participants_online: int
    pods: int
    "Media processes that report."
    rooms_held: int
    "The tenant's, that a pod holds and measures."
    quality: float | None
    bitrate_bps: int | None
    "Mean over the tenant's live rooms of what passes their pods, both ways."
    cpu_percent: float | None
    "Mean over the pods' machines, 0 to 100."
    memory_percent: float | None


def quality_of(loss: float, jitter_ms: float, rtt_ms: float | None) -> int:
    """4 excellent, 3 good, 2 fair, 1 poor: by packet loss (0 to 1) and jitter as the KCS meeting
    guide grades them (above 5 % or 50 ms poor, 2 % or 30 ms fair, 1 % or 20 ms good), and by
    round trips, which it does not grade: above 800 ms poor, 400 ms fair, 200 ms good."""
    graded = [(loss, (0.01, 0.02, 0.05)), (jitter_ms, (20.0, 30.0, 50.0))]
    if rtt_ms is not None:
        graded.append((rtt_ms, (200.0, 400.0, 800.0)))
    return min(4 - sum(value > bound for bound in bounds) for value, bounds in graded)
