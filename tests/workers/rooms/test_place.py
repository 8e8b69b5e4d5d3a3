from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from infra.bus import keys
from infra.bus.port import PodReport
from infra.contract.commands import ClaimRoom, EndRoom, PlaceRoom, StartRecording
from infra.contract.ids import PodId, RecordingId, RoomId, new_id
from infra.contract.live import DropRoom, HoldRoom, RecordingOrder
from infra.contract.refusals import Reason
from infra.contract.views import RoomView
from infra.db import placements, recordings
from tests.support.house import House, joining
from workers.rooms import watch
from workers.rooms.place import SILENT_FOR_S


def placing(room: RoomView) -> PlaceRoom:
    return PlaceRoom(tenant_id=room.tenant_id, room_id=room.id)


def claiming(room: RoomView, pod: PodId, epoch: int) -> ClaimRoom:
    return ClaimRoom(room_id=room.id, pod_id=pod, epoch=epoch)


def lease(house: House, room: RoomView) -> dict[str, object] | None:
    text = house.redis.get(keys.lease(room.id))
    return json.loads(text) if text else None


def watch_for(house: House, seconds: float) -> None:
    """Redis is looked at for so long without a break."""
    watch.look(house.redis, house.now)
    house.wait(seconds=seconds)


def test_a_room_goes_to_the_least_loaded_pod_that_takes_rooms(house: House) -> None:
    room = house.room(house.tenant())
    house.pod(connections=9)
    idle = house.pod(connections=2)
    house.pod(connections=0, draining=True)
    house.kill_pod(house.pod(connections=1))

    placed = house.do(placing(room))

    assert (placed.pod_id, placed.epoch) == (idle.pod_id, 1)
    assert lease(house, room) == {"pod": str(idle.pod_id), "epoch": 1}
    [order] = house.orders(idle.pod_id)
    assert order == HoldRoom(
        room_id=room.id,
        epoch=1,
        version=order.version,
        tenant_id=room.tenant_id,
        recording=None,
    )
    assert house.seen(room).epoch == 1


def test_a_room_goes_where_it_can_be_recorded_if_it_can(house: House) -> None:
    full, other = house.pod(spool_used=0.9), house.room(house.tenant())
    assert house.do(placing(other)).pod_id == full.pod_id

    spacious, room = house.pod(connections=9), house.room(house.tenant())

    assert house.do(placing(room)).pod_id == spacious.pod_id


