"""What was measured. Where this API always shows a number, nothing measured is 0."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import fmean
from typing import Literal

from handlers.dialects.kcs.wire.fields import MeetingId, ParticipantId, RoleName, minutes
from handlers.dialects.kcs.wire.meetings import FullMeeting, full
from handlers.dialects.operation import Query, Shown
from handlers.operations import meetings
from infra.contract.statistics import LiveFigures, PersonFacts, RoomFacts, SystemFigures


def _or_0(measured: float | None, digits: int) -> float:
    return 0 if measured is None else round(measured, digits)


class Analytics(Shown):
    total_duration_minutes: int
    "While it was live, to the nearest."
    peak_participants: int
    total_participants_joined: int
    connection_quality_avg: float
    "1 (poor) to 4 (excellent); 0: not measured."
    chat_messages_count: int
    screen_shares_count: int

    @classmethod
    def of(cls, facts: RoomFacts) -> Analytics:
        return cls(
            total_duration_minutes=minutes(facts.live_s),
            peak_participants=facts.peak_participants,
            total_participants_joined=facts.participants_joined,
            connection_quality_avg=_or_0(facts.quality, 2),
            chat_messages_count=facts.chat_messages,
            screen_shares_count=facts.screen_shares,
        )


class Bitrate(Shown):
    """Bits per second, as the media server sees them."""

    incoming: int
    outgoing: int

    @classmethod
    def of(cls, figures: LiveFigures | None) -> Bitrate:
        return cls(
            incoming=figures.incoming_bps if figures else 0,
            outgoing=figures.outgoing_bps if figures else 0,
        )


class LiveStatsInMeeting(Shown):
    activeParticipants: int
    producers: int
    consumers: int
    bitrate: Bitrate


class MeasuredMeeting(FullMeeting):
    analytics: Analytics
    liveStats: LiveStatsInMeeting

    @classmethod
    def seen(
        cls, meeting: meetings.Meeting, facts: RoomFacts, figures: LiveFigures | None
    ) -> MeasuredMeeting:
        live = LiveStatsInMeeting(
            activeParticipants=meeting.room.participant_count,
            producers=figures.producers if figures else 0,
            consumers=figures.consumers if figures else 0,
            bitrate=Bitrate.of(figures),
        )
        return cls.model_validate(
            {**full(meeting), "analytics": Analytics.of(facts), "liveStats": live}
        )


class EndedMeeting(FullMeeting):
    analytics: Analytics

    @classmethod
    def ended(cls, meeting: meetings.Meeting, facts: RoomFacts) -> EndedMeeting:
        return cls.model_validate({**full(meeting), "analytics": Analytics.of(facts)})


class QualityStats(Shown):
    """Means over everybody whose link was measured during the last seconds."""

    average_rtt: float
    "Milliseconds."
    packet_loss_rate: float
    "0 to 1."
    jitter: float
    "Milliseconds."

    @classmethod
    def of(cls, figures: LiveFigures | None) -> QualityStats:
        links = figures.links if figures else ()
        return cls(
            average_rtt=_mean((link.rtt_ms for link in links), 1),
            packet_loss_rate=_mean((link.loss for link in links), 4),
            jitter=_mean((link.jitter_ms for link in links), 1),
        )


def _mean(measured: Iterable[float | None], digits: int) -> float:
    known = [each for each in measured if each is not None]
    return _or_0(fmean(known) if known else None, digits)


class LiveStats(Shown):
    meeting_id: MeetingId
    timestamp: datetime
    active_participants: int
    producers: int
    consumers: int
    bitrate: Bitrate
    quality_stats: QualityStats

    @classmethod
    def of(
        cls, meeting_id: MeetingId, people: int, figures: LiveFigures | None, now: datetime
    ) -> LiveStats:
        return cls(
            meeting_id=meeting_id,
            timestamp=figures.at if figures else now,
            active_participants=people,
            producers=figures.producers if figures else 0,
            consumers=figures.consumers if figures else 0,
            bitrate=Bitrate.of(figures),
            quality_stats=QualityStats.of(figures),
        )


class ParticipantAnalytics(Shown):
    participant_id: ParticipantId
    user_id: str | None
    participant_name: str
    total_time_minutes: int
    connection_quality_avg: float
    messages_sent: int
    screen_shares: int

    @classmethod
    def of(cls, person: PersonFacts) -> ParticipantAnalytics:
        return cls(
            participant_id=person.participant_id,
            user_id=person.user_id,
            participant_name=person.name,
            total_time_minutes=minutes(person.present_s),
            connection_quality_avg=_or_0(person.quality, 2),
            messages_sent=person.messages,
            screen_shares=person.screen_shares,
        )


class MeetingAnalytics(Shown):
    meeting_id: MeetingId
    analytics: Analytics
    participant_analytics: list[ParticipantAnalytics]
    "Everybody's for hosts and co-hosts; for others their own."


# --- attendance ---


class Visit(Shown):
    joined_at: datetime
    left_at: datetime | None
    "None: still there."


class Attendance(Shown):
    participant_id: ParticipantId
    user_id: str | None
    participant_name: str
    role: RoleName
    total_time_seconds: int
    visits: list[Visit]

    @classmethod
    def of(cls, person: PersonFacts) -> Attendance:
        return cls(
            participant_id=person.participant_id,
            user_id=person.user_id,
            participant_name=person.name,
            role=person.role.value,
            total_time_seconds=round(person.present_s),
            visits=[Visit(**dict(visit)) for visit in person.visits],
        )


class AttendanceQuery(Query):
    format: Literal["json", "csv"] = "json"
    "csv: one line for each visit."


# --- the whole campus ---


class WebRtcStats(Shown):
    """The deployment's media servers, and the campus's own meetings on them."""

    available: bool
    workers: int
    routers: int
    active_rooms: int


class Performance(Shown):
    avg_connection_quality: float
    "Of everybody who is in a meeting now: 1 (poor) to 4 (excellent); 0: not measured."
    avg_bitrate_mbps: float
    "Of a live meeting, both ways."
    cpu_usage: float
    "Of the media servers' machines, 0 to 100."
    memory_usage: float


class SystemStats(Shown):
    total_meetings: int
    active_meetings: int
    total_participants_online: int
    webrtc_stats: WebRtcStats
    performance: Performance

    @classmethod
    def of(cls, figures: SystemFigures) -> SystemStats:
        bitrate = figures.bitrate_bps
        return cls(
            total_meetings=figures.meetings,
            active_meetings=figures.active_meetings,
            total_participants_online=figures.participants_online,
            webrtc_stats=WebRtcStats(
                available=figures.pods > 0,
                workers=figures.pods,
                routers=figures.rooms_held,
                active_rooms=figures.rooms_held,
            ),
            performance=Performance(
                avg_connection_quality=_or_0(figures.quality, 2),
                avg_bitrate_mbps=_or_0(None if bitrate is None else bitrate / 1e6, 3),
                cpu_usage=_or_0(figures.cpu_percent, 1),
                memory_usage=_or_0(figures.memory_percent, 1),
            ),
        )
