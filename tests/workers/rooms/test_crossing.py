"""Many threads on few rows: nobody meets a conflict, and every counter is exact."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
from infra.contract.views import RoomState
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
