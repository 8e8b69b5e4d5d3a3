"""Many threads on few rows: nobody meets a conflict, and every counter is exact."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from infra.contract.commands import (
    CreateRoom,
    DecideAdmission,
    DeleteTenant,
    EndRoom,
    InviteParticipants,
    RemoveParticipant,
    SendChat,
    StartRecording,
    StartRoom,
    StopRecording,
    UpdateRoom,
    UpdateTenant,
)
from infra.contract.ids import ConnectionId, MessageId, RecordingId, RoomId, new_id
from infra.contract.messages import Command
from infra.contract.views import Admission, RoomState
from infra.db import participants
from infra.db.rooms import count_live
from tests.support.house import House, entering, invitee, joining, joining_as, leaving
from workers.rooms import reap

THREADS = 8


def run(house: House, commands: Sequence[Command[Any]]) -> None:
    """All of them, in no order; what is refused is refused, anything else raises."""
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(house.refusal, commands))


def test_joining_and_leaving_from_everywhere_keeps_count(house: House) -> None:
    tenant = house.tenant()
    rooms = [house.room(tenant, max_participants=50) for _ in range(2)]
    staying, going = [], []
    for room in rooms:
        for n in range(12):
            seat, connection = house.add(room).participant.id, ConnectionId(new_id())
            staying.append(entering(room, seat, connection))
            if n % 2:
                going.append(leaving(room, seat, connection))

    run(house, staying)
    run(house, going)

    for room in rooms:
        assert house.seen(room).participant_count == 6
        log = house.log(room)
        assert [event.seq for event in log] == list(range(1, 19))
        assert house.seen(room).seq == 18


def test_commands_that_cross_each_other_never_lock_each_other_out(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=40)
    rooms = [house.room(tenant, f"room {n}", max_participants=50) for n in range(4)]
    seats = {room.id: [house.come(room) for _ in range(4)] for room in rooms}
    series = [
        house.plan(tenant, recurrence="FREQ=DAILY", config={"waiting_room_enabled": True})
        for _ in range(2)
    ]
    chance = random.Random(7)
    commands: list[Command[Any]] = []
    for _ in range(40):
        room = chance.choice(rooms)
        seat = chance.choice(seats[room.id])
        where = {"tenant_id": tenant.id, "room_id": room.id}
        commands += [
            joining(tenant.id, room.name),
            joining(tenant.id, f"new {chance.randrange(3)}"),
            CreateRoom(room_id=RoomId(new_id()), tenant_id=tenant.id),
            SendChat(message_id=MessageId(new_id()), participant_id=seat, text="hi", **where),
            UpdateRoom(name=room.name, config={"max_participants": 60}, **where),
            UpdateTenant(tenant_id=tenant.id, name="Acme"),
            StartRecording(recording_id=RecordingId(new_id()), **where),
            StopRecording(**where),
            entering(room, seat, ConnectionId(new_id())),
        ]
        planned = chance.choice(series)
        where = {"tenant_id": tenant.id, "room_id": planned.id}
        commands += [
            joining_as(planned, chance.choice(["tess", "ann", "bob"])),
            StartRoom(**where),
            InviteParticipants(invitees=(invitee(f"u{chance.randrange(3)}"),), **where),
            DecideAdmission(admit=chance.random() < 0.5, **where),
            EndRoom(**where),
        ]
    commands += [EndRoom(tenant_id=tenant.id, room_id=room.id) for room in rooms]
    commands += [
        RemoveParticipant(tenant_id=tenant.id, room_id=room.id, participant_id=seats[room.id][0])
        for room in rooms
    ]
    chance.shuffle(commands)

    run(house, commands)

    for planned in series:
        kinds = house.kinds(planned)
        started, ended = kinds.count("room.started"), kinds.count("room.ended")
        state = house.seen(planned).state
        assert started - ended == (1 if state is RoomState.LIVE else 0)
        assert started > 0
        asked = [user for user in ("u0", "u1", "u2") if house.seat(planned, user)]
        assert kinds.count("participant.invited") == len(asked)
    for room in rooms:
        log = house.log(room)
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        joined = sum(event.kind == "participant.joined" for event in log)
        left = sum(event.kind == "participant.left" for event in log)
        assert house.seen(room).participant_count == joined - left
        if house.seen(room).state is RoomState.ENDED:
            assert joined == left


def test_a_tenant_that_closes_while_rooms_are_made_keeps_none(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=100)
    making: list[Command[Any]] = [
        CreateRoom(room_id=RoomId(new_id()), tenant_id=tenant.id) for _ in range(30)
    ]
    making.insert(10, DeleteTenant(tenant_id=tenant.id))

    run(house, making)
    reap.end_rooms_of_closed_tenants(house.tools)

    with house.engine.connect() as connection:
        assert count_live(connection, tenant.id) == 0


def test_however_many_join_at_once_no_more_get_in_than_there_are_places(house: House) -> None:
    tenant = house.tenant(max_participants_per_room=20)
    room = house.plan(tenant, config={"members_only": False, "max_participants": 5})
    house.do(StartRoom(tenant_id=tenant.id, room_id=room.id))
    coming: list[Command[Any]] = [joining_as(room, f"u{n % 12}") for n in range(24)]
    coming += [joining(tenant.id, str(room.id), f"Guest {n}") for n in range(6)]
    random.Random(3).shuffle(coming)

    run(house, coming)

    with house.engine.connect() as connection:
        given = participants.standing(connection, tenant.id, room.id)
        taken = participants.count_taken(connection, tenant.id, room.id, house.now)
    # Tess made the meeting, has a seat in it and did not come.
    assert taken == 5
    assert len([seat for seat in given if seat.held_at is not None]) == 5
    users = [seat.external_user_id for seat in given if seat.external_user_id is not None]
    assert len(users) == len(set(users))
    entering_all = [entering(room, seat.id, ConnectionId(new_id())) for seat in given]
    run(house, entering_all * 2)
    assert house.seen(room).participant_count == 5


def test_who_is_let_in_while_asking_again_stays_let_in(house: House) -> None:
    tenant = house.tenant()
    room = house.plan(tenant, config={"members_only": False, "waiting_room_enabled": True})
    where = {"tenant_id": tenant.id, "room_id": room.id}
    house.do(StartRoom(**where))
    people = [f"u{n}" for n in range(6)]
    for user in people:
        house.join(room, user)

    run(
        house,
        [
            command
            for _ in range(3)
            for command in (
                *(joining_as(room, user) for user in people),
                DecideAdmission(admit=True, **where),
            )
        ],
    )

    seats = [house.seat(room, user) for user in people]
    assert [seat and seat.admission for seat in seats] == [Admission.ADMITTED] * 6
    kinds = house.kinds(room)
    assert (kinds.count("participant.waiting"), kinds.count("participant.admitted")) == (6, 6)


def test_who_is_turned_away_while_asking_again_stays_turned_away(house: House) -> None:
    tenant = house.tenant()
    room = house.plan(tenant, config={"members_only": False, "waiting_room_enabled": True})
    where = {"tenant_id": tenant.id, "room_id": room.id}
    house.do(StartRoom(**where))
    ann = house.join(room, "ann").participant.id
    deciding = DecideAdmission(admit=False, participant_ids=(ann,), **where)

    run(house, [deciding, *(joining_as(room, "ann") for _ in range(6)), deciding])

    seat = house.seat(room, "ann")
    assert seat is not None
    assert (seat.admission, seat.held_at) == (Admission.DENIED, None)
    assert house.kinds(room).count("participant.denied") == 1


def test_a_series_that_ends_while_it_is_started_is_on_or_comes_next_and_never_both(
    house: House,
) -> None:
    tenant = house.tenant()
    room = house.plan(tenant, recurrence="FREQ=DAILY")
    where = {"tenant_id": tenant.id, "room_id": room.id}
    steps: list[Command[Any]] = [StartRoom(**where), EndRoom(**where)] * 12

    run(house, steps)

    seen = house.seen(room)
    log = house.log(room)
    turns = [event.kind for event in log if event.kind in ("room.started", "room.ended")]
    assert turns == ["room.started", "room.ended"] * (len(turns) // 2) + (
        ["room.started"] if seen.state is RoomState.LIVE else []
    )
    # Each end moves the series on by one occurrence, and nothing else does.
    ended = turns.count("room.ended")
    assert seen.starts_at == room.starts_at + timedelta(days=ended)
    assert seen.state in (RoomState.LIVE, RoomState.SCHEDULED)
    assert (seen.started_at is None) is (seen.state is RoomState.SCHEDULED)
    with house.engine.connect() as connection:
        assert count_live(connection, tenant.id) == (seen.state is RoomState.LIVE)