def test_a_room_stays_where_it_is_while_its_pod_lives(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod(connections=5)
    first = house.do(placing(room))
    house.pod(connections=0)

    assert house.do(placing(room)) == first
    assert len(house.orders(pod.pod_id)) == 1


def test_a_room_of_a_dead_pod_moves_under_a_higher_epoch(house: House) -> None:
    room, dead = house.room(house.tenant()), house.pod()
    house.do(placing(room))
    watch_for(house, SILENT_FOR_S)
    house.kill_pod(dead)
    other = house.pod()

    placed = house.do(placing(room))

    assert (placed.pod_id, placed.epoch) == (other.pod_id, 2)
    assert house.signals(room) == [{"kind": "room.moved", "room_id": str(room.id), "epoch": 2}]
    # Should it only have slept, it hears that its tenure is over when it wakes.
    assert house.orders(dead.pod_id)[-1] == DropRoom(room_id=room.id, epoch=1)


def test_a_pod_is_not_dead_because_redis_came_back_empty(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed = house.do(placing(room))
    watch_for(house, 60)

    house.redis.flushall()
    house.pod()
    watch_for(house, SILENT_FOR_S - 0.1)

    assert house.refusal(placing(room)) is Reason.NO_MEDIA_POD
    house.report(pod)
    again = house.do(placing(room))
    assert (again.pod_id, again.epoch) == (placed.pod_id, placed.epoch)


def test_a_pod_that_never_heard_of_its_room_is_told_again(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    placed = house.do(placing(room))
    house.sent.clear()
    house.redis.flushall()
    house.report(pod)

    again = house.do(placing(room))
    assert (again.pod_id, again.epoch) == (placed.pod_id, placed.epoch)
    assert [order.epoch for order in house.orders(pod.pod_id)] == [1]
    assert lease(house, room) == {"pod": str(pod.pod_id), "epoch": 1}


def test_epochs_grow_over_sessions_and_empty_redises(house: House) -> None:
    tenant = house.tenant()
    room = house.room(tenant)
    pod = house.pod()
    epochs = []
    for _ in range(3):
        epochs.append(house.do(placing(room)).epoch)
        house.do(EndRoom(tenant_id=tenant.id, room_id=room.id))
        house.do(joining(tenant.id, str(room.id)))
        house.redis.flushall()
        house.report(pod)

    assert epochs == [1, 2, 3]


def test_many_who_place_a_room_at_once_place_it_once(house: House) -> None:
    room = house.room(house.tenant())
    for _ in range(3):
        house.pod()

    with ThreadPoolExecutor(8) as threads:
        placed = list(threads.map(house.do, [placing(room)] * 8))

    assert len({(where.pod_id, where.epoch) for where in placed}) == 1
    assert placed[0].epoch == 1


def test_a_room_without_a_pod_to_go_to_is_refused(house: House) -> None:
    room = house.room(house.tenant())
    house.pod(draining=True)

    assert house.refusal(placing(room)) is Reason.NO_MEDIA_POD


def test_a_room_leaves_a_draining_pod_when_another_can_take_it(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    first = house.do(placing(room))
    draining = PodReport.model_validate({**pod.model_dump(), "draining": True})
    house.report(draining)

    assert house.do(placing(room)) == first
    other = house.pod()

    assert house.do(placing(room)).pod_id == other.pod_id
    assert house.orders(pod.pod_id)[-1] == DropRoom(room_id=room.id, epoch=1)


def test_only_live_rooms_of_the_tenant_are_placed(house: House) -> None:
    room = house.room(house.tenant())
    house.pod()
    foreign = placing(room).model_copy(update={"tenant_id": house.tenant().id})
    assert house.refusal(foreign) is Reason.ROOM_UNKNOWN

    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    assert house.refusal(placing(room)) is Reason.ROOM_NOT_ACTIVE


def test_the_recording_goes_on_wherever_the_room_goes(house: House) -> None:
    room, recording_id = house.room(house.tenant()), RecordingId(new_id())
    started = house.do(
        StartRecording(tenant_id=room.tenant_id, room_id=room.id, recording_id=recording_id)
    )
    first = house.pod()
    house.do(placing(room))
    watch_for(house, SILENT_FOR_S)
    house.kill_pod(first)
    second = house.pod()
    house.do(placing(room))

    with house.engine.connect() as connection:
        parts = recordings.parts(connection, recording_id)
    assert [(part.epoch, part.pod_id, part.spool_id) for part in parts] == [
        (1, first.pod_id, first.spool_id),
        (2, second.pod_id, second.spool_id),
    ]
    for pod, epoch in ((first, 1), (second, 2)):
        hold = house.orders(pod.pod_id)[0]
        assert isinstance(hold, HoldRoom)
        assert hold.epoch == epoch
        assert hold.recording == RecordingOrder(
            recording_id=recording_id, started_at=started.started_at
        )


# --- claims ---


def test_the_holder_that_claims_hears_everything_again(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    house.do(placing(room))
    house.redis.flushall()

    house.do(claiming(room, pod.pod_id, 1))

    first, second = house.orders(pod.pod_id)
    assert first.model_copy(update={"version": second.version}) == second
    assert lease(house, room) == {"pod": str(pod.pod_id), "epoch": 1}


def test_a_pod_that_lost_the_room_is_told_to_drop_its_own_tenure(house: House) -> None:
    room, zombie = house.room(house.tenant()), house.pod()
    house.do(placing(room))
    watch_for(house, SILENT_FOR_S)
    house.kill_pod(zombie)
    holder = house.pod()
    house.do(placing(room))

    house.do(claiming(room, zombie.pod_id, 1))

    assert house.orders(zombie.pod_id)[-1] == DropRoom(room_id=room.id, epoch=1)
    assert lease(house, room) == {"pod": str(holder.pod_id), "epoch": 2}
    with house.engine.connect() as connection:
        held = placements.get(connection, room.tenant_id, room.id)
    assert held is not None
    assert (held.pod_id, held.epoch) == (holder.pod_id, 2)


def test_a_claim_to_a_room_that_ended_or_never_was_is_answered_with_a_drop(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    house.do(placing(room))
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))
    unknown = room.model_copy(update={"id": RoomId(new_id())})
    for claimed in (room, unknown):
        house.do(claiming(claimed, pod.pod_id, 1))

        assert house.orders(pod.pod_id)[-1] == DropRoom(room_id=claimed.id, epoch=1)
