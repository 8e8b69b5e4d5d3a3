from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from infra.contract.commands import (
    AddParticipants,
    EndRoom,
    RemoveParticipant,
    Seat,
    UpdateParticipant,
)
from infra.contract.ids import ConnectionId, ParticipantId, RoomId, new_id
from infra.contract.live import CloseParticipant, HoldRoom
from infra.contract.refusals import Reason
from infra.contract.views import DuplicatePolicy, Role, RoomView, TenantConfig
from infra.db import participants
from tests.support.house import House, entering, joining
from workers.rooms.place import place


def policy(duplicates: DuplicatePolicy) -> TenantConfig:
    return TenantConfig(duplicate_participant_policy=duplicates)


def removing(room: RoomView, seat: ParticipantId) -> RemoveParticipant:
    return RemoveParticipant(tenant_id=room.tenant_id, room_id=room.id, participant_id=seat)


def present(house: House, room: RoomView) -> list[str]:
    with house.engine.connect() as connection:
        there = participants.in_room(connection, room.tenant_id, room.id, active=True)
    return [seat.display_name for seat in there]


# --- how many ---


def test_a_room_gives_out_no_more_seats_than_it_has(house: House) -> None:
    room = house.room(house.tenant(), max_participants=2)
    house.come(room, "Ann")
    house.add(room, "Bob")

    assert house.refusal(joining(room.tenant_id, str(room.id), "Cleo")) is Reason.ROOM_FULL


def test_the_tenants_own_limit_caps_the_rooms(house: House) -> None:
    room = house.room(house.tenant(max_participants_per_room=2), max_participants=50)
    house.come(room)
    house.come(room)

    assert house.refusal(joining(room.tenant_id, str(room.id))) is Reason.ROOM_FULL


def test_a_seat_nobody_used_is_given_to_somebody_else_after_a_while(house: House) -> None:
    room = house.room(house.tenant(), max_participants=2)
    slow = house.add(room, "Slow").participant.id
    house.come(room, "Ann")

    house.now += participants.SEAT_HELD_FOR - timedelta(seconds=1)
    assert house.refusal(joining(room.tenant_id, str(room.id))) is Reason.ROOM_FULL
    house.wait(seconds=1)
    house.come(room, "Bob")

    late = entering(room, slow, ConnectionId(new_id()))
    assert house.refusal(late) is Reason.ROOM_FULL
    assert present(house, room) == ["Ann", "Bob"]


def test_who_leaves_makes_place(house: House) -> None:
    room = house.room(house.tenant(), max_participants=2)
    ann = house.add(room).participant.id
    connection = house.enter(room, ann)
    house.come(room)

    house.leave(room, ann, connection)

    assert house.refusal(joining(room.tenant_id, str(room.id))) is None


def test_many_who_join_at_once_fill_the_room_exactly(house: House) -> None:
    room = house.room(house.tenant(), max_participants=5)

    with ThreadPoolExecutor(8) as threads:
        asked = [joining(room.tenant_id, str(room.id)) for _ in range(12)]
        refused = list(threads.map(house.refusal, asked))

    assert refused.count(None) == 5
    assert refused.count(Reason.ROOM_FULL) == 7


# --- who ---


def test_a_seat_asked_for_again_in_the_same_words_is_the_same_seat(house: House) -> None:
    room = house.room(house.tenant(), max_participants=2)
    for asked in (
        joining(room.tenant_id, str(room.id), "Ann"),
        joining(room.tenant_id, str(room.id), "Bob", "bob@school"),
    ):
        first = house.do(asked)

        assert house.do(asked).participant == first.participant


def test_who_is_present_does_not_come_in_twice(house: House) -> None:
    room = house.room(house.tenant())
    house.enter(room, house.add(room, "Ann", "ann@school").participant.id)

    twice = joining(room.tenant_id, str(room.id), "Ann", "ann@school")

    assert house.refusal(twice) is Reason.ALREADY_PRESENT


