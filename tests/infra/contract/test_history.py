"""A room's history, folded from its log, against the slow and obvious way to say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infra.contract.history import Entry, History, PersonRow
from infra.contract.history import facts as told_of
from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.roles import Role
from infra.contract.statistics import RoomFacts
from infra.contract.views import RoomConfig, RoomState, RoomView

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
ANN, BEN, CAT = (ParticipantId(UUID(int=n)) for n in (1, 2, 3))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def room(*, live: bool, started_at: datetime | None = NOON) -> RoomView:
    return RoomView(
        id=RoomId(UUID(int=9)),
        tenant_id=TenantId(UUID(int=8)),
        name="r",
        config=RoomConfig(),
        metadata={},
        state=RoomState.LIVE if live else RoomState.ENDED,
        epoch=0,
        seq=0,
        started_at=started_at,
        ended_at=None,
        created_at=NOON,
        updated_at=NOON,
    )


def event(kind: str, seconds: float, **more: Any) -> Entry:
    return Entry(0, kind, at(seconds), **more)


def joined(who: ParticipantId, seconds: float) -> Entry:
    return event("participant.joined", seconds, participant_id=who)


def left(who: ParticipantId, seconds: float, *, last_there: float | None = None) -> Entry:
    gone_at = at(seconds if last_there is None else last_there)
    return event("participant.left", seconds, participant_id=who, left_at=gone_at)


def facts(
    room: RoomView, log: Sequence[Entry], people: Sequence[PersonRow], *, now: datetime
) -> RoomFacts:
    history = History()
    for seq, entry in enumerate(log, 1):
        history.see(entry._replace(seq=seq))
        history.see(entry._replace(seq=seq))
    return told_of(history, room, people, now=now)


def people(*who: ParticipantId, **more: str) -> list[PersonRow]:
    return [PersonRow(each, more.get(f"p{each.int}"), "x", Role.ATTENDEE) for each in who]


def test_a_room_that_was_live_at_once_counts_from_when_it_was_made() -> None:
    log = [joined(ANN, 5), left(ANN, 20), event("room.ended", 60)]

    told = facts(room(live=False), log, people(ANN), now=at(1000))

    assert (told.live_s, told.peak_participants, told.participants_joined) == (60.0, 1, 1)
    assert told.people[0].present_s == 15.0


def test_every_session_counts_and_the_one_that_is_on_until_now() -> None:
    log = [
        event("room.ended", 60, started_at=NOON, room_state="ended"),
        event("room.started", 100, started_at=at(100), room_state="live"),
        event("room.ended", 130, started_at=None, room_state="scheduled"),
        event("room.updated", 150, room_state="scheduled"),
        event("room.updated", 200, started_at=at(200), room_state="live"),
        event("room.updated", 210, started_at=at(200), room_state="live"),
    ]

    told = facts(room(live=True, started_at=at(200)), log, [], now=at(215))

    assert told.live_s == 60 + 30 + 15


def test_who_vanished_was_there_until_last_heard() -> None:
    log = [joined(ANN, 0), left(ANN, 40, last_there=25), joined(ANN, 50)]

    told = facts(room(live=True), log, people(ANN), now=at(60))

    assert told.people[0].present_s == 25 + 10
    assert [visit.left_at for visit in told.people[0].visits] == [at(25), None]
    assert told.peak_participants == 1


def test_two_seats_of_one_user_are_one_person() -> None:
    log = [joined(ANN, 0), joined(BEN, 1), joined(CAT, 2)]

    told = facts(room(live=True), log, people(ANN, BEN, CAT, p1="u", p3="u"), now=at(9))

    assert told.participants_joined == 2
    assert told.peak_participants == 3


def test_screens_and_messages_are_counted_by_person() -> None:
    log = [
        joined(ANN, 0),
        event("track.published", 1, participant_id=ANN, source="screen"),
        event("track.published", 1, participant_id=ANN, source="camera"),
        event("track.published", 9, participant_id=ANN, source="screen"),
    ]
    ann = PersonRow(ANN, None, "Ann", Role.HOST, messages=2, graded_s=30, grades=105)
    ben = PersonRow(BEN, None, "Ben", Role.HOST, messages=0, graded_s=10, grades=10)

    told = facts(room(live=True), [*log, joined(BEN, 3)], [ann, ben], now=at(10))

    assert (told.screen_shares, told.chat_messages) == (2, 2)
    assert [person.screen_shares for person in told.people] == [2, 0]
    assert told.people[0].quality == 3.5
    assert told.quality == 115 / 40


def test_where_nothing_was_measured_there_is_no_quality() -> None:
    assert facts(room(live=True), [joined(ANN, 0)], people(ANN), now=NOON).quality is None


@dataclass(frozen=True)
class Step:
    who: ParticipantId
    seconds: int


STEPS = st.lists(st.builds(Step, st.sampled_from([ANN, BEN, CAT]), st.integers(0, 30)), max_size=30)


@given(STEPS, st.integers(0, 30))
def test_presence_is_what_a_count_second_by_second_gives(steps: list[Step], rest: int) -> None:
    """Each step: some seconds pass, and then somebody comes, or leaves if they are there."""
    log: list[Entry] = []
    here: set[ParticipantId] = set()
    now = peak = 0
    seconds = dict.fromkeys((ANN, BEN, CAT), 0)
    for step in steps:
        now += step.seconds
        for who in here:
            seconds[who] += step.seconds
        log.append(left(step.who, now) if step.who in here else joined(step.who, now))
        here ^= {step.who}
        peak = max(peak, len(here))
    for who in here:
        seconds[who] += rest
    now += rest

    told: RoomFacts = facts(room(live=True), log, people(ANN, BEN, CAT), now=at(now))

    came = {step.who for step in steps}
    assert told.peak_participants == peak
    assert told.participants_joined == len(came)
    assert {p.participant_id: p.present_s for p in told.people} == {w: seconds[w] for w in came}
    assert told.live_s == now
