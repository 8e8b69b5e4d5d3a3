from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from infra.contract.commands import CreateRoom, DecideAdmission, SendChat, UpdateRoom
from infra.contract.ids import ParticipantId, new_id
from infra.contract.messages import Reply
from infra.contract.refusals import Reason, refuse
from tests.support.api import Api


async def test_a_new_room_is_shown_as_chalk_shows_it(api: Api) -> None:
    body = {"name": "Algebra", "config": {"max_participants": 5}, "metadata": {"course": 7}}

    room = await api.made("/rooms", body)

    assert room == await api.got(f"/rooms/{room['id']}")
    assert room.keys() == {
        *("id", "tenant_id", "name", "config", "metadata", "status", "participant_count"),
        *("starts_at", "ends_at", "recurrence"),
        *("started_at", "ended_at", "created_at", "updated_at"),
    }
    shown = {"max_participants": 5, "recording_enabled": True, "chat_enabled": True}
    assert room["config"].items() >= shown.items()
    assert (room["status"], room["metadata"]) == ("active", {"course": 7})
    assert room["created_at"].endswith("Z")


async def test_rooms_are_listed_in_pages_newest_first(api: Api) -> None:
    made = [await api.room(f"Room {n}") for n in range(5)]
    await api.call("POST", f"/rooms/{made[0]}/end")

    page = await api.got("/rooms?limit=2&offset=1")

    assert [room["id"] for room in page["rooms"]] == [made[3], made[2]]
    assert (page["total"], page["limit"], page["offset"]) == (4, 2, 1)
    assert (await api.got("/rooms"))["limit"] == 20


async def test_rooms_made_under_keys_are_listed_in_order_too(api: Api) -> None:
    made = [await api.room(f"Room {n}", Idempotency_Key=f"k{n}") for n in range(5)]

    assert [room["id"] for room in (await api.got("/rooms"))["rooms"]] == made[::-1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "offset=-1", "limit=", "offset=1e9", "limit=NaN"]
)
async def test_a_page_out_of_range_is_refused(api: Api, query: str) -> None:
    answer = await api.call("GET", f"/rooms?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")


async def test_only_what_is_sent_of_a_room_changes(api: Api) -> None:
    room = await api.made("/rooms", {"name": "Algebra", "config": {"max_participants": 5}})

    changed = (
        await api.call("PATCH", f"/rooms/{room['id']}", {"config": {"chat_enabled": False}})
    ).json()

    assert changed["name"] == "Algebra"
    assert changed["config"] == {**room["config"], "chat_enabled": False}


@pytest.mark.parametrize("field", ["name", "config", "metadata"])
async def test_a_change_to_null_is_no_change(api: Api, field: str) -> None:
    answer = await api.call("PATCH", f"/rooms/{await api.room()}", {field: None})

    assert answer.status_code == 400


async def test_a_room_ends_once(api: Api) -> None:
    room = await api.room()

    ended = await api.made(f"/rooms/{room}/end")
    again = await api.call("POST", f"/rooms/{room}/end")

    assert (ended["status"], ended["ended_at"] is not None) == ("ended", True)
    assert (again.status_code, again.json()["error"]) == (409, "room has already ended")


async def test_a_retried_end_is_answered_as_the_first_was(api: Api) -> None:
    room = await api.room()

    first = await api.made(f"/rooms/{room}/end", Idempotency_Key="once")
    again = await api.made(f"/rooms/{room}/end", Idempotency_Key="once")

    assert again == first


async def test_a_deleted_room_is_gone(api: Api) -> None:
    room = await api.room()

    gone = await api.call("DELETE", f"/rooms/{room}")

    assert (gone.status_code, gone.content) == (204, b"")
    assert (await api.call("GET", f"/rooms/{room}")).status_code == 404
    assert (await api.call("DELETE", f"/rooms/{room}")).status_code == 404


async def test_a_quota_is_a_403(api: Api) -> None:
    await api.call("PATCH", f"/tenants/{api.tenant_id}", {"max_concurrent_rooms": 1})
    await api.room()

    answer = await api.call("POST", "/rooms", {})

    assert (answer.status_code, answer.json()["code"]) == (403, "ROOM_QUOTA_REACHED")


# --- commands ---


async def test_a_retry_under_one_key_makes_one_room(api: Api) -> None:
    first = await api.made("/rooms", {"name": "Algebra"}, Idempotency_Key="k")
    again = await api.made("/rooms", {"name": "Algebra"}, Idempotency_Key="k")

    assert again == first
    assert (await api.got("/rooms"))["total"] == 1


async def test_one_key_with_another_body_is_a_conflict(api: Api) -> None:
    await api.made("/rooms", {"name": "Algebra"}, Idempotency_Key="k")

    answer = await api.call("POST", "/rooms", {"name": "Botany"}, Idempotency_Key="k")

    assert (answer.status_code, answer.json()["code"]) == (409, "KEY_REUSED")


