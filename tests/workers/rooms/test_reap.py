from __future__ import annotations

from datetime import datetime, timedelta

from infra.bus import keys
from infra.contract.commands import EndRoom, PlaceRoom, StartRecording
from infra.contract.ids import ConnectionId, PodId, RecordingId, RoomId, new_id
from infra.contract.views import RecordingState, RoomState, RoomView, TenantConfig
from infra.db import recordings, rooms
from tests.support.house import House, entering
from workers.rooms import reap
from workers.rooms.place import SILENT_FOR_S

SWEEP = 2.0


def sweep_for(house: House, seconds: float) -> None:
    """The sweeps look every so often while time passes."""
    until = house.now + timedelta(seconds=seconds)
    while house.now <= until:
        reap.look(house.tools)
        reap.forget_vanished(house.tools)
        house.wait(seconds=SWEEP)


def placed(house: House, room: RoomView) -> PodId:
    return house.do(PlaceRoom(tenant_id=room.tenant_id, room_id=room.id)).pod_id


def start_recording(house: House, room: RoomView) -> RecordingId:
    recording_id = RecordingId(new_id())
    house.do(StartRecording(tenant_id=room.tenant_id, room_id=room.id, recording_id=recording_id))
    return recording_id


# --- people who vanished ---


def test_who_is_not_heard_of_has_left(house: House) -> None:
    room = house.room(house.tenant())
    ann, bob = house.come(room, "Ann"), house.come(room, "Bob")
    house.touch(room, ann)

    sweep_for(house, 20)

    assert house.seen(room).participant_count == 1
    left = house.log(room)[-1]
    assert (left.kind, left.data["reason"]) == ("participant.left", "vanished")
    assert left.data["participant"]["id"] == str(bob)


def test_who_vanished_left_when_they_were_heard_last(house: House) -> None:
    room = house.room(house.tenant())
    ann, bob = house.come(room, "Ann"), house.come(room, "Bob")
    house.wait(seconds=40)
    house.touch(room, ann)
    silent_s = keys.PRESENCE_S + 3
    left_ms = (keys.PRESENCE_S + keys.HEARD_S - silent_s) * 1000
    house.redis.set(keys.presence(room.id, bob), 1, px=left_ms)

    sweep_for(house, 20)

    left = house.log(room)[-1]
    assert left.data["participant"]["id"] == str(bob)
    left_at = datetime.fromisoformat(left.data["participant"]["left_at"])
    assert abs((left.at - left_at).total_seconds() - silent_s) < 1


def test_who_only_just_came_is_not_expected_to_have_been_heard_of(house: House) -> None:
    room = house.room(house.tenant())
    sweep_for(house, 60)
    house.come(room)

    sweep_for(house, 8)

    assert house.seen(room).participant_count == 1


