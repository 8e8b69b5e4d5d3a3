"""What a room's event log says happened: how long it was live, who was there when, who shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Entry:
    """Of one event, what is looked at. None where the event has no such thing."""

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
    """A log, folded: give each :class:`Entry` to :meth:`see`, in the log's order."""

    born_at: datetime
    "When the room was made: rooms that are live at once have no event to say so."
    ended_s: float = 0.0
    "Seconds of the sessions that are over."
    opened_at: datetime | None = None
    "Start of the session that is on, where an event said it."
    peak: int = 0
    visits: dict[ParticipantId, list[Visit]] = field(default_factory=dict)
    shares: dict[ParticipantId, int] = field(default_factory=dict)
    _here: set[ParticipantId] = field(default_factory=set)
    _sessions: int = 0

    def see(self, entry: Entry) -> None:
        who = entry.participant_id
        if entry.kind == "participant.joined" and who is not None and who not in self._here:
            self._here.add(who)
            self.visits.setdefault(who, []).append(Visit(joined_at=entry.at, left_at=None))
            self.peak = max(self.peak, len(self._here))
        elif entry.kind == "participant.left" and who in self._here:
            self._leave(who, entry.left_at or entry.at)
        elif entry.kind == "track.published" and who is not None and entry.source == "screen":
            self.shares[who] = self.shares.get(who, 0) + 1
        elif entry.kind == "room.ended":
            self._end(entry)
        elif entry.room_state == RoomState.LIVE and self.opened_at is None:
            self.opened_at = entry.started_at or entry.at

    def _end(self, entry: Entry) -> None:
        begun_at = self.opened_at or entry.started_at
        if begun_at is None and self._sessions == 0:
            begun_at = self.born_at
        if begun_at is not None:
            self.ended_s += max(0.0, (entry.at - begun_at).total_seconds())
        self.opened_at = None
        self._sessions += 1
        for who in list(self._here):
            self._leave(who, entry.at)

    def _leave(self, who: ParticipantId, at: datetime) -> None:
        self._here.discard(who)
        joined_at = self.visits[who][-1].joined_at
        self.visits[who][-1] = Visit(joined_at=joined_at, left_at=max(at, joined_at))


def facts(
    room: RoomView, log: Iterable[Entry], people: Sequence[PersonRow], *, now: datetime
) -> RoomFacts:
    """The room's history up to `now`: what is still on counts until then.

    `people`: seats of anybody who may appear in the log. Who never came is left out.
    """
    history = History(room.created_at)
    for entry in log:
        history.see(entry)
    live_s = history.ended_s
    if room.state is RoomState.LIVE:
        begun_at = history.opened_at or room.started_at or room.created_at
        live_s += max(0.0, (now - begun_at).total_seconds())
    came = [row for row in people if row.participant_id in history.visits or row.messages]
    return RoomFacts(
        room_id=room.id,
        live_s=live_s,
        peak_participants=history.peak,
        participants_joined=len(
            {
                row.user_id or row.participant_id
                for row in came
                if row.participant_id in history.visits
            }
        ),
        quality=_mean(came),
        chat_messages=sum(row.messages for row in people),
        screen_shares=sum(history.shares.values()),
        people=tuple(_person(row, history.visits, history.shares, now) for row in came),
    )


def _person(
    row: PersonRow,
    visits: Mapping[ParticipantId, list[Visit]],
    shares: Mapping[ParticipantId, int],
    now: datetime,
) -> PersonFacts:
    theirs = tuple(visits.get(row.participant_id, ()))
    return PersonFacts(
        participant_id=row.participant_id,
        user_id=row.user_id,
        name=row.name,
        role=row.role,
        present_s=sum(
            max(0.0, ((visit.left_at or now) - visit.joined_at).total_seconds()) for visit in theirs
        ),
        quality=_mean([row]),
        messages=row.messages,
        screen_shares=shares.get(row.participant_id, 0),
        visits=theirs,
    )


def _mean(rows: Sequence[PersonRow]) -> float | None:
    """Every graded second counts the same."""
    seconds = sum(row.graded_s for row in rows)
    return sum(row.grades for row in rows) / seconds if seconds else None
