from __future__ import annotations

from typing import Any

from infra.contract.commands import EndRoom, SendChat, UpdateParticipant
from infra.contract.ids import MessageId, ParticipantId, new_id
from infra.contract.permissions import Permission
from infra.contract.refusals import Reason
from infra.contract.views import RoomView
from infra.db import chat
from tests.support.house import House


def saying(room: RoomView, seat: ParticipantId, text: str = "hello") -> SendChat:
    return SendChat(
        tenant_id=room.tenant_id,
        room_id=room.id,
        message_id=MessageId(new_id()),
        participant_id=seat,
        text=text,
    )


def test_what_is_said_is_kept_and_told(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room, "Ann")

    said = house.do(saying(room, ann, "hello"))

    assert (said.display_name, said.text, said.sent_at) == ("Ann", "hello", house.now)
    event = house.log(room)[-1]
    assert event.kind == "chat.message"
    assert event.data["message"] == said.model_dump(mode="json")
    with house.engine.connect() as connection:
        assert chat.latest(connection, room.tenant_id, room.id, 10) == [said]


def test_what_is_said_twice_under_one_id_is_said_once(house: House) -> None:
    room = house.room(house.tenant())
    command = saying(room, house.come(room))
    first = house.do(command)
    house.wait(seconds=9)

    assert house.do(command) == first
    assert house.kinds(room).count("chat.message") == 1


def test_nobody_takes_anothers_words(house: House) -> None:
    room = house.room(house.tenant())
    command = saying(room, house.come(room, "Ann"))
    house.do(command)

    stolen = command.model_copy(update={"participant_id": house.come(room, "Bob"), "text": "no"})

    assert house.refusal(stolen) is Reason.MALFORMED


def test_history_is_read_backwards_in_pages(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    said = [house.do(saying(room, ann, str(n))) for n in range(5)]

    with house.engine.connect() as connection:
        latest = chat.latest(connection, room.tenant_id, room.id, 2)
        before = chat.latest(connection, room.tenant_id, room.id, 2, before=latest[0].id)

    assert latest == said[3:]
    assert before == said[1:3]


def test_chat_that_is_off_is_off(house: House) -> None:
    room = house.room(house.tenant(), chat_enabled=False)

    assert house.refusal(saying(room, house.come(room))) is Reason.CHAT_DISABLED


def test_nobody_talks_in_an_ended_room(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room)
    house.do(EndRoom(tenant_id=room.tenant_id, room_id=room.id))

    assert house.refusal(saying(room, ann)) is Reason.ROOM_NOT_ACTIVE


def test_only_the_rooms_people_talk_in_it(house: House) -> None:
    tenant = house.tenant()
    room, other = house.room(tenant), house.room(tenant)
    bob = house.come(other)

    assert house.refusal(saying(room, bob)) is Reason.PARTICIPANT_UNKNOWN
    foreign = saying(other, bob).model_copy(update={"tenant_id": house.tenant().id})
    assert house.refusal(foreign) is Reason.ROOM_UNKNOWN


def test_chat_is_read_by_its_tenant_alone(house: House) -> None:
    room, other = house.room(house.tenant()), house.tenant()
    house.do(saying(room, house.come(room)))

    with house.engine.connect() as connection:
        assert chat.latest(connection, other.id, room.id, 10) == []


def test_messages_are_read_by_those_they_are_for(house: House) -> None:
    room = house.room(house.tenant())
    ann, bob, cem = (house.come(room, name) for name in ("Ann", "Bob", "Cem"))

    def say(who: ParticipantId, text: str, **more: Any) -> None:
        house.do(saying(room, who, text).model_copy(update=more))

    say(ann, "all")
    say(ann, "private", to="private", recipient_id=bob)
    say(cem, "host", to="host", message_kind="announcement")

    def read(reader: ParticipantId | None, leads: bool = False) -> list[str]:
        with house.engine.connect() as connection:
            found = chat.visible(connection, room.tenant_id, room.id, reader, leads, 10)
        return [message.text for message in found]

    assert read(ann) == ["all", "private"]
    assert read(bob) == ["all", "private"]
    assert read(cem) == ["all", "host"]
    assert read(None) == ["all"]
    assert read(None, leads=True) == ["all", "host"]
    last = house.log(room)[-1].data["message"]
    assert (last["to"], last["kind"]) == ("host", "announcement")


def test_a_private_message_is_for_one_other_seat_of_the_room(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room, "Ann")
    stranger = house.come(house.room(house.tenant()), "Zoe")

    def refused(**more: Any) -> Reason | None:
        return house.refusal(saying(room, ann).model_copy(update=more))

    assert refused(to="private") is Reason.MALFORMED
    assert refused(to="all", recipient_id=ann) is Reason.MALFORMED
    assert refused(to="private", recipient_id=stranger) is Reason.PARTICIPANT_UNKNOWN
    assert refused(to="private", recipient_id=ann) is Reason.PARTICIPANT_UNKNOWN


def test_who_was_not_left_the_chat_says_nothing(house: House) -> None:
    room = house.room(house.tenant())
    ann = house.come(room, "Ann")

    house.do(
        UpdateParticipant(
            tenant_id=room.tenant_id,
            room_id=room.id,
            participant_id=ann,
            granted={Permission.CHAT: False},
        )
    )

    assert house.refusal(saying(room, ann)) is Reason.NOT_ALLOWED
