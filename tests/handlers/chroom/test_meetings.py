from __future__ import annotations

from typing import Any

import pytest

from handlers.dialects import names
from infra.contract.ids import new_id
from tests.handlers.chroom.conftest import MEETING, Chroom


async def test_a_new_meeting_is_answered_to_the_letter(chroom: Chroom) -> None:
    answer = await chroom.call("POST", "/meetings/create", MEETING)

    made = answer.json()
    assert answer.status_code == 200
    assert list(made) == ["meeting_id", "status", "start_url", "join_url"]
    assert made["status"] == "created"
    assert f"/start/{made['meeting_id']}" in made["start_url"]
    assert f"/join/{made['meeting_id']}" in made["join_url"]


async def test_a_title_and_a_host_are_enough(chroom: Chroom) -> None:
    made = await chroom.made("/meetings/create", {"title": "Algebra", "host": "ada"})

    shown = await chroom.got(f"/meetings/{made['meeting_id']}")
    assert (shown["duration"], shown["participants"]) == (60, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": None},
        {"title": " "},
        {"host": ""},
        {"host": 7},
        {"duration": 0},
        {"duration": 1441},
        {"duration": "45"},
        {"duration": 1.5},
        {"participants": "ben"},
        {"participants": [7]},
        {"tenant_id": "x"},
    ],
)
async def test_what_is_no_meeting_is_a_validation_error(
    chroom: Chroom, wrong: dict[str, Any]
) -> None:
    answer = await chroom.call("POST", "/meetings/create", {**MEETING, **wrong})

    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "message", "request_id", "detail"}
    assert answer.json()["error"] == "MALFORMED"


@pytest.mark.parametrize("missing", ["title", "host"])
async def test_a_meeting_has_a_title_and_a_host(chroom: Chroom, missing: str) -> None:
    body = {name: value for name, value in MEETING.items() if name != missing}

    assert (await chroom.call("POST", "/meetings/create", body)).status_code == 400


async def test_a_meeting_is_shown_as_it_was_planned(chroom: Chroom) -> None:
    made = await chroom.meeting(participants=["ben", "ada", "ben"])

    shown = await chroom.got(f"/meetings/{made['meeting_id']}")

    assert (
        shown.items()
        >= {
            "meeting_id": made["meeting_id"],
            "title": "Algebra",
            "status": "created",
            "host": "ada",
            "participants": ["ben"],
            "duration": 45,
            "participant_count": 0,
            "started_at": None,
        }.items()
    )


async def test_an_id_is_taken_in_either_form(chroom: Chroom) -> None:
    made = await chroom.meeting()
    as_uuid = names.read(made["meeting_id"])

    assert (await chroom.got(f"/meetings/{as_uuid}"))["meeting_id"] == made["meeting_id"]


