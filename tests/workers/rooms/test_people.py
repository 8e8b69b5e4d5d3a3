"""What people in a room are and may do."""

from __future__ import annotations

from typing import Any

import pytest

from infra.bus import keys
from infra.contract.commands import LeaveSeat, UpdateParticipant, UpdateRoom
from infra.contract.ids import ParticipantId, TrackId, new_id
from infra.contract.live import MuteTrack
from infra.contract.permissions import Permission
from infra.contract.views import Role, RoomView, TenantConfig, TrackView
from tests.support.house import House
from workers.pods import TRACKS
from workers.rooms.place import place


def update(room: RoomView, seat: ParticipantId, **fields: Any) -> UpdateParticipant:
    return UpdateParticipant(
        tenant_id=room.tenant_id, room_id=room.id, participant_id=seat, **fields
    )


def test_what_a_host_grants_is_merged_and_forgotten_with_a_new_role(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)

    house.do(update(room, ann, granted={Permission.RECORD: True}))
    both = house.do(update(room, ann, granted={Permission.CHAT: False}))

    assert both.granted == {Permission.RECORD: True, Permission.CHAT: False}
    assert both.may(Permission.RECORD) and not both.may(Permission.CHAT)
    attendee = house.do(update(room, ann, role=Role.ATTENDEE))
    assert attendee.granted == {}
    chosen = house.do(
        update(room, ann, role=Role.PRESENTER, granted={Permission.SHARE_SCREEN: False})
    )
    assert not chosen.may(Permission.SHARE_SCREEN)
    assert house.kinds(room) == ["participant.joined"] + ["participant.updated"] * 4
    assert house.do(update(room, ann, role=Role.PRESENTER)).granted == chosen.granted


def test_who_may_not_share_any_more_shares_nothing_from_then_on(house: House) -> None:
    room = house.room(house.tenant())
    pod = house.pod()
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    ann, bob = house.come(room, "Ann"), house.come(room, "Bob")
    camera, screen, his = (
        TrackView(track_id=TrackId(new_id()), participant_id=who, kind="video", source=source)
        for who, source in ((ann, "camera"), (ann, "screen"), (bob, "screen"))
    )
    house.redis.set(keys.tracks(room.id), TRACKS.dump_json([camera, screen, his]))

    house.do(update(room, ann, role=Role.ATTENDEE))
    house.do(update(room, ann, display_name="Ann Lee"))

    muted = [order for order in house.orders(pod.pod_id) if isinstance(order, MuteTrack)]
    assert [(order.participant_id, order.track_id, order.muted) for order in muted] == [
        (ann, screen.track_id, True)
    ]


@pytest.mark.parametrize(
    ("switched", "silent"),
    [
        ({"video_enabled": False}, ["camera"]),
        ({"screen_sharing_enabled": False}, ["screen"]),
        ({"audio_enabled": False, "video_enabled": False}, ["camera", "microphone"]),
        ({"chat_enabled": False}, []),
    ],
)
def test_what_a_live_room_goes_without_is_muted_for_everybody(
    house: House, switched: dict[str, bool], silent: list[str]
) -> None:
    room = house.room(house.tenant())
    pod = house.pod()
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    ann, bob = house.come(room, "Ann"), house.come(room, "Bob")
    sent = [
        TrackView(track_id=TrackId(new_id()), participant_id=who, kind="video", source=source)
        for who, source in ((ann, "camera"), (bob, "microphone"), (bob, "screen"))
    ]
    house.redis.set(keys.tracks(room.id), TRACKS.dump_json(sent))

    change = UpdateRoom(tenant_id=room.tenant_id, room_id=room.id, config=switched)
    house.do(change)

    muted = {each.track_id for each in house.orders(pod.pod_id) if isinstance(each, MuteTrack)}
    assert sorted(each.source for each in sent if each.track_id in muted) == silent


def test_a_recording_ends_where_nothing_is_recorded_any_more(house: House) -> None:
    room = house.room(house.tenant(TenantConfig(force_recording=True)))
    house.come(room)
    assert house.kinds(room)[-1] == "recording.started"

    off = {"recording_enabled": False}
    house.do(UpdateRoom(tenant_id=room.tenant_id, room_id=room.id, config=off))

    assert house.kinds(room)[-1] == "recording.stopped"


def test_who_is_to_be_told_of_a_change_goes_along_with_it(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)

    house.do(update(room, ann, role=Role.ATTENDEE, notify_participant=False, notify_others=False))

    told = house.log(room)[-1].data
    assert (told["notify_participant"], told["notify"]) == (False, False)


def test_who_quits_leaves_by_every_connection_and_keeps_the_seat(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    house.enter(room, ann)

    leaving = LeaveSeat(tenant_id=room.tenant_id, room_id=room.id, participant_id=ann)
    house.do(leaving)
    house.do(leaving)

    assert house.kinds(room) == ["participant.joined", "participant.left"]
    assert house.log(room)[-1].data["reason"] == "quit"
    house.enter(room, ann)
    assert house.kinds(room)[-1] == "participant.joined"