async def test_two_tenants_may_use_the_same_key(api: Api) -> None:
    _, other = await api.tenant()

    first = await api.made("/rooms", {"name": "Algebra"}, Idempotency_Key="k")
    theirs = await api.made("/rooms", {"name": "Algebra"}, key=other, Idempotency_Key="k")

    assert theirs["id"] != first["id"]


async def test_a_participant_is_not_given_what_a_host_was_answered(api: Api) -> None:
    room = await api.room()
    seat = await api.seat(room, role="host")
    path, body = f"/rooms/{room}/participants", {"display_name": "Ben"}
    first = await api.made(path, body, Idempotency_Key="k")

    other = await api.made(path, body, token=seat["access_token"], Idempotency_Key="k")

    assert other["participant"]["id"] != first["participant"]["id"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    headers = [(b"X-API-Key", api.key.encode()), (b"Idempotency-Key", key.encode())]

    answer = await api.http.post("/api/v1/rooms", json={}, headers=headers)

    assert answer.status_code == 400


async def test_a_command_that_takes_too_long_can_be_asked_after(api: Api) -> None:
    pending = str(new_id())

    def late(_: CreateRoom) -> Reply:
        raise refuse(Reason.COMMAND_PENDING, retry_after_s=1, subject=pending)

    api.bus.answer(CreateRoom, late)

    answer = await api.call("POST", "/rooms", {}, Idempotency_Key="k")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "COMMAND_PENDING"
    assert answer.json()["command_id"] == pending


async def test_without_the_bus_reads_go_on_and_writes_say_when_to_come_back(api: Api) -> None:
    room = await api.room()
    api.bus.down = True

    assert (await api.call("GET", f"/rooms/{room}")).status_code == 200
    refused = await api.call("POST", "/rooms", {})
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1


# --- what happened there ---


async def test_the_log_is_read_from_where_one_was(api: Api) -> None:
    room = await api.room()
    await api.call("PATCH", f"/rooms/{room}", {"name": "Botany"})
    await api.call("POST", f"/rooms/{room}/end")

    seen = (await api.got(f"/rooms/{room}/events"))["events"]
    after = (await api.got(f"/rooms/{room}/events?after_seq={seen[0]['seq']}"))["events"]

    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["kind"] == "room.ended"
    assert after == seen[1:]


async def test_chat_of_a_room_where_nobody_wrote_is_empty(api: Api) -> None:
    assert await api.got(f"/rooms/{await api.room()}/chat") == {"messages": []}


@pytest.mark.parametrize("what", ["chat", "events"])
async def test_what_was_said_in_a_room_is_for_who_is_in_it_and_for_hosts(
    api: Api, what: str
) -> None:
    room, other = await api.room(), await api.room()
    inside = await api.seat(room)
    host, student = [
        await api.made("/auth/token", {"api_key": api.key, "user_id": "u1", "role": role}, key="")
        for role in ("teacher", "student")
    ]

    async def status(who: Any, asked: str) -> int:
        answer = await api.call("GET", f"/rooms/{asked}/{what}", token=who["access_token"])
        return answer.status_code

    assert [await status(host, room), await status(inside, room)] == [200, 200]
    assert await status(inside, other) == 404
    assert await status(student, room) == 403


async def test_what_is_meant_for_others_is_left_out_of_what_one_reads(api: Api) -> None:
    room = await api.room()
    ann, bob, cem = [await api.seat(room, name) for name in ("Ann", "Bob", "Cem")]
    ids = [ParticipantId(UUID(seat["participant"]["id"])) for seat in (ann, bob)]
    for text, more in (("secret", {"to": "private", "recipient_id": ids[1]}), ("hello", {})):
        said = SendChat.model_validate(
            {
                "tenant_id": api.tenant_id,
                "room_id": room,
                "message_id": new_id(),
                "participant_id": ids[0],
                "text": text,
                **more,
            }
        )
        await api.bus.ask(said)

    for seat, seen in ((ann, ["secret", "hello"]), (bob, ["secret", "hello"]), (cem, ["hello"])):
        token = seat["access_token"]
        chat = await api.got(f"/rooms/{room}/chat", token=token)
        events = await api.got(f"/rooms/{room}/events?limit=1", token=token)
        assert [message["text"] for message in chat["messages"]] == seen
        assert [event["data"]["message"]["text"] for event in events["events"]] == seen[:1]


async def test_a_seat_that_waits_opens_nothing_until_it_is_let_in(api: Api) -> None:
    room = await api.room()
    where = {"tenant_id": api.tenant_id, "room_id": room}
    await api.bus.ask(
        UpdateRoom.model_validate({**where, "config": {"waiting_room_enabled": True}})
    )
    token = (await api.seat(room))["access_token"]

    async def status(what: str) -> int:
        return (await api.call("GET", f"/rooms/{room}{what}", token=token)).status_code

    assert {await status(what) for what in ("", "/chat", "/events", "/participants")} == {403}
    await api.bus.ask(DecideAdmission.model_validate({**where, "admit": True}))
    assert {await status(what) for what in ("", "/chat", "/events", "/participants")} == {200}