async def test_meetings_are_listed_newest_first_a_page_at_a_time(chroom: Chroom) -> None:
    made = [(await chroom.meeting(title=f"Day {n}"))["meeting_id"] for n in range(5)]

    first = await chroom.got("/meetings?limit=2")
    second = await chroom.got(f"/meetings?limit=2&cursor={first['next_cursor']}")
    third = await chroom.got(f"/meetings?limit=2&cursor={second['next_cursor']}")

    pages = [[item["meeting_id"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [made[:2:-1], made[2:0:-1], made[:1]]
    assert third["next_cursor"] is None


async def test_a_list_may_be_of_one_status(chroom: Chroom) -> None:
    made = [(await chroom.meeting())["meeting_id"] for _ in range(3)]
    await chroom.made(f"/meetings/{made[1]}/start")

    async def listed(status: str) -> list[str]:
        found = await chroom.got(f"/meetings?status={status}")
        return [item["meeting_id"] for item in found["items"]]

    assert await listed("live") == [made[1]]
    assert await listed("created") == [made[2], made[0]]
    assert await listed("cancelled") == []
    assert (await chroom.call("GET", "/meetings?status=new")).status_code == 400
    assert (await chroom.call("GET", "/meetings?cursor=new")).status_code == 400


async def test_a_meeting_goes_from_created_to_live_to_ended(chroom: Chroom) -> None:
    one = f"/meetings/{(await chroom.meeting())['meeting_id']}"

    started = await chroom.made(f"{one}/start")
    again = await chroom.call("POST", f"{one}/start")
    ended = await chroom.made(f"{one}/end")
    ended_again = await chroom.call("POST", f"{one}/end")

    assert (started["status"], ended["status"]) == ("live", "ended")
    assert (again.status_code, again.json()["error"]) == (409, "MEETING_NOT_SCHEDULED")
    assert (ended_again.status_code, ended_again.json()["error"]) == (409, "MEETING_ALREADY_ENDED")


async def test_only_what_is_sent_changes(chroom: Chroom) -> None:
    one = f"/meetings/{(await chroom.meeting())['meeting_id']}"

    title = (await chroom.call("PATCH", one, {"title": "Botany"})).json()
    people = (await chroom.call("PATCH", one, {"participants": ["dan"]})).json()
    lasts = (await chroom.call("PATCH", one, {"duration": 90})).json()

    assert (title["title"], title["duration"], title["participants"]) == (
        "Botany",
        45,
        ["ben", "cem"],
    )
    assert (people["title"], people["host"], people["participants"]) == ("Botany", "ada", ["dan"])
    assert (lasts["duration"], lasts["starts_at"]) == (90, title["starts_at"])


async def test_a_deleted_meeting_is_gone(chroom: Chroom) -> None:
    made = await chroom.meeting()
    one = f"/meetings/{made['meeting_id']}"

    gone = await chroom.call("DELETE", one)

    assert gone.json() == {"meeting_id": made["meeting_id"], "deleted": True}
    assert (await chroom.call("GET", one)).json()["error"] == "MEETING_UNKNOWN"


async def test_who_joins_gets_a_seat_that_opens_the_socket(chroom: Chroom) -> None:
    made = await chroom.meeting()
    one = f"/meetings/{made['meeting_id']}"

    host = await chroom.made(f"{one}/join", {"user_id": "ada", "display_name": "Ada"})
    ben = await chroom.made(f"{one}/join", {"user_id": "ben"})
    again = await chroom.made(f"{one}/join", {"user_id": "ben"})

    assert (host["role"], host["display_name"], host["waiting"]) == ("host", "Ada", False)
    assert (ben["role"], ben["participant_id"]) == ("presenter", again["participant_id"])
    room = await chroom.api.got(
        f"/rooms/{names.read(made['meeting_id'])}", token=ben["access_token"]
    )
    assert room["name"] == "Algebra"
    assert (await chroom.got(one))["status"] == "live"
    assert host["page_url"].endswith(f"?token={host['access_token']}")


async def test_nobody_joins_what_is_over(chroom: Chroom) -> None:
    one = f"/meetings/{(await chroom.meeting())['meeting_id']}"
    await chroom.made(f"{one}/start")
    await chroom.made(f"{one}/end")

    answer = await chroom.call("POST", f"{one}/join", {"user_id": "ben"})

    assert (answer.status_code, answer.json()["error"]) == (410, "MEETING_OVER")


async def test_users_of_an_account_join_as_themselves_only(chroom: Chroom) -> None:
    one = f"/meetings/{(await chroom.meeting())['meeting_id']}"
    issued = await chroom.api.made(
        "/auth/token", {"api_key": chroom.api.key, "user_id": "ben", "role": "student"}, key=""
    )
    token = issued["access_token"]
    await chroom.made(f"{one}/start")

    own = await chroom.call("POST", f"{one}/join", {"user_id": "ben"}, token=token)
    others = await chroom.call("POST", f"{one}/join", {"user_id": "cem"}, token=token)
    making = await chroom.call("POST", "/meetings/create", MEETING, token=token)

    assert (own.status_code, own.json()["role"]) == (200, "presenter")
    assert (others.status_code, making.status_code) == (403, 403)


async def test_anothers_meeting_is_as_one_that_is_not_there(chroom: Chroom) -> None:
    made = await chroom.meeting()
    _, other = await chroom.api.tenant()
    nowhere = names.shown("meeting", new_id())

    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/start", None),
        ("POST", "/end", None),
        ("POST", "/join", {"user_id": "eve"}),
        ("GET", "/streams", None),
    ):
        answers = [
            await chroom.call(method, f"/meetings/{one}{path}", body, token=other)
            for one in (made["meeting_id"], nowhere, "abc123")
        ]
        said = [(a.status_code, a.json()["error"], a.json()["message"]) for a in answers]
        assert said == [(404, "MEETING_UNKNOWN", "Meeting not found")] * 3, (method, path)
    assert (await chroom.got("/meetings", token=other))["items"] == []


@pytest.mark.parametrize(("token", "error"), [("", "NO_CREDENTIALS"), ("x", "BAD_CREDENTIALS")])
async def test_without_a_good_key_nothing_is_made(chroom: Chroom, token: str, error: str) -> None:
    answer = await chroom.call("POST", "/meetings/create", MEETING, token=token)

    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert answer.headers["www-authenticate"].startswith("Bearer")