def test_nobody_is_on_the_way_to_a_session_that_is_over(house: House) -> None:
    room = house.room(house.tenant(), max_participants=2)
    seat = house.add(room, "Ann", "ann@school").participant
    house.add(room, "Bob", "bob@school")
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    again = house.add(room, "Ann", "ann@school").participant

    assert again.id == seat.id
    assert house.add(room, "Cat", "cat@school").participant.display_name == "Cat"


def test_who_left_gets_the_same_seat_and_role_again(house: House) -> None:
    room = house.room(house.tenant())
    first = house.do(
        joining(room.tenant_id, str(room.id), "Ann", "ann@school", role=Role.CO_HOST)
    ).participant
    house.leave(room, first.id, house.enter(room, first.id))

    again = house.add(room, "Ann B.", "ann@school").participant
    house.enter(room, again.id)

    assert (again.id, again.role, again.display_name) == (first.id, Role.CO_HOST, "Ann B.")
    assert present(house, room) == ["Ann B."]


def test_the_newcomer_replaces_whoever_is_there_where_the_tenant_says_so(house: House) -> None:
    room = house.room(house.tenant(policy(DuplicatePolicy.DISCONNECT_EXISTING)))
    pod = house.pod()
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    old = house.do(
        joining(room.tenant_id, str(room.id), "Ann", "ann@school", role=Role.HOST)
    ).participant
    house.enter(room, old.id)

    new = house.add(room, "Ann", "ann@school").participant

    assert new.id != old.id
    assert new.role is Role.HOST
    assert present(house, room) == []
    assert house.log(room)[-1].data["reason"] == "replaced"
    assert house.orders(pod.pod_id)[-1] == CloseParticipant(
        room_id=room.id, epoch=1, version=house.version(room), participant_id=old.id
    )
    # The old client still has its tokens, and tries to come back.
    back = entering(room, old.id, ConnectionId(new_id()))
    assert house.refusal(back) is Reason.PARTICIPANT_UNKNOWN


def test_somebody_may_be_there_twice_where_the_tenant_says_so(house: House) -> None:
    room = house.room(house.tenant(policy(DuplicatePolicy.ALLOW)))
    for _ in range(2):
        house.enter(room, house.add(room, "Ann", "ann@school").participant.id)

    assert present(house, room) == ["Ann", "Ann"]


def test_a_shared_seat_is_found_again_while_its_owner_is_there(house: House) -> None:
    room = house.room(house.tenant(), max_participants=2)
    first = house.add(room, "Ann", "ann@school").participant
    house.enter(room, first.id)

    shared = house.do(
        joining(room.tenant_id, str(room.id), "ann@school", "ann@school", reuse_seat=True)
    )

    assert (shared.participant.id, shared.participant.display_name) == (first.id, "Ann")


# --- roles ---


@pytest.mark.parametrize(
    ("first_is_host", "expected"), [(True, Role.HOST), (False, Role.PRESENTER)]
)
def test_the_first_is_host_only_where_the_tenant_says_so(
    house: House, first_is_host: bool, expected: Role
) -> None:
    room = house.room(house.tenant(TenantConfig(first_participant_is_host=first_is_host)))

    roles = [house.add(room).participant.role for _ in range(2)]

    assert roles == [expected, Role.PRESENTER]


def test_the_first_of_each_session_is_host(house: House) -> None:
    room = house.room(house.tenant(TenantConfig(first_participant_is_host=True)))
    house.come(room)
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))
    house.wait(hours=1)

    assert house.add(room).participant.role is Role.HOST


def test_a_role_that_was_asked_for_is_given(house: House) -> None:
    room = house.room(house.tenant(TenantConfig(first_participant_is_host=True)))
    asked = joining(room.tenant_id, str(room.id), role=Role.ATTENDEE)

    assert house.do(asked).participant.role is Role.ATTENDEE


