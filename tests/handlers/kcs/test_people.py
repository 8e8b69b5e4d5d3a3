from __future__ import annotations

from typing import Any

import pytest

from handlers.dialects import names
from infra.contract.commands import Person, PutPeople
from infra.contract.ids import ParticipantId, RoomId, TenantId, TrackId, new_id
from infra.contract.statistics import LinkFigures, LiveFigures
from infra.contract.views import TrackView
from infra.settings import settings
from tests.handlers.kcs.conftest import Campus

NOBODY = {
    "video_enabled": False,
    "audio_enabled": False,
    "screen_sharing": False,
    "is_speaking": False,
    "is_muted_by_host": False,
}


def id_of(text: str) -> Any:
    return names.read(text)


# --- who is there ---


async def test_participants_are_shown_with_what_they_do_now(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.join(meeting, "bob")
    await campus.data("POST", f"/{meeting}/join", user="cy")
    room = RoomId(id_of(meeting))
    seat = ParticipantId(id_of(bob))
    campus.bus.published[room] = tuple(
        TrackView.model_validate(
            {"track_id": TrackId(new_id()), "participant_id": seat, "kind": kind, **track}
        )
        for kind, track in (
            ("video", {"source": "camera"}),
            ("video", {"source": "screen"}),
            ("audio", {"source": "microphone", "muted": True, "muted_by_host": True}),
        )
    )
    campus.bus.measured[room] = figures(room, seat, speaking=True, quality=3)

    listed = (await campus.call("GET", f"/{meeting}/participants", user="bob")).json()

    by_user = {each["user_id"]: each for each in listed["data"]}
    assert listed["count"] == 3
    shown = by_user["bob"]
    assert (shown["id"], shown["participant_name"]) == (bob, "Bob")
    assert (shown["connection_status"], shown["connection_quality"]) == ("connected", "good")
    assert shown["joined_at"].endswith("Z")
    assert shown["media_status"] == {
        "video_enabled": True,
        "audio_enabled": False,
        "screen_sharing": True,
        "is_speaking": True,
        "is_muted_by_host": True,
    }
    assert by_user["cy"]["connection_status"] == "connecting"
    assert by_user["ann"]["connection_status"] == "disconnected"
    assert by_user["ann"]["connection_quality"] is None
    assert by_user["ann"]["joined_at"] is None
    assert by_user["ann"]["media_status"] == NOBODY
    assert by_user["ann"]["permissions"]["is_host"] is True


def figures(
    room: RoomId, seat: ParticipantId, *, speaking: bool = False, quality: int | None = None
) -> LiveFigures:
    link = LinkFigures(
        participant_id=seat,
        producers=2,
        consumers=3,
        incoming_bps=2_500_000,
        outgoing_bps=1_800_000,
        rtt_ms=45.04,
        loss=0.02,
        jitter_ms=12.0,
        speaking=speaking,
        quality=quality,
    )
    return LiveFigures.model_validate(
        {"room_id": room, "epoch": 1, "at": "2030-05-01T12:00:00Z", "links": [link]}
    )


# --- inviting and removing ---


async def test_people_are_added_by_user_or_address(campus: Campus) -> None:
    meeting = await campus.meeting()
    guests: list[dict[str, Any]] = [
        {"user_id": "dan"},
        {"email": "eve@example.org", "name": "Eve Adams", "role": "presenter"},
        {"user_id": "bob"},
    ]

    added = await campus.data(
        "POST",
        f"/{meeting}/participants",
        {"participants": guests, "send_invitation": False, "participant_role": "attendee"},
    )

    assert added["added_count"] == 2
    dan, eve, bob = added["participants"]
    assert (dan["user_id"], dan["role"], dan["invitation_sent"]) == ("dan", "attendee", False)
    assert (eve["user_id"], eve["participant_name"], eve["role"]) == (
        None,
        "Eve Adams",
        "presenter",
    )
    assert (bob["user_id"], bob["role"]) == ("bob", "presenter")
    assert (await campus.call("GET", f"/{meeting}", user="dan")).status_code == 200


async def test_an_invitation_is_said_to_be_sent_only_where_mail_is(
    campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await campus.meeting()

    async def sent(user: str, send: bool) -> bool:
        body = {
            "participants": [{"user_id": user, "email": f"{user}@example.org"}],
            "send_invitation": send,
            "invitation_message": "Do come",
        }
        added = await campus.data("POST", f"/{meeting}/participants", body)
        return bool(added["participants"][0]["invitation_sent"])

    without = await sent("dan", True)
    monkeypatch.setenv("PARLEY_SMTP_URL", "smtp://127.0.0.1:2525?starttls=never")
    settings.cache_clear()
    try:
        unasked, asked = await sent("eve", False), await sent("fay", True)
    finally:
        settings.cache_clear()

    assert (without, unasked, asked) == (False, False, True)


async def test_who_cannot_be_added_is_refused_with_400(campus: Campus) -> None:
    meeting = await campus.meeting()
    wrong: list[dict[str, Any]] = [
        {"participants": []},
        {"participants": [{"name": "Eve"}]},
        {"participants": [{"email": "nowhere"}]},
        {"participants": [{"user_id": "dan", "name": "x" * 101}]},
        {"participants": [{"user_id": "dan", "role": "owner"}]},
        {"participants": [{"user_id": "dan"}], "invitation_message": "x" * 501},
        {"participants": [{"user_id": "dan"}], "participant_role": "admin"},
    ]

    for body in wrong:
        status, code, _ = await campus.refused("POST", f"/{meeting}/participants", body)
        assert (status, code) == (400, "VALIDATION_ERROR"), body


async def test_co_hosts_make_nobody_host_and_remove_no_host(campus: Campus) -> None:
    meeting = await campus.live()
    bob, cy = await campus.seat(meeting, "bob"), await campus.seat(meeting, "cy")
    for seat, role in ((bob, "co_host"), (cy, "host")):
        await campus.data("PATCH", f"/{meeting}/participants/{seat}/role", {"new_role": role})

    for role in ("host", "co_host"):
        added = await campus.refused(
            "POST",
            f"/{meeting}/participants",
            {"participants": [{"user_id": "dan", "role": role}]},
            user="bob",
        )
        assert added[:2] == (403, "ACCESS_DENIED")
    for victim in (cy, "ann"):
        removed = await campus.refused(
            "DELETE", f"/{meeting}/participants", {"participant_ids": [victim]}, user="bob"
        )
        assert removed[:2] == (403, "ACCESS_DENIED")


async def test_who_is_removed_is_in_the_meeting_no_more(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.join(meeting, "bob")
    cy = await campus.seat(meeting, "cy")

    removed = await campus.data(
        "DELETE",
        f"/{meeting}/participants",
        {"participant_ids": [bob, cy, "nobody"], "reason": "noise"},
    )

    assert removed["removed_count"] == 2
    assert sorted(removed["participants_removed"]) == sorted([bob, cy])
    listed = await campus.data("GET", f"/{meeting}/participants")
    assert [each["user_id"] for each in listed] == ["ann"]
    assert (await campus.refused("GET", f"/{meeting}", user="bob"))[0] == 403
    assert (await campus.refused("POST", f"/{meeting}/join", user="bob"))[0] == 403


async def test_removing_works_where_a_delete_loses_its_body(campus: Campus) -> None:
    meeting = await campus.meeting()
    bob, cy = await campus.seat(meeting, "bob"), await campus.seat(meeting, "cy")

    by_query = await campus.data("DELETE", f"/{meeting}/participants?participant_ids={bob},x")
    by_post = await campus.data(
        "POST", f"/{meeting}/participants/remove", {"participant_ids": ["cy"]}
    )
    nobody = await campus.refused("DELETE", f"/{meeting}/participants")

    assert by_query["participants_removed"] == [bob]
    assert by_post["participants_removed"] == [cy]
    assert nobody == (400, "UNUSABLE", "participant_ids: name at least one")


async def test_removing_again_under_one_key_is_answered_as_the_first_time(campus: Campus) -> None:
    meeting = await campus.meeting()
    bob = await campus.seat(meeting, "bob")

    first, second = [
        await campus.data(
            "DELETE",
            f"/{meeting}/participants",
            {"participant_ids": [bob]},
            Idempotency_Key="r",
        )
        for _ in range(2)
    ]

    assert first == second == {"removed_count": 1, "participants_removed": [bob]}


# --- roles ---


async def test_a_host_gives_roles_and_permissions(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.seat(meeting, "bob")

    co_host = await campus.data(
        "PATCH", f"/{meeting}/participants/{bob}/role", {"new_role": "co_host"}
    )
    attendee = await campus.data(
        "PATCH",
        f"/{meeting}/participants/{bob}/role",
        {"new_role": "attendee", "permissions": {"can_manage_participants": True}},
    )
    adds = await campus.call(
        "POST", f"/{meeting}/participants", {"participants": [{"user_id": "dan"}]}, user="bob"
    )

    assert co_host == {
        "participant_id": bob,
        "new_role": "co_host",
        "permissions": {
            "can_share_screen": True,
            "can_unmute_others": True,
            "can_manage_participants": True,
            "can_record": True,
            "can_manage_breakout_rooms": True,
        },
    }
    assert attendee["new_role"] == "attendee"
    assert attendee["permissions"] == {
        "can_share_screen": False,
        "can_unmute_others": False,
        "can_manage_participants": True,
        "can_record": False,
        "can_manage_breakout_rooms": False,
    }
    assert adds.status_code == 200


async def test_the_creator_stays_host_and_strangers_have_no_role(campus: Campus) -> None:
    meeting = await campus.live()
    ann = await campus.seat(meeting, "ann")
    role = f"/{meeting}/participants/{{}}/role"

    demoted = await campus.refused("PATCH", role.format(ann), {"new_role": "attendee"})
    unknown = await campus.refused(
        "PATCH", role.format(names.shown("participant", new_id())), {"new_role": "host"}
    )
    malformed = await campus.refused("PATCH", role.format("ann"), {"new_role": "host"})

    assert demoted[:2] == (403, "ACCESS_DENIED")
    assert unknown == malformed == (404, "PARTICIPANT_NOT_FOUND", "Participant not found")


# --- the directory ---


async def test_people_to_add_are_searched_in_the_campuss_own_directory(campus: Campus) -> None:
    meeting = await campus.meeting()
    await campus.bus.ask(
        PutPeople(
            tenant_id=TenantId(id_of(campus.tenant_id)),
            people=tuple(
                Person(user_id=user, name=name, email=f"{user}@example.org", role=role)
                for user, name, role in (
                    ("bob", "Bob Johnson", "student"),
                    ("user_789", "Alice Johnson", "teacher"),
                    ("dan", "Dan Johnson", "student"),
                )
            ),
        )
    )

    async def search(**body: Any) -> Any:
        return await campus.data("POST", f"/{meeting}/search-users", body)

    everybody = await search(query="johnson", limit=2)
    teachers = await search(query="alice", user_types=["teacher"])
    others = await search(query="johnson", exclude_current_participants=True)
    literal = await search(query=".*")

    assert (len(everybody["users"]), everybody["total"], everybody["limit"]) == (2, 3, 2)
    assert teachers["users"] == [
        {
            "user_id": "user_789",
            "name": "Alice Johnson",
            "email": "user_789@example.org",
            "role": "teacher",
            "department": None,
        }
    ]
    assert {each["user_id"] for each in others["users"]} == {"user_789", "dan"}
    assert others["limit"] == 10
    assert literal["users"] == []
