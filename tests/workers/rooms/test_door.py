"""Joining meetings: who comes in, who waits, who is turned away, and what each can do till then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from infra.contract.commands import (
    AskAdmission,
    DecideAdmission,
    EndRoom,
    JoinRoom,
    LeaveSeat,
    OneUse,
    SendChat,
    StartRoom,
    UpdateParticipant,
    UpdateRoom,
)
from infra.contract.ids import ConnectionId, MessageId, ParticipantId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import Admission, Role, RoomState, RoomView, TenantConfig
from infra.db import participants, rooms
from infra.db.participants import SEAT_HELD_FOR
from tests.support.house import House, entering, invitee, joining, joining_as


def of(room: RoomView) -> dict[str, Any]:
    return {"tenant_id": room.tenant_id, "room_id": room.id}


def live(house: House, **config: Any) -> RoomView:
    """A live meeting of Tess, to which Ann is invited."""
    room = house.plan(house.tenant(), config=config, invitees=(invitee("ann"),))
    house.do(StartRoom(**of(room)))
    return room


def decide(room: RoomView, *seats: ParticipantId, admit: bool = True) -> DecideAdmission:
    return DecideAdmission(**of(room), participant_ids=seats or None, admit=admit)


def waiting(house: House, room: RoomView) -> list[str | None]:
    with house.engine.connect() as connection:
        found = participants.waiting(connection, room.tenant_id, room.id)
    return [seat.external_user_id for seat in found]


LET_IN, WAITS, NOT_A_MEMBER = "let in", "waits", "not a member"


@pytest.mark.parametrize(
    ("rules", "ann", "zoe"),
    [
        ({"members_only": False}, LET_IN, LET_IN),
        ({"members_only": True}, LET_IN, NOT_A_MEMBER),
        ({"require_host_approval": True}, LET_IN, WAITS),
        ({"members_only": False, "require_host_approval": True}, LET_IN, WAITS),
        ({"waiting_room_enabled": True}, WAITS, WAITS),
        ({"members_only": False, "waiting_room_enabled": True}, WAITS, WAITS),
    ],
)
def test_the_rules_of_the_room_decide_who_comes_in(
    house: House, rules: dict[str, bool], ann: str, zoe: str
) -> None:
    room = live(house, **rules)

    def came(command: JoinRoom) -> str:
        if house.refusal(command) is Reason.NOT_A_MEMBER:
            return NOT_A_MEMBER
        return WAITS if house.do(command).waiting else LET_IN

    # Hosts never wait, and nor does who leads by a code or a key.
    assert came(joining_as(room, "tess")) == LET_IN
    assert came(joining_as(room, "boss", leads=True)) == LET_IN
    assert came(joining_as(room, "ann")) == ann
    assert came(joining_as(room, "zoe")) == zoe


def test_a_user_has_one_seat_however_often_they_join(house: House) -> None:
    room = live(house)

    seats = {house.join(room, "ann").participant.id for _ in range(3)}

    assert len(seats) == 1
    assert house.join(room, "ann", display_name="Ann Lee").participant.display_name == "Ann Lee"


def test_who_made_the_meeting_and_who_leads_are_hosts(house: House) -> None:
    room = live(house, members_only=False)

    assert house.join(room, "tess").participant.role is Role.HOST
    assert house.join(room, "boss", leads=True).participant.role is Role.HOST
    assert house.join(room, "zoe").participant.role is Role.ATTENDEE
    promoted = house.join(room, "zoe", leads=True).participant
    assert (promoted.role, promoted.external_user_id) == (Role.HOST, "zoe")


def test_an_invitation_to_an_address_is_theirs_who_have_it(house: House) -> None:
    room = house.plan(
        house.tenant(),
        invitees=(invitee(email="Bob@School.example", name="Bob", role=Role.PRESENTER),),
    )
    house.do(StartRoom(**of(room)))
    assert house.refusal(joining_as(room, "eve")) is Reason.NOT_A_MEMBER

    joined = house.join(room, "bob", email="bob@school.example").participant

    assert (joined.display_name, joined.role) == ("Bob", Role.PRESENTER)
    assert house.join(room, "bob").participant.id == joined.id
    # It is taken: another with the same address is somebody else.
    again = joining_as(room, "eve", email="bob@school.example")
    assert house.refusal(again) is Reason.NOT_A_MEMBER


def test_a_code_is_good_for_one_command(house: House) -> None:
    room = live(house)
    code = OneUse(jti=new_id(), expires_at=house.now + timedelta(hours=1))
    house.join(room, "boss", leads=True, code=code)

    refused = house.refusal(joining_as(room, "eve", leads=True, code=code))

    assert refused is Reason.BAD_CREDENTIALS


# --- before it starts, and after ---


@pytest.mark.parametrize("early", [True, False])
def test_a_host_starts_the_meeting_by_coming_and_others_where_that_is_allowed(
    house: House, early: bool
) -> None:
    tenant = house.tenant(TenantConfig(allow_early_join=early))
    by_ann, by_tess = (house.plan(tenant, invitees=(invitee("ann"),)) for _ in range(2))

    refused = house.refusal(joining_as(by_ann, "ann"))

    assert refused is (None if early else Reason.ROOM_NOT_STARTED)
    assert house.seen(by_ann).state is (RoomState.LIVE if early else RoomState.SCHEDULED)
    assert house.join(by_tess, "tess").room.state is RoomState.LIVE
    assert not house.join(by_tess, "ann").waiting
    assert house.kinds(by_tess) == ["room.started"]


def test_who_may_not_come_in_starts_nothing(house: House) -> None:
    tenant = house.tenant()
    guarded = house.plan(tenant, config={"waiting_room_enabled": True})
    closed = house.plan(tenant)

    assert house.join(guarded, "zoe").waiting
    assert house.refusal(joining_as(closed, "zoe")) is Reason.NOT_A_MEMBER

    assert house.seen(guarded).state is house.seen(closed).state is RoomState.SCHEDULED


def test_starting_by_joining_counts_towards_the_quota(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=1)
    house.room(tenant)

    refused = house.refusal(joining_as(house.plan(tenant), "tess"))

    assert refused is Reason.ROOM_QUOTA_REACHED


def test_a_meeting_that_is_over_is_joined_by_nobody(house: House) -> None:
    room = live(house)
    house.do(EndRoom(**of(room)))

    assert house.refusal(joining_as(room, "tess")) is Reason.ROOM_OVER
    unknown = joining_as(room.model_copy(update={"id": new_id()}), "tess")
    assert house.refusal(unknown) is Reason.ROOM_UNKNOWN


def test_a_full_meeting_refuses_and_seats_kept_for_the_invited_do_not_fill_it(house: House) -> None:
    room = house.plan(
        house.tenant(),
        config={"max_participants": 2},
        invitees=tuple(invitee(user) for user in ("ann", "bob", "cem")),
    )
    house.do(StartRoom(**of(room)))
    house.join(room, "ann")
    house.join(room, "bob")

    assert house.refusal(joining_as(room, "cem")) is Reason.ROOM_FULL
    # They did not come: their places are not held for ever. Asking again holds one anew.
    house.wait(seconds=SEAT_HELD_FOR.total_seconds() - 1)
    house.join(room, "bob")
    house.wait(seconds=2)
    house.join(room, "cem")
    assert house.refusal(joining_as(room, "ann")) is Reason.ROOM_FULL


# --- waiting ---


def test_who_waits_is_told_of_once_and_comes_in_when_let_in(house: House) -> None:
    room = live(house, waiting_room_enabled=True)

    first, again = house.join(room, "ann"), house.join(room, "ann")

    seat = first.participant.id
    assert first.waiting and again.waiting and again.participant.id == seat
    assert house.kinds(room) == ["room.started", "participant.waiting"]
    assert house.refusal(entering(room, seat, ConnectionId(new_id()))) is Reason.AWAITING_ADMISSION
    assert waiting(house, room) == ["ann"]

    house.do(decide(room))

    assert waiting(house, room) == []
    assert house.kinds(room)[-1] == "participant.admitted"
    assert not house.join(room, "ann").waiting
    house.enter(room, seat)
    house.do(decide(room, seat))
    assert house.kinds(room)[-1] == "participant.joined"


def test_who_is_turned_away_stays_out_until_the_session_ends_or_a_host_thinks_again(
    house: House,
) -> None:
    room = live(house, waiting_room_enabled=True, members_only=False)
    ann, zoe = (house.join(room, user).participant.id for user in ("ann", "zoe"))

    house.do(DecideAdmission(**of(room), admit=False, reason="another day"))

    assert house.log(room)[-1].data["reason"] == "another day"
    for user, seat in (("ann", ann), ("zoe", zoe)):
        assert house.refusal(joining_as(room, user)) is Reason.ADMISSION_DENIED
        entered = house.refusal(entering(room, seat, ConnectionId(new_id())))
        assert entered is Reason.ADMISSION_DENIED
    house.do(decide(room, zoe))
    assert not house.join(room, "zoe").waiting

    # Another session knows nothing of it, and everybody waits anew.
    house.do(EndRoom(**of(room)))
    house.do(joining(room.tenant_id, str(room.id), "Tess", "tess", role=Role.HOST))
    assert house.join(room, "ann").waiting
    assert house.join(room, "zoe").waiting


def test_letting_somebody_in_who_is_then_turned_away_sees_them_out(house: House) -> None:
    room = live(house, waiting_room_enabled=True)
    seat = house.join(room, "ann").participant.id
    house.do(decide(room))
    house.enter(room, seat)

    house.do(decide(room, seat, admit=False))

    assert house.kinds(room)[-2:] == ["participant.denied", "participant.left"]
    assert house.seen(room).participant_count == 0


def test_approval_is_asked_for_once(house: House) -> None:
    room = live(house, require_host_approval=True)
    seat = house.join(room, "zoe").participant
    assert seat.invited_at is None
    with house.engine.connect() as connection:
        assert rooms.of_user(connection, room.tenant_id, "zoe", 10) == []

    house.do(decide(room, seat.id))

    with house.engine.connect() as connection:
        assert [r.id for r in rooms.of_user(connection, room.tenant_id, "zoe", 10)] == [room.id]
    house.do(EndRoom(**of(room)))
    house.do(joining(room.tenant_id, str(room.id), "Tess", "tess", role=Role.HOST))
    assert not house.join(room, "zoe").waiting


def test_only_who_has_a_seat_is_decided_about_and_only_who_asked(house: House) -> None:
    room = live(house)
    ann = house.join(room, "ann").participant.id

    house.do(decide(room, ann, admit=False))

    assert house.refusal(decide(room, ParticipantId(new_id()))) is Reason.PARTICIPANT_UNKNOWN
    assert house.kinds(room) == ["room.started"]
    assert not house.join(room, "ann").waiting


def test_nobody_waits_any_longer_where_nobody_has_to(house: House) -> None:
    room = live(house, waiting_room_enabled=True)
    ann, zoe = (house.join(room, user).participant.id for user in ("ann", "zoe"))

    house.do(UpdateRoom(**of(room), config={"waiting_room_enabled": False}))

    house.enter(room, ann)
    # Ann was invited. Zoe was not, and nobody let her in.
    assert waiting(house, room) == ["zoe"]
    entered = house.refusal(entering(room, zoe, ConnectionId(new_id())))
    assert entered is Reason.AWAITING_ADMISSION


def test_who_becomes_a_host_need_not_wait(house: House) -> None:
    room = live(house, waiting_room_enabled=True)
    ann = house.join(room, "ann").participant.id

    house.do(UpdateParticipant(**of(room), participant_id=ann, role=Role.CO_HOST))

    house.enter(room, ann)
    assert waiting(house, room) == []


def test_who_waits_may_stop_waiting(house: House) -> None:
    room = live(house, waiting_room_enabled=True)
    ann = house.join(room, "ann").participant.id

    house.do(LeaveSeat(**of(room), participant_id=ann))

    assert waiting(house, room) == []


def test_who_waits_says_nothing(house: House) -> None:
    room = live(house, waiting_room_enabled=True)
    ann = house.join(room, "ann").participant.id
    saying = SendChat(**of(room), message_id=MessageId(new_id()), participant_id=ann, text="hello")

    assert house.refusal(saying) is Reason.AWAITING_ADMISSION
    house.do(decide(room, ann, admit=False))
    assert house.refusal(saying) is Reason.ADMISSION_DENIED


# --- seats that are given out ---


def test_a_seat_given_out_opens_nothing_until_its_owner_is_let_in(house: House) -> None:
    room = house.room(house.tenant(), waiting_room_enabled=True, max_participants=2)
    host = house.do(joining(room.tenant_id, str(room.id), "Tess", role=Role.HOST)).participant
    house.enter(room, host.id)

    ann, bob = house.add(room, "Ann").participant, house.add(room, "Bob").participant

    assert (ann.admission, host.admission) == (Admission.WAITING, None)
    assert house.refusal(entering(room, ann.id, ConnectionId(new_id()))) is (
        Reason.AWAITING_ADMISSION
    )
    house.do(decide(room))
    house.enter(room, bob.id)
    # Who is let in is promised no place, or two would keep each other out of the last one.
    assert house.refusal(entering(room, ann.id, ConnectionId(new_id()))) is Reason.ROOM_FULL


def test_the_owner_of_an_old_seat_asks_anew_in_each_session(house: House) -> None:
    room = house.room(house.tenant(), waiting_room_enabled=True)
    ann = house.add(room, "Ann").participant.id
    house.do(decide(room))
    house.enter(room, ann)
    house.do(EndRoom(**of(room)))
    house.do(joining(room.tenant_id, str(room.id), "Tess", role=Role.HOST))
    assert house.refusal(entering(room, ann, ConnectionId(new_id()))) is Reason.AWAITING_ADMISSION

    asking = AskAdmission(**of(room), participant_id=ann)
    house.do(asking)
    house.do(asking)

    assert house.kinds(room)[-1] == "participant.waiting"
    house.do(decide(room, ann))
    house.enter(room, ann)
    house.do(asking)
    assert house.kinds(room)[-1] == "participant.joined"


def test_a_seat_nobody_vouches_for_is_given_as_the_rules_have_it(house: House) -> None:
    room = live(house)

    def asked(user: str, **more: Any) -> Reason | None:
        return house.refusal(joining(room.tenant_id, str(room.id), user, user, **more))

    assert asked("zoe", vouched=False) is Reason.NOT_A_MEMBER
    assert asked("ann", vouched=False) is None
    assert asked("zoe") is None
    # Given by a host, which is an invitation.
    assert not house.join(room, "zoe").waiting
