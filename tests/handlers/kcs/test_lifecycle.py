from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.kcs.conftest import STANDUP, Campus


async def test_a_meeting_is_started_and_ended_once(campus: Campus) -> None:
    meeting = await campus.meeting()

    started = await campus.data("POST", f"/{meeting}/start")
    again = await campus.refused("POST", f"/{meeting}/start")
    ended = await campus.data("POST", f"/{meeting}/end")
    over = await campus.refused("POST", f"/{meeting}/end")

    assert (started["id"], started["meeting_status"]) == (meeting, "live")
    assert started["meeting_room_id"].startswith("room_")
    assert started["webrtc_config"]["ice_servers"] == []
    assert again == (409, "MEETING_NOT_SCHEDULED", "Meeting is not scheduled")
    assert ended["meeting_status"] == "ended"
    assert ended["analytics"]["total_duration_minutes"] == 0
    assert ended["analytics"]["peak_participants"] == 0
    assert over == (409, "MEETING_ENDED", "Meeting has ended")


async def test_a_cancelled_meeting_is_joined_and_started_by_nobody(campus: Campus) -> None:
    meeting = await campus.meeting()

    cancelled = await campus.data("POST", f"/{meeting}/cancel")

    assert cancelled["meeting_status"] == "cancelled"
    assert (await campus.refused("POST", f"/{meeting}/start"))[0] == 409
    assert await campus.refused("POST", f"/{meeting}/join", user="bob") == (
        410,
        "MEETING_ENDED",
        "Meeting has ended",
    )


@pytest.mark.parametrize("kind", ["scheduled", "instant"])
async def test_a_deleted_meeting_is_gone_for_everybody(campus: Campus, kind: str) -> None:
    meeting = await campus.meeting(meeting_type=kind)

    gone = await campus.data("DELETE", f"/{meeting}", Idempotency_Key="d")
    retried = await campus.data("DELETE", f"/{meeting}", Idempotency_Key="d")

    assert (gone["id"], gone["is_deleted"]) == (meeting, True)
    assert gone["updated_at"].endswith("Z")
    assert retried == gone
    for user in ("ann", "bob"):
        assert (await campus.refused("GET", f"/{meeting}", user=user))[0] == 404
        assert (await campus.call("GET", "", user=user)).json()["count"] == 0
    assert (await campus.refused("DELETE", f"/{meeting}"))[0] == 404


async def test_a_series_is_one_meeting_scheduled_anew_after_each_occurrence(
    campus: Campus,
) -> None:
    series = await campus.meeting(meeting_type="recurring", recurrence="FREQ=WEEKLY;COUNT=3")
    shown = await campus.data("GET", f"/{series}")
    listed = (await campus.call("GET", f"/{series}/occurrences?limit=2", user="bob")).json()

    await campus.data("POST", f"/{series}/start")
    ended = await campus.data("POST", f"/{series}/end")
    after = await campus.data("GET", f"/{series}")

    assert shown["recurrence"] == "FREQ=WEEKLY;COUNT=3"
    assert shown["next_occurrences"] == [f"2055-11-{day}T09:00:00Z" for day in ("04", "11", "18")]
    assert listed["count"] == 2
    assert listed["data"][1] == {
        "meeting_start_time": "2055-11-11T09:00:00Z",
        "meeting_end_time": "2055-11-11T09:30:00Z",
    }
    assert ended["meeting_status"] == "ended"
    assert (after["meeting_status"], after["meeting_start_time"]) == (
        "scheduled",
        "2055-11-11T09:00:00Z",
    )


async def test_a_recurring_meeting_needs_no_rule(campus: Campus) -> None:
    made = await campus.data("POST", "", {**STANDUP, "meeting_type": "recurring"})
    path = f"/{made['id']}"
    for _ in range(2):
        await campus.data("POST", f"{path}/start")
        await campus.data("POST", f"{path}/end")

    again = await campus.data("GET", path)
    assert (again["meeting_type"], again["meeting_status"]) == ("recurring", "scheduled")
    assert again["next_occurrences"] == []


async def test_a_rule_that_cannot_be_is_refused(campus: Campus) -> None:
    wrong: list[dict[str, Any]] = [
        {"meeting_type": "scheduled", "recurrence": "FREQ=DAILY"},
        {"meeting_type": "recurring", "recurrence": "FREQ=SECONDLY"},
        {"meeting_type": "recurring", "recurrence": "every day"},
    ]
    for fields in wrong:
        status, code, _ = await campus.refused("POST", "", {**STANDUP, **fields})

        assert (status, code) == (400, "INVALID_RECURRENCE"), fields
