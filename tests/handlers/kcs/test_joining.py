from __future__ import annotations

from typing import Any

from handlers.dialects import names
from tests.handlers.kcs.conftest import Campus


def id_of(text: str) -> Any:
    return names.read(text)


# --- joining ---


async def test_joining_answers_all_a_client_needs(campus: Campus) -> None:
    meeting = await campus.live()

    joined = await campus.data("POST", f"/{meeting}/join", user="bob")

    assert joined["meeting"]["id"] == meeting
    assert joined["meeting"]["meeting_room_id"].startswith("room_")
    assert joined["meeting"]["features"]["chat_enabled"] is True
    assert joined["meeting"]["webrtc_config"]["media_constraints"]["video"]["frameRate"] == 30
    assert joined["participant"]["id"].startswith("participant_")
    assert joined["participant"]["user_id"] == "bob"
    assert joined["participant"]["permissions"] == {
        "can_share_screen": True,
        "can_use_chat": True,
        "can_use_whiteboard": False,
        "is_moderator": False,
        "is_host": False,
        "can_unmute_others": False,
        "can_manage_participants": False,
        "can_record": False,
        "can_manage_breakout_rooms": False,
    }
    assert (joined["canJoin"], joined["waitingRoomEnabled"]) == (True, False)
    assert (joined["admission"], joined["token_type"]) == ("admitted", "Bearer")
    assert joined["expires_in"] > 0


async def test_the_token_of_joining_opens_the_socket(campus: Campus) -> None:
    meeting = await campus.live()
    joined = await campus.data("POST", f"/{meeting}/join", user="bob")

    identity = campus.api.lobby.context.tokens.verify(joined["access_token"])

    assert identity.kind == "participant"
    assert identity.sub == str(id_of(joined["participant"]["id"]))
    assert identity.room_id == id_of(meeting)


async def test_who_joins_again_has_the_seat_they_had(campus: Campus) -> None:
    meeting = await campus.live()

    first, second = [await campus.data("POST", f"/{meeting}/join", user="bob") for _ in range(2)]

    assert first["participant"] == second["participant"]


async def test_a_scheduled_meeting_begins_when_its_host_comes(campus: Campus) -> None:
    meeting = await campus.meeting()

    joined = await campus.data("POST", f"/{meeting}/join")

    assert joined["meeting"]["meeting_status"] == "live"
    assert joined["participant"]["permissions"]["is_host"] is True


async def test_a_full_meeting_and_one_that_is_over_say_so(campus: Campus) -> None:
    meeting = await campus.live(max_participants=2)
    await campus.join(meeting, "bob")
    await campus.join(meeting, "cy")

    full = await campus.refused("POST", f"/{meeting}/join", user="ann")
    await campus.data("POST", f"/{meeting}/end")
    over = await campus.refused("POST", f"/{meeting}/join", user="bob")

    assert full == (409, "MEETING_FULL", "Meeting is full")
    assert over == (410, "MEETING_ENDED", "Meeting has ended")


async def test_who_leaves_is_there_no_more_and_may_come_back(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.join(meeting, "bob")

    left = await campus.data("POST", f"/{meeting}/leave", user="bob")
    gone = await campus.data("GET", f"/{meeting}")
    back = await campus.data("POST", f"/{meeting}/join", user="bob")

    assert left == {"participant_id": bob, "left": True}
    assert gone["current_participants"] == []
    assert back["participant"]["id"] == bob


# --- the waiting room ---


async def test_in_a_waiting_room_everybody_waits_until_a_host_lets_them_in(
    campus: Campus,
) -> None:
    meeting = await campus.live(waiting_room_enabled=True)
    await campus.join(meeting, "ann")

    waits = await campus.data("POST", f"/{meeting}/join", user="bob")
    listed = (await campus.call("GET", f"/{meeting}/waiting-room")).json()
    decided = await campus.data(
        "POST",
        f"/{meeting}/waiting-room/admit",
        {"participant_ids": [waits["participant"]["id"]]},
    )
    comes = await campus.data("POST", f"/{meeting}/join", user="bob")

    assert (waits["canJoin"], waits["admission"]) == (False, "waiting")
    assert waits["waitingRoomEnabled"] is True
    assert waits["access_token"] is waits["refresh_token"] is None
    assert listed["count"] == 1
    assert listed["data"][0]["user_id"] == "bob"
    assert listed["data"][0]["requested_at"].endswith("Z")
    assert decided == {"decided_count": 1, "participants": [waits["participant"]["id"]]}
    assert (comes["canJoin"], comes["admission"]) == (True, "admitted")
    assert comes["access_token"]


async def test_all_who_wait_are_let_in_or_turned_away_at_once(campus: Campus) -> None:
    meeting = await campus.live(waiting_room_enabled=True)
    for user in ("bob", "cy"):
        await campus.data("POST", f"/{meeting}/join", user=user)

    denied = await campus.data(
        "POST", f"/{meeting}/waiting-room/deny", {"participant_ids": ["cy"], "reason": "no"}
    )
    admitted = await campus.data("POST", f"/{meeting}/waiting-room/admit", {})

    assert (denied["decided_count"], admitted["decided_count"]) == (1, 1)
    assert (await campus.data("POST", f"/{meeting}/join", user="bob"))["canJoin"] is True
    assert await campus.refused("POST", f"/{meeting}/join", user="cy") == (
        403,
        "ACCESS_DENIED",
        "Access denied",
    )


async def test_with_host_approval_who_was_not_invited_may_ask(campus: Campus) -> None:
    meeting = await campus.live(require_host_approval=True)

    invited = await campus.data("POST", f"/{meeting}/join", user="bob")
    stranger = await campus.data("POST", f"/{meeting}/join", user="dan")
    peeks = await campus.refused("GET", f"/{meeting}", user="dan")
    await campus.data("POST", f"/{meeting}/waiting-room/admit", {})
    comes = await campus.data("POST", f"/{meeting}/join", user="dan")

    assert (invited["canJoin"], stranger["canJoin"], comes["canJoin"]) == (True, False, True)
    assert peeks[0] == 403
    assert (await campus.call("GET", f"/{meeting}", user="dan")).status_code == 200