# --- many at once ---


def test_each_of_many_seats_succeeds_or_fails_by_itself(house: House) -> None:
    room = house.room(house.tenant(), max_participants=3)
    house.enter(room, house.add(room, "Ann", "ann@school").participant.id)
    names = ["Bob", "Ann", "Cleo", "Dan"]

    replied = house.do(
        AddParticipants(
            tenant_id=room.tenant_id,
            room=str(room.id),
            room_id_if_new=RoomId(new_id()),
            seats=tuple(
                Seat(
                    participant_id=ParticipantId(new_id()),
                    display_name=name,
                    external_user_id=f"{name.lower()}@school",
                )
                for name in names
            ),
        )
    )

    outcomes = [result.refusal and result.refusal["reason"] for result in replied.results]
    assert outcomes == [None, Reason.ALREADY_PRESENT, None, Reason.ROOM_FULL]
    assert [result.seat.display_name for result in replied.results] == names
    assert [bool(result.seated) for result in replied.results] == [True, False, True, False]


# --- changing and taking away ---


def test_a_change_to_somebody_present_is_news(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room, "Ann")

    changed = house.do(
        UpdateParticipant(
            tenant_id=room.tenant_id, room_id=room.id, participant_id=ann, role=Role.CO_HOST
        )
    )

    assert (changed.display_name, changed.role) == ("Ann", Role.CO_HOST)
    event = house.log(room)[-1]
    assert event.kind == "participant.updated"
    assert event.data["participant"] == changed.model_dump(mode="json")


def test_nobody_hears_of_changes_to_somebody_who_never_came(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room, "Ann").participant.id

    house.do(
        UpdateParticipant(
            tenant_id=room.tenant_id, room_id=room.id, participant_id=ann, display_name="A."
        )
    )

    assert house.log(room) == []
    assert house.add(room).participant.display_name == "Ann"


def test_who_is_removed_has_left_and_does_not_come_back(house: House) -> None:
    room = house.room(house.tenant())
    pod = house.pod()
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    ann = house.come(room, "Ann")

    house.do(removing(room, ann))

    assert present(house, room) == []
    assert house.log(room)[-1].data["reason"] == "removed"
    closing = house.orders(pod.pod_id)[-1]
    assert closing == CloseParticipant(
        room_id=room.id, epoch=1, version=house.version(room), participant_id=ann
    )
    assert house.refusal(entering(room, ann, ConnectionId(new_id()))) is (
        Reason.PARTICIPANT_UNKNOWN
    )
    assert house.refusal(removing(room, ann)) is Reason.PARTICIPANT_UNKNOWN
    # Whichever pod holds the room next hears of it too.
    house.kill_pod(pod)
    next_pod = house.pod()
    house.redis.set("parley:watched_since", 0)
    with house.begin() as work:
        place(work, house.tools, room.tenant_id, room.id)
    [hold] = house.orders(next_pod.pod_id)
    assert isinstance(hold, HoldRoom)
    assert hold.removed == (ann,)


def test_removing_a_seat_nobody_used_is_no_news(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.add(room).participant.id

    house.do(removing(room, ann))

    assert house.log(room) == []
    with house.engine.connect() as connection:
        assert participants.in_room(connection, room.tenant_id, room.id) == []


def test_a_seat_is_unknown_in_other_rooms_and_to_other_tenants(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    beside = house.room(house.tenant())

    assert house.refusal(removing(beside, ann)) is Reason.PARTICIPANT_UNKNOWN
    foreign = removing(room, ann).model_copy(update={"tenant_id": beside.tenant_id})
    assert house.refusal(foreign) is Reason.ROOM_UNKNOWN
    with house.engine.connect() as connection:
        assert participants.get(connection, beside.tenant_id, room.id, ann) is None
        assert participants.in_room(connection, beside.tenant_id, room.id) == []
