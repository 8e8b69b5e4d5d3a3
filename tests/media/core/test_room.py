"""Who plays in which slot, as people come, go and change their minds."""

from __future__ import annotations

import pytest

from infra.contract.ids import ConnectionId, ParticipantId, TrackId, new_id
from infra.contract.live import Source
from infra.contract.views import TrackView
from media.core.room import (
    Kind,
    Line,
    Play,
    RoomPlan,
    SlotsStand,
    TrackCame,
    TracksStand,
    TrackWent,
    Wish,
)

PAIR = (Line("a0", "audio"), Line("v0", "video"))
TWO_PAIRS = (*PAIR, Line("a1", "audio"), Line("v1", "video"))


def connection() -> ConnectionId:
    return ConnectionId(new_id())


class Person:
    def __init__(self, plan: RoomPlan, *sources: Source) -> None:
        self.plan = plan
        self.id = ParticipantId(new_id())
        self.connection = connection()
        self.tracks = {source: track(self.id, source) for source in sources}

    def publish(self) -> Person:
        by_mid = {str(n): each for n, each in enumerate(self.tracks.values())}
        self.plan.publish(self.connection, self.id, by_mid)
        return self

    def come(self) -> Person:
        self.publish()
        self.plan.connected(self.connection)
        return self

    def go(self) -> None:
        self.plan.close(self.connection)

    def subscribe(self, lines: tuple[Line, ...], wish: Wish | None = None) -> ConnectionId:
        here = connection()
        self.plan.subscribe(here, self.id, lines, wish or Wish())
        return here

    def __getitem__(self, source: Source) -> TrackId:
        return self.tracks[source].track_id


def track(owner: ParticipantId, source: Source) -> TrackView:
    kind: Kind = "audio" if source in ("microphone", "screen_audio") else "video"
    return TrackView(
        track_id=TrackId(new_id()), participant_id=owner, kind=kind, source=source, muted=False
    )


def speaker(plan: RoomPlan) -> Person:
    return Person(plan, "microphone", "camera")


def playing(plan: RoomPlan, subscription: ConnectionId) -> dict[str, TrackId | None]:
    return {slot.mid: slot.track_id for slot in plan.slots(subscription)}


def test_a_track_is_nobody_elses_business_until_its_transport_works() -> None:
    plan = RoomPlan()
    ada = speaker(plan).publish()
    viewer = Person(plan).subscribe(PAIR)

    before = playing(plan, viewer)
    plan.connected(ada.connection)

    assert before == {"a0": None, "v0": None}
    assert playing(plan, viewer) == {"a0": ada["microphone"], "v0": ada["camera"]}


def test_a_newcomer_is_announced_and_given_to_those_who_watch() -> None:
    plan = RoomPlan()
    viewer = Person(plan)
    subscription = viewer.subscribe(PAIR)
    ada = speaker(plan).come()

    outputs = plan.take_outputs()

    assert outputs[:2] == [
        TrackCame(ada.connection, "0", ada.tracks["microphone"]),
        TrackCame(ada.connection, "1", ada.tracks["camera"]),
    ]
    assert TracksStand(tuple(ada.tracks.values())) in outputs
    assert Play(subscription, "a0", ada["microphone"]) in outputs
    assert SlotsStand(subscription, viewer.id, plan.slots(subscription)) in outputs


def test_nobody_is_played_to_themselves() -> None:
    plan = RoomPlan()
    ada = speaker(plan).come()

    subscription = ada.subscribe(TWO_PAIRS)

    assert set(playing(plan, subscription).values()) == {None}


def test_one_who_leaves_frees_slots_without_moving_the_others() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan).come(), speaker(plan).come()
    viewer = Person(plan).subscribe(TWO_PAIRS)
    plan.take_outputs()

    ada.go()

    assert playing(plan, viewer) == {
        "a0": None,
        "v0": None,
        "a1": bob["microphone"],
        "v1": bob["camera"],
    }
    assert plan.take_outputs()[:2] == [TrackWent(ada["microphone"]), TrackWent(ada["camera"])]


def test_a_freed_slot_is_handed_to_whoever_had_none() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan).come(), speaker(plan).come()
    viewer = Person(plan).subscribe(PAIR)

    ada.go()

    assert playing(plan, viewer) == {"a0": bob["microphone"], "v0": bob["camera"]}


