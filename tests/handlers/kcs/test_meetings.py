from __future__ import annotations

from typing import Any

import pytest

from handlers.dialects import names
from tests.handlers.kcs.conftest import STANDUP, Campus

FEATURES = {
    "video_enabled": True,
    "audio_enabled": True,
    "screen_sharing_enabled": True,
    "chat_enabled": True,
    "recording_enabled": False,
    "breakout_rooms_enabled": False,
    "whiteboard_enabled": False,
    "hand_raise_enabled": True,
}


async def test_a_scheduled_meeting_is_answered_as_published(campus: Campus) -> None:
    answer = await campus.call("POST", "", STANDUP)

    assert answer.status_code == 200
    said = answer.json()
    made = said["data"]
    assert (said["success"], said["message"]) == (True, "Scheduled meeting created successfully")
    assert "count" not in said
    assert made["id"].removeprefix("meeting_") == made["meeting_room_id"].removeprefix("room_")
    assert made["campus_id"] == campus.tenant_id
    assert made["creator_id"] == "ann"
    assert made["meeting_name"] == "Team Standup"
    assert (made["meeting_type"], made["meeting_status"]) == ("scheduled", "scheduled")
    assert made["max_participants"] == 100
    assert made["current_participants"] == []
    assert (made["waiting_room_enabled"], made["require_host_approval"]) == (False, False)
    assert made["features"] == FEATURES
    assert made["webrtc_config"] == {
        "ice_servers": [],
        "media_constraints": {
            "video": {"enabled": True, "quality": "medium", "frameRate": 30},
            "audio": {"enabled": True, "noise_suppression": True, "echo_cancellation": True},
        },
    }
    assert made["created_at"].endswith("Z")
    assert made["updated_at"].endswith("Z")
    assert made["participants"] == ["bob", "cy"]
    assert made["meeting_meta_data"] == {"department": "Engineering"}


async def test_the_alias_is_the_same_api(campus: Campus) -> None:
    token = campus.token("ann")

    answer = await campus.api.call("GET", "http://parley.test/meeting", token=token)

    assert answer.json() == {"success": True, "data": [], "count": 0}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("scheduled", "scheduled"), ("instant", "live"), ("recurring", "scheduled")],
)
async def test_each_type_has_its_status_and_words(campus: Campus, kind: str, status: str) -> None:
    rule = {"recurrence": "FREQ=DAILY"} if kind == "recurring" else {}

    answer = (await campus.call("POST", "", {**STANDUP, "meeting_type": kind, **rule})).json()

    assert answer["message"] == f"{kind.capitalize()} meeting created successfully"
    assert answer["data"]["meeting_status"] == status
    assert answer["data"]["meeting_type"] == kind


@pytest.mark.parametrize("kind", ["scheduled", "instant"])
async def test_the_end_must_be_after_the_start(campus: Campus, kind: str) -> None:
    times = {"meeting_end_time": STANDUP["meeting_start_time"], "meeting_type": kind}

    refused = await campus.refused("POST", "", {**STANDUP, **times})

    assert refused == (
        400,
        "INVALID_MEETING_TIME",
        "Meeting end time must be after start time",
    )


async def test_times_with_any_offset_are_shown_in_utc(campus: Campus) -> None:
    for sent, shown in (
        ("2055-11-04T10:00:00+02:00", "2055-11-04T08:00:00Z"),
        ("2055-11-04T08:00:00", "2055-11-04T08:00:00Z"),
        ("2055-11-04T08:00:00.250Z", "2055-11-04T08:00:00.250000Z"),
    ):
        made = await campus.data("POST", "", {**STANDUP, "meeting_start_time": sent})

        assert made["meeting_start_time"] == shown


WRONG: list[dict[str, Any]] = [
    {"meeting_start_time": "tomorrow"},
    {"meeting_start_time": 1699012800},
    {"meeting_start_time": "0001-01-01T00:00:00+14:00"},
    {"meeting_name": ""},
    {"meeting_name": 7},
    {"max_participants": 1},
    {"max_participants": 10_001},
    {"max_participants": "50"},
    {"meeting_type": "webinar"},
    {"participants": "bob"},
    {"participants": [""]},
    {"meeting_meta_data": []},
    {"meeting_meta_data": {"a": "\0"}},
    {"features": {"chat_enabled": "yes"}},
    {"recording_config": {"retention_days": 366}},
    {"recording_config": {"storage_location": "tape"}},
    {"waiting_room_enabled": None},
]


