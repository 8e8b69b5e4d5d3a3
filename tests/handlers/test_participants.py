from __future__ import annotations

from typing import Any

import pytest

from infra.contract.ids import new_id
from tests.support.api import Api


async def test_a_join_bundle_lets_one_person_into_one_room(api: Api) -> None:
    room, other = await api.room("Algebra"), await api.room()

    bundle = await api.made(
        f"/rooms/{room}/participants",
        {"display_name": "Ann", "external_user_id": "u1", "role": "host"},
    )

    assert bundle.keys() == {
        *("participant", "room", "room_created", "tenant_config", "should_start_recording"),
        *("access_token", "refresh_token", "auth_token", "token_type", "expires_in"),
    }
    assert bundle["auth_token"] == bundle["access_token"]
    assert bundle["room"] == {"id": room, "name": "Algebra", "status": "active"}
    assert bundle["room_created"] is False
    assert bundle["participant"].keys() == {
        *("id", "room_id", "external_user_id", "display_name", "role"),
        *("joined_at", "left_at", "created_at"),
    }
    assert bundle["tenant_config"].keys() == {
        *("transcription_enabled", "first_participant_is_host"),
        *("force_recording", "allow_early_join"),
    }
    token = bundle["access_token"]
    assert (await api.call("GET", f"/rooms/{room}", token=token)).status_code == 200
    assert (await api.call("POST", f"/rooms/{other}/end", token=token)).status_code == 404


async def test_an_unknown_name_makes_the_room(api: Api) -> None:
    made = await api.made("/rooms/Botany/participants", {"display_name": "Ann"})
    again = await api.made("/rooms/Botany/participants", {"display_name": "Ben"})

    assert (made["room_created"], again["room_created"]) == (True, False)
    assert again["room"] == made["room"]
    assert len((await api.got("/rooms/Botany/participants"))["participants"]) == 2


async def test_no_early_join_no_room(api: Api) -> None:
    await api.call("PATCH", f"/tenants/{api.tenant_id}/config", {"allow_early_join": False})

    answer = await api.call("POST", "/rooms/Botany/participants", {"display_name": "Ann"})

    assert answer.status_code == 404


async def test_an_ended_room_takes_nobody_where_early_joins_are_off(api: Api) -> None:
    await api.call("PATCH", f"/tenants/{api.tenant_id}/config", {"allow_early_join": False})
    room = await api.room()
    await api.call("POST", f"/rooms/{room}/end")

    answer = await api.call("POST", f"/rooms/{room}/participants", {"display_name": "Ann"})

    assert (answer.status_code, answer.json()["error"]) == (400, "room is not active")


async def test_a_full_room_is_a_conflict(api: Api) -> None:
    room = (await api.made("/rooms", {"config": {"max_participants": 2}}))["id"]
    await api.seat(room, "Ann")
    await api.seat(room, "Ben")

    answer = await api.call("POST", f"/rooms/{room}/participants", {"display_name": "Cyd"})

    assert (answer.status_code, answer.json()["code"]) == (409, "ROOM_FULL")


async def test_a_guest_gives_out_no_seats(api: Api) -> None:
    room = await api.room()
    guest = (await api.seat(room))["access_token"]

    answer = await api.call(
        "POST", f"/rooms/{room}/participants", {"display_name": "Eve"}, token=guest
    )

    assert (answer.status_code, answer.json()["error"]) == (403, "host role required")


async def user(api: Api, user_id: str = "u7", role: str = "student") -> str:
    wish = {"api_key": api.key, "user_id": user_id, "role": role}
    return str((await api.made("/auth/token", wish, key=""))["access_token"])


async def test_a_user_takes_a_seat_as_themselves(api: Api) -> None:
    room, token = await api.room(), await user(api)

    seat = await api.made(f"/rooms/{room}/participants", {"display_name": "Ann"}, token=token)

    assert seat["participant"]["external_user_id"] == "u7"
    assert seat["participant"]["role"] == "participant"


