"""What a room's event log says happened: how long it was live, who was there when, who shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from infra.contract.ids import ParticipantId
from infra.contract.roles import Role
from infra.contract.statistics import PersonFacts, RoomFacts, Visit
from infra.contract.views import RoomState, RoomView

KINDS: Final = (
    *("room.started", "room.updated", "room.ended"),
    *("participant.joined", "participant.left"),
    "track.published",
)
"The events that are looked at."


class Entry(NamedTuple):
    """Of one event, what is looked at. None where the event has no such thing."""

    seq: int
    kind: str
    at: datetime
    participant_id: ParticipantId | None = None
    "Who came or left, or whose track it is."
    left_at: datetime | None = None
    "When they were last there, which may be before it was noticed."
    source: str | None = None
    "Of a track."
    room_state: str | None = None
    started_at: datetime | None = None
    "Of the room's session."


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One seat, and what was counted of it elsewhere."""

    participant_id: ParticipantId
    user_id: str | None
    name: str
    role: Role
    messages: int = 0
    graded_s: float = 0.0
    "Seconds whose connection quality was graded."
    grades: float = 0.0
    "Sum of those grades, each times the seconds it held."


@dataclass(slots=True)
class History:
    """A log, folded: give each :class:`Entry` to :meth:`see`, in the log's order.

    Those it has seen already change nothing, so it can be kept and shown more of the log later.
    """

    seq: int = 0
    "Of the last entry seen."
    peak: int = 0
    shares: dict[ParticipantId, int] = field(default_factory=dict)
    "Screens shared."
    _sessions: list[tuple[datetime | None, datetime]] = field(default_factory=list)
    "That are over. No beginning: the room was live when it was made."
    _opened_at: datetime | None = None
    "Beginning of the session that is on, where an event said it."
    _visits: dict[ParticipantId, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    "That are over."
    _here: dict[ParticipantId, datetime] = field(default_factory=dict)

    def see(self, entry: Entry) -> None:
        if entry.seq <= self.seq:
            return
        self.seq = entry.seq
        kind, who = entry.kind, entry.participant_id
        if kind == "participant.joined":
            if who is not None and who not in self._here:
                self._here[who] = entry.at
                self.peak = max(self.peak, len(self._here))
        elif kind == "participant.left":
            if who is not None and who in self._here:
                self._leave(who, entry.left_at or entry.at)
        elif kind == "track.published":
            if who is not None and entry.source == "screen":
                self.shares[who] = self.shares.get(who, 0) + 1
        elif kind == "room.ended":
            self._sessions.append((self._opened_at or entry.started_at, entry.at))
            self._opened_at = None
            for each in list(self._here):
                self._leave(each, entry.at)
        elif entry.room_state == RoomState.LIVE and self._opened_at is None:
            self._opened_at = entry.started_at or entry.at

    def _leave(self, who: ParticipantId, at: datetime) -> None:
        joined_at = self._here.pop(who)
        self._visits.setdefault(who, []).append((joined_at, max(at, joined_at)))

    def visits(self, who: ParticipantId) -> list[Visit]:
        over = [Visit(joined_at=came, left_at=left) for came, left in self._visits.get(who, ())]
        if who in self._here:
            over.append(Visit(joined_at=self._here[who], left_at=None))
        return over

    def live_s(self, room: RoomView, now: datetime) -> float:
        """Seconds, all sessions together."""
        sessions = list(self._sessions)
        if room.state is RoomState.LIVE:
            sessions.append((self._opened_at or room.started_at, now))
        total = 0.0
        for index, (began_at, ended_at) in enumerate(sessions):
            if began_at is None and index == 0:
                began_at = room.created_at
            if began_at is not None:
                total += max(0.0, (ended_at - began_at).total_seconds())
        return total


def facts(
    history: History, room: RoomView, people: Sequence[PersonRow], *, now: datetime
) -> RoomFacts:
    """What is still on counts until `now`.

    `people`: seats of anybody who may appear in the log. Who neither came nor wrote is left out.
    """
    told = [_person(row, history, now) for row in people]
    came = {person.participant_id for person in told if person.visits}
    return RoomFacts(
        room_id=room.id,
        live_s=history.live_s(room, now),
        peak_participants=history.peak,
        participants_joined=len(
            {person.user_id or person.participant_id for person in told if person.visits}
        ),
        quality=_mean(people),
        chat_messages=sum(row.messages for row in people),
        screen_shares=sum(history.shares.values()),
        people=tuple(p for p in told if p.participant_id in came or p.messages),
    )


def _person(row: PersonRow, history: History, now: datetime) -> PersonFacts:
    visits = history.visits(row.participant_id)
    return PersonFacts(
        participant_id=row.participant_id,
        user_id=row.user_id,
        name=row.name,
        role=row.role,
        present_s=sum(
            max(0.0, ((visit.left_at or now) - visit.joined_at).total_seconds()) for visit in visits
        ),
        quality=_mean([row]),
        messages=row.messages,
        screen_shares=history.shares.get(row.participant_id, 0),
        visits=tuple(visits),
    )


def _mean(rows: Sequence[PersonRow]) -> float | None:
    """Every graded second counts the same."""
    seconds = sum(row.graded_s for row in rows)
    return sum(row.grades for row in rows) / seconds if seconds else None
