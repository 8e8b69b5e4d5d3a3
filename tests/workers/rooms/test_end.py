from __future__ import annotations

from infra.contract.commands import DeleteRoom, DeleteTenant, EndRoom, StartRecording
from infra.contract.ids import RecordingId, new_id
from infra.contract.live import DropRoom, HoldRoom
from infra.contract.refusals import Reason
from infra.contract.views import RecordingState, RoomState, RoomView
from infra.db import placements, recordings, rooms
from tests.support.house import House, joining
from workers.rooms import reap
from workers.rooms.place import place


def ending(room: RoomView) -> EndRoom:
    return EndRoom(tenant_id=room.tenant_id, room_id=room.id)


def test_ending_a_room_ends_it_for_everybody(house: House) -> None:
    room = house.room(house.tenant())
    seats = [house.come(room, name) for name in ("Ann", "Bob")]
    house.wait(minutes=30)

    ended = house.do(ending(room))

    assert (ended.state, ended.ended_at, ended.participant_count) == (
        RoomState.ENDED,
        house.now,
        0,
    )
    assert ended == house.seen(room)
    *_, first, second, last = house.log(room)
    assert [left.data["participant"]["id"] for left in (first, second)] == [str(s) for s in seats]
    assert {left.data["reason"] for left in (first, second)} == {"ended"}
    assert (last.kind, last.data["room"]) == ("room.ended", ended.model_dump(mode="json"))


def test_a_room_ends_once(house: House) -> None:
    room = house.room(house.tenant())
    house.do(ending(room))

    assert house.refusal(ending(room)) is Reason.ROOM_ALREADY_ENDED
    assert house.kinds(room) == ["room.ended"]


def test_connections_of_a_session_that_ended_do_not_last_into_the_next(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    house.do(ending(room))
    house.do(joining(room.tenant_id, str(room.id)))

    house.leave(room, ann, house.enter(room, ann))

    assert house.seen(room).participant_count == 0
    assert house.kinds(room)[-2:] == ["participant.joined", "participant.left"]


def test_the_pod_closes_the_recording_before_it_drops_the_room(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    recording_id = RecordingId(new_id())
    house.do(StartRecording(tenant_id=room.tenant_id, room_id=room.id, recording_id=recording_id))

    house.do(ending(room))

    *_, recording, stopped, dropped = house.orders(pod.pod_id)
    assert isinstance(recording, HoldRoom)
    assert recording.recording is not None
    assert isinstance(stopped, HoldRoom)
    assert stopped.recording is None
    assert dropped == DropRoom(room_id=room.id, epoch=1)
    with house.engine.connect() as connection:
        [kept] = recordings.of_room(connection, room.tenant_id, room.id)
        assert (kept.state, kept.stopped_at) == (RecordingState.PROCESSING, house.now)
        assert placements.get(connection, room.tenant_id, room.id) is None
    assert house.kinds(room) == ["recording.started", "recording.stopped", "room.ended"]


def test_a_deleted_room_is_gone_but_its_recordings_are_not(house: House) -> None:
    room = house.room(house.tenant(), "daily")
    house.do(
        StartRecording(
            tenant_id=room.tenant_id, room_id=room.id, recording_id=RecordingId(new_id())
        )
    )
    house.come(room)
    deleting = DeleteRoom(tenant_id=room.tenant_id, room_id=room.id)

    house.do(deleting)

    with house.engine.connect() as connection:
        assert rooms.get(connection, room.tenant_id, room.id) is None
        assert rooms.page(connection, room.tenant_id, 20, 0) == ([], 0)
        [kept] = recordings.page(connection, room.tenant_id, 20, 0)[0]
    assert kept.room_name == "daily"
    assert house.refusal(deleting) is Reason.ROOM_UNKNOWN
    assert house.refusal(ending(room)) is Reason.ROOM_UNKNOWN
    assert house.refusal(joining(room.tenant_id, str(room.id))) is Reason.ROOM_UNKNOWN
    # Who listens heard that it ended; the name is free for a new room.
    assert house.kinds(room)[-2:] == ["room.ended", "room.deleted"]
    assert house.do(joining(room.tenant_id, "daily")).room_created


def test_an_ended_room_can_be_deleted(house: House) -> None:
    room = house.room(house.tenant())
    house.do(ending(room))

    house.do(DeleteRoom(tenant_id=room.tenant_id, room_id=room.id))

    assert house.kinds(room) == ["room.ended", "room.deleted"]


def test_the_rooms_of_a_closed_tenant_end(house: House) -> None:
    room, others = house.room(house.tenant()), house.room(house.tenant())
    house.come(room)
    house.do(DeleteTenant(tenant_id=room.tenant_id))

    reap.end_rooms_of_closed_tenants(house.tools)

    assert house.seen(room).state is RoomState.ENDED
    assert house.kinds(room) == ["participant.joined", "participant.left", "room.ended"]
    assert house.seen(others).state is RoomState.LIVE
