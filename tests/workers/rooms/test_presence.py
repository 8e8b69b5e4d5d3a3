from __future__ import annotations

import pytest

from infra.contract.commands import EndRoom, StopRecording
from infra.contract.ids import ConnectionId, ParticipantId, new_id
from infra.contract.live import CloseParticipant
from infra.contract.refusals import Reason
from infra.contract.views import TenantConfig
from infra.db import connections, rooms
from tests.support.house import House, entering, leaving
from workers.rooms.place import place


def test_the_newcomer_sees_everybody_and_everybody_hears_of_them(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room, "Ann")
    bob = house.add(room, "Bob").participant.id

    entered = house.do(entering(room, bob, ConnectionId(new_id())))

    assert [seat.id for seat in entered.participants] == [ann, bob]
    assert entered.participant.joined_at == house.now
    assert (entered.room.participant_count, entered.room.seq) == (2, 2)
    joined = house.log(room)[-1]
    assert (joined.kind, joined.seq) == ("participant.joined", 2)
    assert joined.data["participant"] == entered.participant.model_dump(mode="json")


def test_entering_twice_on_one_connection_changes_nothing(house: House) -> None:
    room = house.room(house.tenant())
    command = entering(room, house.add(room).participant.id, ConnectionId(new_id()))
    first = house.do(command)
    house.wait(seconds=3)

    assert house.do(command) == first
    assert house.kinds(room) == ["participant.joined"]


def test_who_has_two_connections_leaves_with_the_last(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    socket, session = house.enter(room, ann), house.enter(room, ann)

    house.leave(room, ann, socket)
    assert house.seen(room).participant_count == 1
    house.leave(room, ann, session)

    assert house.seen(room).participant_count == 0
    assert house.kinds(room) == ["participant.joined", "participant.left"]


def test_leaving_twice_is_leaving_once(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    connection = house.enter(room, ann)

    house.leave(room, ann, connection)
    house.leave(room, ann, connection)

    assert house.kinds(room) == ["participant.joined", "participant.left"]


def test_nobody_leaves_who_did_not_join(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id

    house.do(leaving(room, ann, ConnectionId(new_id())))
    house.do(leaving(room, ParticipantId(new_id()), ConnectionId(new_id())))

    assert house.log(room) == []


def test_who_comes_back_has_joined_again_and_is_first_seen_as_before(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    came = house.now
    house.leave(room, ann, house.enter(room, ann))
    house.wait(minutes=5)

    back = house.do(entering(room, ann, ConnectionId(new_id()))).participant

    assert (back.joined_at, back.left_at) == (came, None)
    assert house.kinds(room) == ["participant.joined", "participant.left", "participant.joined"]


def test_a_reload_whose_new_connection_comes_first_is_no_news(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    old = house.enter(room, ann)
    house.enter(room, ann)

    house.leave(room, ann, old)

    assert house.kinds(room) == ["participant.joined"]


def test_media_of_who_left_is_closed(house: House) -> None:
    room = house.room(house.tenant())
    pod = house.pod()
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    ann = house.add(room).participant.id

    house.leave(room, ann, house.enter(room, ann))

    assert house.orders(pod.pod_id)[-1] == CloseParticipant(
        room_id=room.id, epoch=1, version=house.version(room), participant_id=ann
    )


def test_a_connection_belongs_to_one_participant(house: House) -> None:
    room = house.room(house.tenant())
    connection = house.enter(room, house.add(room, "Ann").participant.id)
    bob = house.add(room, "Bob").participant.id

    assert house.refusal(entering(room, bob, connection)) is Reason.SESSION_UNKNOWN
    assert house.seen(room).participant_count == 1


def test_an_ended_room_cannot_be_entered(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    back = entering(room, ann, ConnectionId(new_id()))

    assert house.refusal(back) is Reason.ROOM_NOT_ACTIVE


def test_a_seat_of_another_room_does_not_open_this_one(house: House) -> None:
    tenant = house.tenant()
    room, other = house.room(tenant), house.room(tenant)
    ann = house.add(other).participant.id

    assert house.refusal(entering(room, ann, ConnectionId(new_id()))) is Reason.PARTICIPANT_UNKNOWN


def test_a_room_knows_since_when_it_is_empty(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id

    def empty_since() -> object:
        with house.begin() as work:
            locked = rooms.lock(work.connection, room.tenant_id, room.id)
            assert locked is not None
            return locked.empty_since

    assert empty_since() == room.created_at
    connection = house.enter(room, ann)
    assert empty_since() is None
    house.wait(minutes=1)
    house.leave(room, ann, connection)
    assert empty_since() == house.now


# --- recorded from the first on ---


def test_the_first_to_enter_starts_the_recording_where_the_tenant_wants_it(house: House) -> None:
    for config in (TenantConfig(force_recording=True), TenantConfig(auto_start_recording=True)):
        room = house.room(house.tenant(config))
        seated = house.add(room)
        assert seated.should_start_recording

        first = house.do(entering(room, seated.participant.id, ConnectionId(new_id())))
        second = house.do(entering(room, house.add(room).participant.id, ConnectionId(new_id())))

        assert first.recording_id is not None
        assert second.recording_id == first.recording_id
        assert house.kinds(room) == [
            "participant.joined",
            "recording.started",
            "participant.joined",
        ]


@pytest.mark.parametrize(
    ("config", "recorded_again"),
    [
        (TenantConfig(auto_start_recording=True), False),
        (TenantConfig(force_recording=True), True),
    ],
)
def test_a_recording_that_was_stopped_starts_by_itself_only_where_every_room_must_be_recorded(
    house: House, config: TenantConfig, recorded_again: bool
) -> None:
    room = house.room(house.tenant(config))
    house.come(room, "Ann")
    house.do(StopRecording(tenant_id=room.tenant_id, room_id=room.id))

    bob = house.add(room, "Bob")
    entered = house.do(entering(room, bob.participant.id, ConnectionId(new_id())))

    assert bob.should_start_recording is recorded_again
    assert (entered.recording_id is not None) is recorded_again


def test_the_next_session_is_recorded_from_its_first_on_again(house: House) -> None:
    room = house.room(house.tenant(TenantConfig(auto_start_recording=True)))
    house.come(room, "Ann")
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))
    house.wait(minutes=5)

    bob = house.add(room, "Bob").participant.id
    entered = house.do(entering(room, bob, ConnectionId(new_id())))

    assert entered.recording_id is not None


def test_a_room_that_must_not_be_recorded_is_not(house: House) -> None:
    room = house.room(house.tenant(TenantConfig(force_recording=True)), recording_enabled=False)
    seated = house.add(room)

    entered = house.do(entering(room, seated.participant.id, ConnectionId(new_id())))

    assert not seated.should_start_recording
    assert entered.recording_id is None


def test_every_connection_is_gone_after_the_last_leaves(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    house.leave(room, ann, house.enter(room, ann))
    house.wait(hours=1)

    with house.engine.connect() as connection:
        assert connections.connected_before(connection, house.now) == []
