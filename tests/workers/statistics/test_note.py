"""What pods tell of their rooms is kept once, of the pod whose word counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from infra.contract.commands import (
    EndRoom,
    NoteQuality,
    NoteTracks,
    PlaceRoom,
    QualitySample,
    SendChat,
    TrackNews,
)
from infra.contract.ids import MessageId, ParticipantId, PodId, TrackId, new_id
from infra.contract.messages import Placement
from infra.contract.statistics import RoomFacts
from infra.contract.views import RoomView, TrackView
from infra.db import statistics, tracks
from tests.support.house import NOON, House
from workers.rooms import watch
from workers.statistics import sweep
from workers.statistics.sweep import KEPT, TRACKS_KEPT, forget_samples, forget_tracks


@pytest.fixture
def room(house: House) -> RoomView:
    house.pod()
    return house.room(house.tenant())


def held(house: House, room: RoomView) -> Placement:
    return house.do(PlaceRoom(tenant_id=room.tenant_id, room_id=room.id))


def track(who: ParticipantId, source: Any = "screen") -> TrackView:
    kind: Any = "audio" if source == "microphone" else "video"
    return TrackView(track_id=TrackId(new_id()), participant_id=who, kind=kind, source=source)


def news(shown: TrackView, *, ended_after: float | None = None) -> TrackNews:
    ended_at = None if ended_after is None else NOON + timedelta(seconds=ended_after)
    return TrackNews(track=shown, began_at=NOON, ended_at=ended_at)


def tell(house: House, at: Placement, *said: TrackNews, pod: PodId | None = None) -> None:
    house.do(
        NoteTracks(room_id=at.room_id, pod_id=pod or at.pod_id, epoch=at.epoch, news=tuple(said))
    )


def sample(who: ParticipantId, start: float = 0.0, length: float = 10.0, **more: Any) -> Any:
    measured = {
        "packets": 1000,
        "packets_lost": 0,
        "octets_in": 5,
        "octets_out": 6,
        "rtt_ms": 3.0,
        "jitter_ms": 1.0,
        **more,
    }
    began = NOON + timedelta(seconds=start)
    return QualitySample(
        participant_id=who, from_at=began, until_at=began + timedelta(seconds=length), **measured
    )


def measure(house: House, at: Placement, *samples: QualitySample) -> None:
    house.do(
        NoteQuality(room_id=at.room_id, pod_id=at.pod_id, epoch=at.epoch, samples=tuple(samples))
    )


def facts(house: House, room: RoomView) -> RoomFacts:
    seen = house.seen(room)
    with house.engine.connect() as connection:
        return statistics.of_room(connection, seen, house.now)


def told_of_tracks(house: House, room: RoomView) -> list[tuple[str, str]]:
    return [
        (event.kind, event.data["track"]["track_id"])
        for event in house.log(room)
        if event.kind.startswith("track.")
    ]


def test_a_track_begins_once_and_ends_once_however_often_it_is_told(
    house: House, room: RoomView
) -> None:
    at, screen = held(house, room), track(house.come(room))

    for said in (news(screen), news(screen), news(screen, ended_after=9), news(screen)):
        tell(house, at, said)
    tell(house, at, news(screen, ended_after=11))

    name = str(screen.track_id)
    assert told_of_tracks(house, room) == [("track.published", name), ("track.unpublished", name)]
    ended = house.log(room)[-1]
    assert datetime.fromisoformat(ended.data["at"]) == NOON + timedelta(seconds=9)


def test_an_end_that_is_heard_first_brings_its_beginning(house: House, room: RoomView) -> None:
    at, screen = held(house, room), track(house.come(room))

    tell(house, at, news(screen, ended_after=2))

    assert [kind for kind, _ in told_of_tracks(house, room)] == [
        "track.published",
        "track.unpublished",
    ]


def test_a_pod_that_does_not_hold_the_room_is_not_believed(house: House, room: RoomView) -> None:
    at, ann = held(house, room), house.come(room)

    tell(house, at, news(track(ann)), pod=PodId(new_id()))
    tell(house, at.model_copy(update={"epoch": at.epoch - 1}), news(track(ann)))
    tell(house, at.model_copy(update={"epoch": at.epoch + 1}), news(track(ann)))
    measure(house, at.model_copy(update={"epoch": at.epoch - 1}), sample(ann))

    assert told_of_tracks(house, room) == []
    assert facts(house, room).quality is None


def test_a_room_that_ends_ends_its_tracks_before_its_people_leave(
    house: House, room: RoomView
) -> None:
    at, ann = held(house, room), house.come(room)
    tell(house, at, news(track(ann)))

    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    assert house.kinds(room)[-3:] == ["track.unpublished", "participant.left", "room.ended"]


def test_what_the_last_pod_says_after_the_end_still_counts(house: House, room: RoomView) -> None:
    at, ann = held(house, room), house.come(room)
    shared = track(ann)
    tell(house, at, news(shared))
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    tell(house, at, news(shared, ended_after=30), news(track(ann), ended_after=31))
    measure(house, at, sample(ann))

    assert facts(house, room).screen_shares == 2
    assert facts(house, room).quality == 4.0
    ends = [kind for kind, _ in told_of_tracks(house, room)].count("track.unpublished")
    assert ends == 2


def test_tracks_of_a_pod_that_died_end_when_the_room_moves(house: House) -> None:
    first = house.pod()
    room = house.room(house.tenant())
    at, ann = held(house, room), house.come(room)
    tell(house, at, news(track(ann)))
    house.kill_pod(first)
    second = house.pod()
    watch.look(house.redis, house.now - timedelta(seconds=60))

    assert held(house, room).pod_id == second.pod_id

    assert [kind for kind, _ in told_of_tracks(house, room)] == [
        "track.published",
        "track.unpublished",
    ]


def test_the_same_stretch_again_changes_nothing(house: House, room: RoomView) -> None:
    at, ann = held(house, room), house.come(room)

    measure(house, at, sample(ann))
    measure(house, at, sample(ann, packets_lost=500), sample(ann, start=10, packets_lost=15))

    assert facts(house, room).quality == (4 + 3) / 2


def test_quality_is_weighed_by_time(house: House, room: RoomView) -> None:
    at, ann, ben = held(house, room), house.come(room), house.come(room, "Ben")

    measure(
        house,
        at,
        sample(ann, length=30),
        sample(ann, start=30, length=10, jitter_ms=60.0),
        sample(ben, length=10, packets=0),
    )

    told = facts(house, room)
    assert told.quality == (4 * 30 + 1 * 10) / 40
    assert [person.quality for person in told.people] == [told.quality, None]


def test_facts_are_what_the_meeting_was(house: House, room: RoomView) -> None:
    at, ann = held(house, room), house.come(room)
    house.wait(seconds=10)
    ben = house.add(room, "Ben", "ben").participant.id
    connection = house.enter(room, ben)
    for text in ("one", "two"):
        house.do(
            SendChat(
                tenant_id=room.tenant_id,
                room_id=room.id,
                message_id=MessageId(new_id()),
                participant_id=ben,
                text=text,
            )
        )
    tell(house, at, news(track(ann)), news(track(ann, "camera")), news(track(ben, "microphone")))
    house.wait(seconds=20)
    house.leave(room, ben, connection)
    house.wait(seconds=5)
    house.enter(room, ben)
    house.wait(seconds=25)
    house.add(room, "Never came")

    told = facts(house, room)

    assert (told.live_s, told.peak_participants, told.participants_joined) == (60.0, 2, 2)
    assert (told.chat_messages, told.screen_shares) == (2, 1)
    by_name = {person.name: person for person in told.people}
    assert by_name.keys() == {"Ann", "Ben"}
    assert (by_name["Ann"].present_s, by_name["Ben"].present_s) == (60.0, 45.0)
    assert (by_name["Ann"].screen_shares, by_name["Ben"].messages) == (1, 2)
    visits = [(visit.joined_at, visit.left_at) for visit in by_name["Ben"].visits]
    assert visits == [
        (NOON + timedelta(seconds=10), NOON + timedelta(seconds=30)),
        (NOON + timedelta(seconds=35), None),
    ]

    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))
    house.wait(seconds=1000)
    assert facts(house, room).live_s == 60.0


def test_a_tenant_counts_its_own_meetings_people_and_last_grades(house: House) -> None:
    house.pod()
    tenant = house.tenant()
    room = house.room(tenant)
    at, ann, ben = held(house, room), house.come(room), house.come(room, "Ben")
    measure(house, at, sample(ann), sample(ann, start=10, jitter_ms=60.0), sample(ben))
    over = house.room(tenant)
    house.do(EndRoom(tenant_id=over.tenant_id, room_id=over.id))
    elsewhere = house.room(house.tenant())
    house.come(elsewhere)

    with house.engine.connect() as connection:
        counts = statistics.of_tenant(connection, room.tenant_id)

    assert (counts.meetings, counts.live, counts.people) == (2, (room.id,), 2)
    assert counts.quality == (1 + 4) / 2


def test_samples_are_forgotten_in_time(house: House, room: RoomView) -> None:
    at, ann = held(house, room), house.come(room)
    measure(house, at, sample(ann), sample(ann, start=KEPT.total_seconds()))

    house.wait(seconds=KEPT.total_seconds() + 60)
    forget_samples(house.tools)

    with house.engine.connect() as connection:
        assert len(connection.execute(statistics.SAMPLES.select()).all()) == 1


def test_many_old_samples_are_forgotten_some_at_a_time(
    house: House, room: RoomView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "FORGOTTEN_AT_ONCE", 2)
    at, ann = held(house, room), house.come(room)
    measure(house, at, *(sample(ann, start=10.0 * n) for n in range(5)))

    house.wait(seconds=KEPT.total_seconds() + 60)
    forget_samples(house.tools)

    with house.engine.connect() as connection:
        assert connection.execute(statistics.SAMPLES.select()).all() == []


def test_a_track_that_is_over_is_forgotten_in_time_and_its_room_remembers_it(
    house: House, room: RoomView
) -> None:
    at, ann = held(house, room), house.come(room)
    over, running = track(ann), track(ann, "camera")
    tell(house, at, news(over, ended_after=5), news(running))

    house.wait(seconds=TRACKS_KEPT.total_seconds() + 60)
    forget_tracks(house.tools)

    with house.engine.connect() as connection:
        known = connection.scalars(select(tracks.TRACKS.c.id)).all()
    assert known == [running.track_id]
    assert house.kinds(room).count("track.unpublished") == 1
