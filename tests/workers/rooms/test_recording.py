from __future__ import annotations

from sqlalchemy import select

from infra.bus import keys
from infra.contract.commands import EndRoom, PlaceRoom, StartRecording, StopRecording
from infra.contract.ids import RecordingId, new_id
from infra.contract.live import HoldRoom
from infra.contract.refusals import Reason
from infra.contract.views import RecordingState, RoomView, TenantConfig
from infra.db import recordings
from infra.db.tables import Job
from tests.support.house import House

JOBS = Job.metadata.tables["jobs"]


def starting(room: RoomView) -> StartRecording:
    return StartRecording(
        tenant_id=room.tenant_id, room_id=room.id, recording_id=RecordingId(new_id())
    )


def stopping(room: RoomView) -> StopRecording:
    return StopRecording(tenant_id=room.tenant_id, room_id=room.id)


def test_a_recording_starts_in_a_room_where_nobody_is(house: House) -> None:
    room = house.room(house.tenant(), "daily")
    command = starting(room)

    started = house.do(command)

    assert (started.state, started.started_at) == (RecordingState.RECORDING, house.now)
    assert (started.room_name, started.storage_provider) == ("daily", "shelf")
    [event] = house.log(room)
    assert (event.kind, event.data) == (
        "recording.started",
        {"recording_id": str(command.recording_id)},
    )


def test_starting_it_again_in_the_same_words_changes_nothing(house: House) -> None:
    room = house.room(house.tenant())
    command = starting(room)

    assert house.do(command) == house.do(command)
    assert house.kinds(room) == ["recording.started"]


def test_nothing_new_is_recorded_where_the_disk_is_nearly_full(house: House) -> None:
    tenant, full = house.tenant(), house.pod(spool_used=0.85)
    placed, unplaced = house.room(tenant), house.room(tenant)
    house.do(PlaceRoom(tenant_id=tenant.id, room_id=placed.id))

    assert house.refusal(starting(placed)) is Reason.STORAGE_FULL
    assert house.refusal(starting(unplaced)) is Reason.STORAGE_FULL

    house.pod(connections=9, spool_used=0.84)
    assert house.refusal(starting(placed)) is Reason.STORAGE_FULL
    assert house.refusal(starting(unplaced)) is None
    house.report(full.model_copy(update={"spool_used": 0.8}))
    assert house.refusal(starting(placed)) is None


def test_a_full_disk_keeps_nobody_out_of_a_room_that_would_be_recorded(house: House) -> None:
    house.pod(spool_used=0.9)
    wanted = house.room(house.tenant(TenantConfig(auto_start_recording=True)))
    forced = house.room(house.tenant(TenantConfig(force_recording=True)))

    house.come(wanted)
    house.come(forced)

    assert "recording.started" not in house.kinds(wanted)
    # Where every room must be recorded, what little there is is used.
    assert "recording.started" in house.kinds(forced)


def test_the_pod_that_holds_the_room_hears_of_start_and_stop(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    house.do(PlaceRoom(tenant_id=room.tenant_id, room_id=room.id))
    command = starting(room)
    house.do(command)
    house.wait(minutes=1)

    stopped = house.do(stopping(room))

    recorded = [
        order.recording and order.recording.recording_id
        for order in house.orders(pod.pod_id)
        if isinstance(order, HoldRoom)
    ]
    assert recorded == [None, command.recording_id, None]
    assert (stopped.state, stopped.stopped_at) == (RecordingState.PROCESSING, house.now)
    with house.engine.connect() as connection:
        [part] = recordings.parts(connection, command.recording_id)
    assert (part.epoch, part.pod_id, part.spool_id, part.state) == (
        1,
        pod.pod_id,
        pod.spool_id,
        "capturing",
    )


def test_a_room_has_one_recording_at_a_time(house: House) -> None:
    room = house.room(house.tenant())
    house.do(starting(room))
    assert house.refusal(starting(room)) is Reason.ALREADY_RECORDING

    house.do(stopping(room))

    assert house.refusal(starting(room)) is None
    with house.engine.connect() as connection:
        assert len(recordings.of_room(connection, room.tenant_id, room.id)) == 2


def test_what_is_not_recorded_cannot_be_stopped(house: House) -> None:
    room = house.room(house.tenant())
    assert house.refusal(stopping(room)) is Reason.NOT_RECORDING
    house.do(starting(room))
    house.do(stopping(room))

    assert house.refusal(stopping(room)) is Reason.NOT_RECORDING


def test_a_room_may_say_that_it_is_not_recorded(house: House) -> None:
    room = house.room(house.tenant(), recording_enabled=False)

    assert house.refusal(starting(room)) is Reason.RECORDING_DISABLED


def test_an_ended_room_is_not_recorded(house: House) -> None:
    room = house.room(house.tenant())
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    assert house.refusal(starting(room)) is Reason.ROOM_NOT_ACTIVE


def test_another_tenants_room_is_unknown(house: House) -> None:
    room, other = house.room(house.tenant()), house.tenant()
    for command in (starting(room), stopping(room)):
        foreign = command.model_copy(update={"tenant_id": other.id})

        assert house.refusal(foreign) is Reason.ROOM_UNKNOWN


def test_a_recording_no_pod_ever_wrote_is_put_together_at_once(house: House) -> None:
    room = house.room(house.tenant())
    command = starting(room)
    house.do(command)

    house.do(stopping(room))

    with house.engine.connect() as connection:
        [job] = connection.execute(select(JOBS)).all()
    assert (job.kind, job.subject, job.queue) == (
        "compose",
        str(command.recording_id),
        keys.RECORDINGS,
    )


def test_a_recording_some_pod_still_writes_waits_for_it(house: House) -> None:
    room = house.room(house.tenant())
    house.pod()
    house.do(PlaceRoom(tenant_id=room.tenant_id, room_id=room.id))
    house.do(starting(room))

    house.do(stopping(room))

    with house.engine.connect() as connection:
        assert connection.execute(select(JOBS)).all() == []


def test_recordings_are_listed_to_their_tenant_alone(house: House) -> None:
    tenant, other = house.tenant(), house.tenant()
    started = [house.do(starting(house.room(tenant))).id for _ in range(3)]
    house.do(starting(house.room(other)))

    with house.engine.connect() as connection:
        page, total = recordings.page(connection, tenant.id, limit=2, offset=0)
        foreign = recordings.get(connection, other.id, started[0])

    assert [recording.id for recording in page] == [started[2], started[1]]
    assert total == 3
    assert foreign is None


def test_what_a_pod_is_told_says_in_which_order_it_was_decided(house: House) -> None:
    room, pod = house.room(house.tenant()), house.pod()
    house.do(PlaceRoom(tenant_id=room.tenant_id, room_id=room.id))
    ann = house.add(room).participant.id
    connection = house.enter(room, ann)
    house.do(starting(room))
    house.do(stopping(room))
    house.leave(room, ann, connection)
    asked_after = house.do(PlaceRoom(tenant_id=room.tenant_id, room_id=room.id)).version

    versions = [order.version for order in house.orders(pod.pod_id)]

    assert len(versions) == 4
    assert 0 < versions[0] < versions[1] < versions[2] < versions[3] <= asked_after