def test_nobody_has_left_because_redis_came_back_empty(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    house.touch(room, ann)
    sweep_for(house, 60)

    house.redis.flushall()
    sweep_for(house, 4)
    house.touch(room, ann)
    sweep_for(house, 20)

    assert house.kinds(room) == ["participant.joined"]


def test_a_ghost_connection_goes_when_its_owner_left_through_another(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    house.enter(room, ann)
    house.leave(room, ann, house.enter(room, ann))

    sweep_for(house, 20)

    assert house.kinds(room) == ["participant.joined", "participant.left"]


# --- pods that died ---


def test_a_room_with_people_moves_away_from_a_dead_pod(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed(house, room)
    house.touch(room, house.come(room))
    sweep_for(house, 10)
    house.kill_pod(pod)
    other = house.pod()

    sweep_for(house, SWEEP)

    assert placed(house, room) == other.pod_id
    assert house.seen(room).epoch == 2
    assert [signal["kind"] for signal in house.signals(room)] == ["room.moved"]


def test_a_recorded_room_moves_without_anybody_in_it(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed(house, room)
    start_recording(house, room)
    sweep_for(house, 10)
    house.kill_pod(pod)
    house.pod()

    sweep_for(house, SWEEP)

    assert house.seen(room).epoch == 2


def test_a_room_nobody_uses_stays_until_somebody_comes(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed(house, room)
    sweep_for(house, 10)
    house.kill_pod(pod)
    other = house.pod()

    sweep_for(house, 10)

    assert house.seen(room).epoch == 1
    assert placed(house, room) == other.pod_id


def test_rooms_wait_where_they_are_while_there_is_no_other_pod(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed(house, room)
    house.touch(room, house.come(room))
    house.kill_pod(pod)
    sweep_for(house, 10)
    assert house.seen(room).epoch == 1

    house.pod()
    sweep_for(house, SWEEP)

    assert house.seen(room).epoch == 2


def test_no_room_moves_because_redis_came_back_empty(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed(house, room)
    ann = house.come(room)
    house.touch(room, ann)
    sweep_for(house, 60)

    house.redis.flushall()
    house.pod()
    reap.look(house.tools)
    house.wait(seconds=SILENT_FOR_S / 2)
    reap.look(house.tools)
    house.report(pod)
    house.touch(room, ann)
    sweep_for(house, 20)

    assert house.seen(room).epoch == 1


# --- limits ---


def test_a_room_empty_for_longer_than_its_tenant_likes_is_ended(house: House) -> None:
    patient, hasty = (
        house.room(house.tenant(TenantConfig(empty_room_timeout_minutes=minutes)))
        for minutes in (60, 5)
    )
    busy = house.room(house.tenant(TenantConfig(empty_room_timeout_minutes=5)))
    house.come(busy)

    house.wait(minutes=5, seconds=-1)
    reap.keep_limits(house.tools)
    assert house.seen(hasty).state is RoomState.LIVE
    house.wait(seconds=1)
    reap.keep_limits(house.tools)

    assert house.seen(hasty).state is RoomState.ENDED
    assert house.kinds(hasty) == ["room.ended"]
    assert house.seen(patient).state is RoomState.LIVE
    assert house.seen(busy).state is RoomState.LIVE


def test_the_time_a_room_is_empty_starts_when_the_last_leaves(house: House) -> None:
    room = house.room(house.tenant(TenantConfig(empty_room_timeout_minutes=5)))
    ann = house.add(room).participant.id
    house.wait(minutes=1)
    connection = house.enter(room, ann)
    house.wait(minutes=30)
    house.leave(room, ann, connection)

    house.wait(minutes=4)
    reap.keep_limits(house.tools)
    assert house.seen(room).state is RoomState.LIVE
    house.wait(minutes=1)
    reap.keep_limits(house.tools)

    assert house.seen(room).state is RoomState.ENDED


def test_an_ended_room_is_not_ended_for_being_empty(house: House) -> None:
    room = house.room(house.tenant())
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))
    house.wait(days=2)

    reap.keep_limits(house.tools)

    assert house.kinds(room) == ["room.ended"]


def test_a_recording_stops_when_the_tenants_time_is_up(house: House) -> None:
    room = house.room(house.tenant(max_recording_duration_minutes=10))
    house.come(room)
    recording_id = start_recording(house, room)

    house.wait(minutes=9)
    reap.keep_limits(house.tools)
    assert house.kinds(room)[-1] == "recording.started"
    house.wait(minutes=1)
    reap.keep_limits(house.tools)

    assert house.kinds(room)[-1] == "recording.stopped"
    with house.engine.connect() as connection:
        recording = recordings.get(connection, room.tenant_id, recording_id)
    assert recording is not None
    assert recording.state is RecordingState.PROCESSING
    assert house.seen(room).state is RoomState.LIVE


def test_one_room_that_cannot_be_moved_does_not_keep_the_others(house: House) -> None:
    tenant = house.tenant()
    pod = house.pod()
    made = [house.room(tenant) for _ in range(3)]
    for room in made:
        placed(house, room)
        house.touch(room, house.come(room))
    sweep_for(house, 10)
    house.do(EndRoom(tenant_id=tenant.id, room_id=made[0].id))
    house.kill_pod(pod)
    house.pod()

    sweep_for(house, SWEEP)

    assert [house.seen(room).epoch for room in made] == [1, 2, 2]


def test_a_connection_made_meanwhile_is_kept(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id
    house.enter(room, ann)
    house.wait(seconds=30)
    house.do(entering(room, ann, ConnectionId(new_id())))

    sweep_for(house, 9)

    # The old one is forgotten, the new one is given its time.
    assert house.kinds(room) == ["participant.joined"]
    with house.engine.connect() as connection:
        assert rooms.get(connection, room.tenant_id, RoomId(room.id)) is not None
