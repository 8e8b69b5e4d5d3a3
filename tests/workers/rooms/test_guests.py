"""People who are asked to meetings: their seats, their names, and what they are written."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from infra.contract.commands import (
    CancelRoom,
    InviteParticipants,
    Person,
    RemoveParticipants,
    UpdateRoom,
)
from infra.contract.ids import ParticipantId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import Invitation, Role, RoomView
from infra.db import participants, people, rooms
from infra.settings import settings
from tests.support.house import House, entering, invitee, joining_as


def of(room: RoomView) -> dict[str, Any]:
    return {"tenant_id": room.tenant_id, "room_id": room.id}


def know(house: House, room: RoomView, *known: Person) -> None:
    with house.begin() as work:
        people.put(work.connection, room.tenant_id, known, source="api", now=work.now)


def test_each_of_those_asked_has_one_seat_under_the_name_there_is_for_them(house: House) -> None:
    room = house.plan(house.tenant())
    know(
        house,
        room,
        Person(user_id="u1", name="Ann Lee", email="ann@school.example"),
        Person(user_id="u2", email="bob@school.example"),
    )

    invited = house.do(
        InviteParticipants(
            **of(room),
            invitees=(
                invitee("u1"),
                invitee(email="BOB@school.example", role=Role.CO_HOST),
                invitee(email="cem.kaya@else.example"),
                invitee("u4", name="Dora"),
                invitee(email="ann@school.example"),
                invitee("tess"),
                invitee(phone="+49 30 1"),
            ),
        )
    )

    assert [
        (seat.display_name, seat.external_user_id, seat.email, seat.role)
        for seat in invited.participants
    ] == [
        ("Ann Lee", "u1", "ann@school.example", Role.ATTENDEE),
        ("u2", "u2", "BOB@school.example", Role.CO_HOST),
        ("cem.kaya", None, "cem.kaya@else.example", Role.ATTENDEE),
        ("Dora", "u4", None, Role.ATTENDEE),
        ("Ann Lee", "u1", "ann@school.example", Role.ATTENDEE),
        ("tess", "tess", None, Role.HOST),
        ("Guest", None, None, Role.ATTENDEE),
    ]
    assert invited.added == 5
    assert house.kinds(room) == ["participant.invited"] * 5
    assert house.seen(room).version > room.version
    assert all(seat.held_at is None for seat in invited.participants)


def test_asking_again_changes_nothing(house: House) -> None:
    room = house.plan(house.tenant(), invitees=(invitee("ann"),))

    again = house.do(
        InviteParticipants(**of(room), invitees=(invitee("ann", role=Role.HOST), invitee("ann")))
    )

    assert again.added == 0
    assert {(seat.external_user_id, seat.role) for seat in again.participants} == {
        ("ann", Role.ATTENDEE)
    }
    assert house.seen(room) == room


def test_who_came_by_themselves_and_is_asked_then_belongs_to_the_meeting(house: House) -> None:
    room = house.room(house.tenant())
    house.join(room, "zoe")
    house.do(UpdateRoom(**of(room), config={"members_only": True}))
    house.wait(minutes=5)
    assert house.refusal(joining_as(room, "zoe")) is Reason.NOT_A_MEMBER

    invited = house.do(InviteParticipants(**of(room), invitees=(invitee("zoe"),)))

    assert invited.added == 0
    assert not house.join(room, "zoe").waiting


def test_nobody_is_asked_to_what_is_over(house: House) -> None:
    room = house.plan(house.tenant())
    house.do(CancelRoom(**of(room)))

    refused = house.refusal(InviteParticipants(**of(room), invitees=(invitee("ann"),)))

    assert refused is Reason.ROOM_OVER


def test_a_whole_school_is_asked_and_unasked_in_few_statements(house: House) -> None:
    room = house.plan(house.tenant())
    school = tuple(invitee(f"u{n}") for n in range(200))
    with_addresses = tuple(invitee(f"u{n}", email=f"u{n}@x.example") for n in range(200))
    statements: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(house.engine, "before_cursor_execute", count)
    for invitees in (school, with_addresses, ()):
        house.do(UpdateRoom(**of(room), invitees=invitees))
    event.remove(house.engine, "before_cursor_execute", count)

    with house.engine.connect() as connection:
        left = participants.standing(connection, room.tenant_id, room.id)
    assert [seat.external_user_id for seat in left] == ["tess"]
    assert len(statements) < 60


def test_those_with_an_address_are_written_to(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = house.plan(house.tenant())
    inviting = InviteParticipants(
        **of(room),
        invitees=(invitee("ann", email="ann@school.example"), invitee("bob")),
        send_invitation=True,
        message="do come",
    )
    assert {seat.invitation for seat in house.do(inviting).participants} == {None}
    monkeypatch.setenv("PARLEY_SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    try:
        ann, bob = house.do(inviting).participants
        house.do(UpdateRoom(**of(room), location="elsewhere"))
        house.do(UpdateRoom(**of(room), metadata={"colour": "red"}))
        house.do(CancelRoom(**of(room)))
    finally:
        monkeypatch.undo()
        settings.cache_clear()

    assert (ann.invitation, bob.invitation) == (Invitation.QUEUED, None)
    rung = [left for left in house.sent if left.topic == "bell" and left.key == "mail"]
    assert len(rung) == 3


# --- and who is seen out ---


def test_several_are_removed_at_once_and_strangers_are_passed_over(house: House) -> None:
    room = house.plan(house.tenant(), invitees=(invitee("ann"), invitee("bob")))
    house.join(room, "tess")
    ann = house.join(room, "ann").participant.id
    connection = house.enter(room, ann)
    bob = house.seat(room, "bob")
    assert bob is not None
    before = house.seen(room).version

    removed = house.do(
        RemoveParticipants(
            **of(room),
            participant_ids=(ann, bob.id, ann, ParticipantId(new_id())),
            reason="too loud",
            notify_existing=False,
        )
    )

    assert [seat.external_user_id for seat in removed.participants] == ["ann", "bob"]
    assert house.kinds(room)[-3:] == [
        *("participant.removed", "participant.left", "participant.removed")
    ]
    said = house.log(room)[-1].data
    assert (said["reason"], said["notify"], said["notify_removed"]) == ("too loud", False, True)
    assert house.refusal(entering(room, ann, connection)) is Reason.PARTICIPANT_UNKNOWN
    assert house.refusal(joining_as(room, "ann")) is Reason.NOT_A_MEMBER
    assert house.seen(room).version > before


# --- what is asked about them ---


def test_a_user_finds_what_they_made_or_were_asked_to_newest_first(house: House) -> None:
    tenant = house.tenant()
    made = house.plan(tenant, creator_id="ann", creator_seat=None)
    asked = house.plan(tenant, invitees=(invitee("ann"),))
    house.plan(tenant)
    away = house.plan(tenant, invitees=(invitee("ann"),))
    seat = house.seat(away, "ann")
    assert seat is not None
    house.do(RemoveParticipants(**of(away), participant_ids=(seat.id,)))
    elsewhere = house.plan(house.tenant(), creator_id="ann")

    with house.engine.connect() as connection:
        found = rooms.of_user(connection, tenant.id, "ann", 10)
        older = rooms.of_user(connection, tenant.id, "ann", 10, before=asked.id)
        every = rooms.page_all(connection, tenant.id, None, 2)
    assert [room.id for room in found] == [asked.id, made.id]
    assert [room.id for room in older] == [made.id]
    assert [room.id for room in every] == [away.id, every[1].id]
    assert elsewhere.id not in {room.id for room in found}


def test_who_is_there_now_is_known_by_room(house: House) -> None:
    room, empty = (house.room(house.tenant()) for _ in range(2))
    for user in ("ann", "bob"):
        house.enter(room, house.join(room, user).participant.id)
    house.come(room, "without a name of the tenant's")
    gone = house.join(room, "cem").participant.id
    house.leave(room, gone, house.enter(room, gone))

    with house.engine.connect() as connection:
        there = rooms.present_users(connection, [room.id, empty.id])
        none = rooms.present_users(connection, [])
        kept = participants.kept(connection, room.tenant_id, room.id)

    assert there == {room.id: ["ann", "bob"], empty.id: []}
    assert none == {}
    assert len(kept) == 4
