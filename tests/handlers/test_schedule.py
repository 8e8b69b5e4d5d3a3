from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api

SOON, LATER = "2055-11-04T09:00:00Z", "2055-11-04T10:30:00Z"


async def test_a_room_is_planned_with_an_end_or_for_some_minutes(api: Api) -> None:
    by_end = await api.made("/rooms/schedule", {"name": "A", "starts_at": SOON, "ends_at": LATER})
    by_minutes = await api.made(
        "/rooms/schedule",
        {"name": "A", "starts_at": "2055-11-04T10:00:00+01:00", "duration_minutes": 90},
    )
    open_ended = await api.made("/rooms/schedule", {"starts_at": SOON})

    assert [room["starts_at"] for room in (by_end, by_minutes, open_ended)] == [SOON] * 3
    assert [room["ends_at"] for room in (by_end, by_minutes, open_ended)] == [LATER, LATER, None]
    assert by_end == await api.got(f"/rooms/{by_end['id']}")
    assert (by_end["status"], by_end["started_at"]) == ("active", None)


async def test_planned_rooms_are_listed_among_the_active_ones(api: Api) -> None:
    live = await api.room()
    planned = (await api.made("/rooms/schedule", {"starts_at": SOON}))["id"]

    listed = await api.got("/rooms")

    assert [room["id"] for room in listed["rooms"]] == [planned, live]
    assert listed["total"] == 2


async def test_whoever_joins_early_starts_it(api: Api) -> None:
    room = (await api.made("/rooms/schedule", {"starts_at": SOON}))["id"]

    joined = await api.seat(room)

    assert joined["room"]["status"] == "active"
    assert (await api.got(f"/rooms/{room}"))["started_at"] is not None


async def test_a_series_is_one_room_with_a_rule(api: Api) -> None:
    rule = "FREQ=WEEKLY;BYDAY=TH;COUNT=4"

    made = await api.made(
        "/rooms/schedule",
        {"starts_at": SOON, "duration_minutes": 30, "recurrence": rule},
    )

    assert (made["recurrence"], made["starts_at"]) == (rule, SOON)


async def test_seats_are_kept_for_who_is_invited(api: Api) -> None:
    invitees = [
        {"external_user_id": "u1", "display_name": "Ann", "role": "host"},
        {"email": "ben@example.org"},
    ]

    room = (await api.made("/rooms/schedule", {"starts_at": SOON, "invitees": invitees}))["id"]

    listed = (await api.got(f"/rooms/{room}/participants"))["participants"]
    assert [(seat["display_name"], seat["role"]) for seat in listed] == [
        ("Ann", "host"),
        ("ben", "participant"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"starts_at": "tomorrow"},
        {"starts_at": "2055-11-04T09:00:00"},
        {"starts_at": "9999-12-31T23:59:59Z"},
        {"starts_at": SOON, "ends_at": SOON},
        {"starts_at": LATER, "ends_at": SOON},
        {"starts_at": SOON, "ends_at": LATER, "duration_minutes": 5},
        {"starts_at": SOON, "duration_minutes": 0},
        {"starts_at": SOON, "recurrence": "FREQ=SOMETIMES"},
        {"starts_at": SOON, "invitees": [{"display_name": "Nobody"}]},
        {"starts_at": SOON, "invitees": [{"email": "no address"}]},
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    answer = await api.call("POST", "/rooms/schedule", wrong)

    assert answer.status_code == 400, answer.text
    assert (await api.got("/rooms"))["total"] == 0


async def test_a_rooms_configuration_may_say_all_there_is_to_say(api: Api) -> None:
    wanted = {
        "waiting_room_enabled": True,
        "members_only": True,
        "screen_sharing_enabled": False,
        "storage_location": "local",
        "retention_days": 7,
    }
    made = await api.made("/rooms", {"config": wanted})

    changed = await api.call("PATCH", f"/rooms/{made['id']}", {"config": {"retention_days": None}})

    assert made["config"].items() >= wanted.items()
    assert changed.json()["config"] == {**made["config"], "retention_days": None}


async def test_guests_plan_nothing(api: Api) -> None:
    seat = await api.seat(await api.room())

    answer = await api.call(
        "POST", "/rooms/schedule", {"starts_at": SOON}, token=seat["access_token"]
    )

    assert answer.status_code == 403