async def test_input_that_cannot_be_is_refused_with_400(campus: Campus) -> None:
    for wrong in WRONG:
        status, code, _ = await campus.refused("POST", "", {**STANDUP, **wrong})

        assert (status, code) == (400, "VALIDATION_ERROR"), wrong


async def test_every_required_field_is_required(campus: Campus) -> None:
    for field in STANDUP:
        body = {name: value for name, value in STANDUP.items() if name != field}

        status, _, message = await campus.refused("POST", "", body)

        assert status == 400
        assert field in message


async def test_what_was_chosen_is_what_is_shown(campus: Campus) -> None:
    chosen: dict[str, Any] = {
        "max_participants": 7,
        "waiting_room_enabled": True,
        "require_host_approval": True,
        "features": {name: not on for name, on in FEATURES.items()},
        "recording_config": {
            "auto_record": True,
            "record_video": False,
            "record_audio": True,
            "record_chat": True,
            "storage_location": "local",
            "retention_days": 30,
        },
    }

    made = await campus.data("POST", "", {**STANDUP, **chosen})

    assert {name: made[name] for name in chosen} == chosen
    assert made["webrtc_config"]["media_constraints"]["video"]["enabled"] is False
    assert made["webrtc_config"]["media_constraints"]["audio"]["enabled"] is False


# --- seeing ---


async def test_creators_and_participants_have_the_meeting_in_their_list(campus: Campus) -> None:
    first = await campus.meeting()
    second = await campus.meeting(meeting_name="Retro", participants=["bob"])

    listed = {
        user: (await campus.call("GET", "", user=user)).json()
        for user in ("ann", "bob", "cy", "dan")
    }

    assert [each["id"] for each in listed["ann"]["data"]] == [second, first]
    assert [each["id"] for each in listed["bob"]["data"]] == [second, first]
    assert [each["id"] for each in listed["cy"]["data"]] == [first]
    assert listed["dan"] == {"success": True, "data": [], "count": 0}
    assert listed["ann"]["count"] == 2
    shown = listed["cy"]["data"][0]
    assert shown["meeting_name"] == "Team Standup"
    assert shown["meeting_start_time"] == STANDUP["meeting_start_time"]
    assert (shown["meeting_status"], shown["max_participants"]) == ("scheduled", 100)


async def test_a_long_list_goes_on_where_its_cursor_says(campus: Campus) -> None:
    made = [await campus.meeting() for _ in range(3)]

    page = (await campus.call("GET", "?limit=2")).json()
    rest = (await campus.call("GET", f"?limit=2&cursor={page['next_cursor']}")).json()

    assert [each["id"] for each in page["data"] + rest["data"]] == made[::-1]
    assert (page["count"], rest["count"]) == (2, 1)
    assert "next_cursor" not in rest
    assert (await campus.refused("GET", "?cursor=nowhere"))[0] == 400


async def test_the_twentieth_route_lists_a_participants_meetings(campus: Campus) -> None:
    meeting = await campus.meeting()

    own = await campus.call("GET", "/participant/bob", user="bob")
    without_id = await campus.call("GET", "/participant", user="bob")
    by_admin = await campus.call("GET", "/participant/bob", user="head", role="admin")
    nobody = await campus.call("GET", "/participant/nobody", user="head", role="admin")

    assert [each["id"] for each in own.json()["data"]] == [meeting]
    assert own.json() == without_id.json() == by_admin.json()
    assert nobody.json() == {"success": True, "data": [], "count": 0}
    assert await campus.refused("GET", "/participant/bob", user="cy") == (
        403,
        "ACCESS_DENIED",
        "Access denied",
    )


async def test_a_meeting_by_id_has_its_figures(campus: Campus) -> None:
    meeting = await campus.live()
    await campus.join(meeting, "bob")

    found = await campus.data("GET", f"/{meeting}", user="cy")

    assert found["id"] == meeting
    assert found["meeting_status"] == "live"
    assert found["current_participants"] == ["bob"]
    assert found["analytics"] == {
        "total_duration_minutes": 0,
        "peak_participants": 1,
        "total_participants_joined": 1,
        "connection_quality_avg": 0,
        "chat_messages_count": 0,
        "screen_shares_count": 0,
    }
    assert found["liveStats"] == {
        "activeParticipants": 1,
        "producers": 0,
        "consumers": 0,
        "bitrate": {"incoming": 0, "outgoing": 0},
    }


async def test_an_id_in_any_of_its_forms_is_the_same_meeting(campus: Campus) -> None:
    meeting = await campus.meeting()

    found = await campus.data("GET", f"/{names.read(meeting)}")

    assert found["id"] == meeting