def test_a_participants_sound_and_picture_share_a_place() -> None:
    plan = RoomPlan()
    Person(plan, "microphone").come()
    bob = speaker(plan).come()

    viewer = Person(plan).subscribe(TWO_PAIRS)

    assert playing(plan, viewer)["a1"] == bob["microphone"]
    assert playing(plan, viewer)["v1"] == bob["camera"]


def test_a_picture_goes_beside_strange_sound_rather_than_nowhere() -> None:
    plan = RoomPlan()
    Person(plan, "microphone").come()
    bob = Person(plan, "camera").come()

    viewer = Person(plan).subscribe(PAIR)

    assert playing(plan, viewer)["v0"] == bob["camera"]


def test_wanted_tracks_play_in_the_order_asked_for_by_kind() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan).come(), speaker(plan).come()
    wish = Wish(tracks=(bob["camera"], ada["microphone"], ada["camera"], bob["microphone"]))

    viewer = Person(plan).subscribe(TWO_PAIRS, wish)

    assert playing(plan, viewer) == {
        "a0": ada["microphone"],
        "a1": bob["microphone"],
        "v0": bob["camera"],
        "v1": ada["camera"],
    }


def test_a_wanted_track_that_ends_leaves_its_slot_empty_and_the_others_alone() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan).come(), speaker(plan).come()
    viewer = Person(plan).subscribe(TWO_PAIRS, Wish(tracks=(ada["camera"], bob["camera"])))

    ada.go()

    assert playing(plan, viewer)["v0"] is None
    assert playing(plan, viewer)["v1"] == bob["camera"]


def test_the_kth_line_of_a_kind_plays_the_kth_feed_even_before_the_first_has_come() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan), speaker(plan).come()
    viewer = Person(plan).subscribe(TWO_PAIRS, Wish(feeds=(ada.id, bob.id)))

    before = playing(plan, viewer)
    ada.come()

    assert before == {"a0": None, "v0": None, "a1": bob["microphone"], "v1": bob["camera"]}
    assert playing(plan, viewer) == before | {"a0": ada["microphone"], "v0": ada["camera"]}


def test_a_feeds_screen_plays_beyond_the_feeds() -> None:
    plan = RoomPlan()
    ada = Person(plan, "screen", "microphone", "camera").come()

    viewer = Person(plan).subscribe(TWO_PAIRS, Wish(feeds=(ada.id,)))

    assert playing(plan, viewer)["v0"] == ada["camera"]
    assert playing(plan, viewer)["v1"] == ada["screen"]


def test_changing_the_wish_changes_what_plays_without_extra_news() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan).come(), speaker(plan).come()
    viewer = Person(plan)
    subscription = viewer.subscribe(PAIR, Wish(tracks=(ada["camera"],)))
    plan.take_outputs()

    slots = plan.subscribe(subscription, viewer.id, PAIR, Wish(tracks=(bob["camera"],)))

    assert [slot.track_id for slot in slots] == [None, bob["camera"]]
    assert plan.take_outputs() == [Play(subscription, "v0", bob["camera"])]


def test_a_track_added_later_comes_by_itself() -> None:
    plan = RoomPlan()
    ada = speaker(plan).come()
    viewer = Person(plan).subscribe(TWO_PAIRS)
    plan.take_outputs()
    screen = track(ada.id, "screen")

    plan.publish(ada.connection, ada.id, {**plan.published(ada.connection), "2": screen})

    assert TrackCame(ada.connection, "2", screen) == plan.take_outputs()[0]
    assert screen.track_id in playing(plan, viewer).values()
    assert playing(plan, viewer)["v0"] == ada["camera"]


def test_muting_is_told_once_and_only_by_its_owner() -> None:
    plan = RoomPlan()
    ada, bob = speaker(plan).come(), speaker(plan).come()
    plan.take_outputs()

    plan.mute(ada.id, ada["microphone"], True)
    plan.mute(ada.id, ada["microphone"], True)

    (news,) = plan.take_outputs()
    assert isinstance(news, TracksStand)
    assert [t.track_id for t in news.tracks if t.muted] == [ada["microphone"]]
    with pytest.raises(KeyError):
        plan.mute(bob.id, ada["camera"], True)


def test_closing_what_is_not_there_changes_nothing() -> None:
    plan = RoomPlan()
    speaker(plan).come()
    plan.take_outputs()

    plan.close(connection())

    assert plan.take_outputs() == []