@pytest.mark.parametrize("wish", [{"role": "host"}, {"external_user_id": "somebody else"}])
async def test_a_user_takes_no_seat_above_their_own(api: Api, wish: dict[str, Any]) -> None:
    room, token = await api.room(), await user(api)

    answer = await api.call(
        "POST", f"/rooms/{room}/participants", {"display_name": "Eve", **wish}, token=token
    )

    assert answer.status_code == 403


async def test_each_of_many_seats_succeeds_or_fails_by_itself(api: Api) -> None:
    room = (await api.made("/rooms", {"config": {"max_participants": 2}}))["id"]
    wishes = [{"display_name": name, "external_user_id": name} for name in ("Ann", "Ben", "Cyd")]

    results = (await api.made(f"/rooms/{room}/participants/bulk", {"participants": wishes}))[
        "results"
    ]

    assert [(result["display_name"], result["success"]) for result in results] == [
        ("Ann", True),
        ("Ben", True),
        ("Cyd", False),
    ]
    assert (results[2]["code"], results[2]["error"]) == ("ROOM_FULL", "room is full")
    assert results[2]["access_token"] is None
    path = f"/rooms/{room}"
    assert (await api.call("GET", path, token=results[0]["access_token"])).status_code == 200


async def test_a_participant_renames_themselves_and_nobody_else(api: Api) -> None:
    room = await api.room()
    ann, ben = await api.seat(room, "Ann"), await api.seat(room, "Ben")
    token = ann["access_token"]
    own, other = (f"/rooms/{room}/participants/{seat['participant']['id']}" for seat in (ann, ben))

    renamed = await api.call("PATCH", own, {"display_name": "Anna"}, token=token)

    assert renamed.json()["display_name"] == "Anna"
    for path, body in ((other, {"display_name": "X"}), (own, {"role": "host"})):
        answer = await api.call("PATCH", path, body, token=token)
        assert (answer.status_code, answer.json()["error"]) == (403, "host role required")


async def test_a_host_takes_a_seat_away(api: Api) -> None:
    room = await api.room()
    host, guest = await api.seat(room, role="host"), await api.seat(room)
    path = f"/rooms/{room}/participants/{guest['participant']['id']}"

    refused = await api.call("DELETE", path, token=guest["access_token"])
    gone = await api.call("DELETE", path, token=host["access_token"])

    assert (refused.status_code, gone.status_code) == (403, 204)
    assert (await api.call("POST", f"{path}/token")).status_code == 404


async def test_a_seats_tokens_can_be_had_again(api: Api) -> None:
    room = await api.room()
    seat = await api.seat(room, "Ann")

    again = await api.made(f"/rooms/{room}/participants/{seat['participant']['id']}/token")

    assert again["auth_token"] == again["access_token"]
    assert (await api.call("GET", f"/rooms/{room}", token=again["access_token"])).is_success


async def test_who_is_there_now_is_asked_for(api: Api) -> None:
    room = await api.room()
    await api.seat(room, "Ann")

    everybody = await api.got(f"/rooms/{room}/participants")
    there = await api.got(f"/rooms/{room}/participants?active=true")

    assert [seat["display_name"] for seat in everybody["participants"]] == ["Ann"]
    assert there == {"participants": []}


async def test_a_seat_is_not_found_in_another_room(api: Api) -> None:
    room, other = await api.room(), await api.room()
    seat = (await api.seat(room))["participant"]["id"]

    answers = [
        await api.call("POST", f"/rooms/{other}/participants/{seat}/token"),
        await api.call("POST", f"/rooms/{room}/participants/{new_id()}/token"),
        await api.call("DELETE", f"/rooms/{other}/participants/{seat}"),
        await api.call("PATCH", f"/rooms/{other}/participants/{seat}", {"display_name": "X"}),
    ]

    assert {answer.status_code for answer in answers} == {404}