async def test_an_id_of_no_form_is_an_unknown_one(campus: Campus) -> None:
    for id in ("abc123", "meeting_abc123", "participant_0353WJ5TFfKrgDkhIj9Ddu"):
        refused = await campus.refused("GET", f"/{id}")

        assert refused == (404, "MEETING_NOT_FOUND", "Meeting not found")


async def test_turn_credentials_are_the_callers_own(campus_with_turn: Campus) -> None:
    campus = campus_with_turn
    meeting = await campus.meeting()

    ann, bob = [
        (await campus.data("GET", f"/{meeting}/webrtc-config", user=user))
        for user in ("ann", "bob")
    ]

    assert ann["meeting_id"] == meeting
    [server] = ann["webrtc_config"]["ice_servers"]
    assert server["urls"] == ["turn:turn.example.org:3478"]
    assert server["username"] != bob["webrtc_config"]["ice_servers"][0]["username"]
    assert server["credential"]


# --- changing ---


async def test_an_update_changes_what_it_names(campus: Campus) -> None:
    meeting = await campus.meeting()
    before = await campus.data("GET", f"/{meeting}")

    changed = await campus.data(
        "PUT",
        f"/{meeting}",
        {
            "meeting_name": "Updated Meeting Name",
            "participants": ["bob", "dan"],
            "features": {"chat_enabled": False},
            "meeting_end_time": "2055-11-04T11:00:00Z",
            "is_active": False,
        },
    )

    assert changed["id"] == meeting
    assert changed["meeting_name"] == "Updated Meeting Name"
    assert changed["updated_at"] > before["updated_at"]
    assert changed["participants"] == ["bob", "dan"]
    assert changed["features"] == {**FEATURES, "chat_enabled": False}
    assert changed["meeting_end_time"] == "2055-11-04T11:00:00Z"
    assert changed["is_active"] is False
    kept = ("meeting_description", "meeting_start_time", "meeting_meta_data", "max_participants")
    assert {name: changed[name] for name in kept} == {name: before[name] for name in kept}
    assert (await campus.refused("GET", f"/{meeting}", user="cy"))[0] == 403
    assert (await campus.call("GET", f"/{meeting}", user="dan")).status_code == 200


async def test_an_update_cannot_end_a_meeting_before_its_start(campus: Campus) -> None:
    meeting = await campus.meeting()

    refused = await campus.refused(
        "PUT", f"/{meeting}", {"meeting_end_time": "2055-11-04T08:00:00Z"}
    )

    assert refused[:2] == (400, "INVALID_MEETING_TIME")


async def test_no_field_but_those_of_a_meeting_is_taken_over(campus: Campus) -> None:
    other, _ = await campus.api.tenant()
    hidden: dict[str, Any] = {
        "campus_id": other,
        "creator_id": "mallory",
        "audit_trail": [{"action": "none"}],
        "meeting_status": "ended",
        "is_deleted": True,
        "id": "meeting_0353WJ5TFfKrgDkhIj9Ddu",
        "members_only": False,
        "features": {"members_only": False},
        "recording_config": {"members_only": False},
    }
    meeting = await campus.meeting(**hidden)

    before = await campus.data("GET", f"/{meeting}")
    await campus.data("PUT", f"/{meeting}", hidden)
    after = await campus.data("GET", f"/{meeting}")

    assert before == after
    assert before["campus_id"] == campus.tenant_id
    assert before["creator_id"] == "ann"
    assert "audit_trail" not in after
    assert (await campus.refused("POST", f"/{meeting}/join", user="dan"))[0] == 403


async def test_an_update_under_an_old_tag_changes_nothing(campus: Campus) -> None:
    meeting = await campus.meeting()
    tag = (await campus.call("GET", f"/{meeting}")).headers["etag"]

    first = await campus.call("PUT", f"/{meeting}", {"meeting_name": "One"}, If_Match=tag)
    second = await campus.call("PUT", f"/{meeting}", {"meeting_name": "Two"}, If_Match=tag)

    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["etag"] != tag
    assert (await campus.data("GET", f"/{meeting}"))["meeting_name"] == "One"


async def test_a_retry_under_its_key_makes_no_second_meeting(campus: Campus) -> None:
    answers = [await campus.call("POST", "", STANDUP, Idempotency_Key="k") for _ in range(2)]
    other = await campus.call("POST", "", {**STANDUP, "meeting_name": "B"}, Idempotency_Key="k")

    assert answers[0].json() == answers[1].json()
    assert other.status_code == 409
    assert (await campus.call("GET", "")).json()["count"] == 1
