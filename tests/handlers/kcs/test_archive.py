from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from handlers.dialects import names
from infra.contract.ids import ParticipantId, RecordingId, RoomId
from infra.db import recordings
from tests.handlers.kcs.conftest import Campus
from tests.handlers.kcs.test_people import figures


def id_of(text: str) -> Any:
    return names.read(text)


# --- chat ---


async def test_the_chat_is_shown_newest_first(campus: Campus) -> None:
    meeting = await campus.live()
    await campus.join(meeting, "bob")
    for text in ("Hello everyone!", "Second", "Third"):
        await campus.data("POST", f"/{meeting}/chat", {"message": text}, user="bob")

    history = (await campus.call("GET", f"/{meeting}/chat?limit=2", user="cy")).json()
    rest = await campus.data("GET", f"/{meeting}/chat?limit=2&cursor={history['next_cursor']}")

    assert [each["message"] for each in history["data"] + rest] == [
        "Third",
        "Second",
        "Hello everyone!",
    ]
    [first] = rest
    assert first["id"].startswith("msg_")
    assert first["meeting_id"] == meeting
    assert (first["sender_id"], first["sender_name"]) == ("bob", "Bob")
    assert (first["message_type"], first["recipient_type"]) == ("text", "all")
    assert first["timestamp"].endswith("Z")
    assert first["is_deleted"] is False


async def test_private_messages_are_for_those_two_and_hosts_ones_for_hosts(
    campus: Campus,
) -> None:
    meeting = await campus.live()
    for user in ("ann", "bob", "cy"):
        await campus.join(meeting, user)
    cy = await campus.seat(meeting, "cy")
    chat = f"/{meeting}/chat"
    await campus.data(
        "POST",
        chat,
        {"message": "psst", "recipient_type": "private", "recipient_id": cy},
        user="bob",
    )
    await campus.data("POST", chat, {"message": "help", "recipient_type": "host"}, user="bob")

    async def read(user: str | None) -> list[str]:
        return [each["message"] for each in await campus.data("GET", chat, user=user)]

    assert await read("bob") == ["help", "psst"]
    assert await read("cy") == ["psst"]
    assert await read("ann") == ["help"]
    assert await read(None) == ["help", "psst"]


async def test_chat_that_is_off_or_misaddressed_is_refused(campus: Campus) -> None:
    silent = await campus.live(features={"chat_enabled": False})
    open_one = await campus.live()
    await campus.join(silent, "bob")
    bob = await campus.join(open_one, "bob")

    off = await campus.refused("POST", f"/{silent}/chat", {"message": "hi"}, user="bob")
    wrong: list[dict[str, Any]] = [
        {},
        {"message": ""},
        {"message": "x" * 4001},
        {"message": "hi", "message_type": "shout"},
    ]

    assert off == (403, "FEATURE_DISABLED", "Chat is disabled in this meeting")
    for body in wrong:
        refused = await campus.refused("POST", f"/{open_one}/chat", body, user="bob")
        assert refused[:2] == (400, "VALIDATION_ERROR"), body
    for nobody in ({}, {"recipient_id": "bob"}, {"recipient_id": bob[:-1] + "_"}):
        body = {"message": "hi", "recipient_type": "private", **nobody}
        refused = await campus.refused("POST", f"/{open_one}/chat", body, user="bob")
        assert refused[:2] == (404, "PARTICIPANT_NOT_FOUND"), body


# --- recordings ---


async def test_a_recording_is_shown_as_published(campus: Campus) -> None:
    meeting = await campus.live(features={"recording_enabled": True})
    started = await campus.data("POST", f"/{meeting}/recording/start")
    during = await campus.data("GET", f"/{meeting}/recordings", user="bob")
    stopped = await campus.data("POST", f"/{meeting}/recording/stop")
    with campus.api.lobby.tools.begin() as work:
        recordings.complete(
            work.connection,
            RecordingId(id_of(started["recording_id"])),
            object_key="rec/film.mp4",
            sha256=None,
            size_bytes=157_286_400,
            duration_seconds=3600.0,
            error_message=None,
        )

    [after] = (await campus.call("GET", f"/{meeting}/recordings", user="bob")).json()["data"]

    assert (started["status"], stopped["status"]) == ("recording", "processing")
    assert during[0]["is_available"] is False
    assert (during[0]["file_size_bytes"], during[0]["duration_seconds"]) == (0, 0)
    assert during[0]["ended_at"] is None
    assert after["id"] == started["recording_id"]
    assert after["id"].startswith("recording_")
    assert after["meeting_id"] == meeting
    assert (after["recording_type"], after["format"], after["quality"]) == ("video", "mp4", "")
    assert after["file_path"] == f"/recordings/{meeting}_001.mp4"
    assert (after["file_size_bytes"], after["duration_seconds"]) == (157_286_400, 3600)
    assert after["started_at"].endswith("Z") and after["ended_at"].endswith("Z")
    assert (after["is_available"], after["download_count"]) == (True, 0)


async def test_recording_that_is_off_or_not_running_is_refused(campus: Campus) -> None:
    without = await campus.live()
    meeting = await campus.live(features={"recording_enabled": True})

    off = await campus.refused("POST", f"/{without}/recording/start")
    none = await campus.refused("POST", f"/{meeting}/recording/stop")
    await campus.data("POST", f"/{meeting}/recording/start")
    again = await campus.refused("POST", f"/{meeting}/recording/start")

    assert off == (403, "FEATURE_DISABLED", "Recording is disabled in this meeting")
    assert none == (409, "NOT_RECORDING", "No recording is in progress")
    assert again == (409, "ALREADY_RECORDING", "Recording is already in progress")


async def test_transcripts_are_those_of_the_meetings_recordings(campus: Campus) -> None:
    meeting = await campus.live(features={"recording_enabled": True})
    recording = (await campus.data("POST", f"/{meeting}/recording/start"))["recording_id"]
    await campus.data("POST", f"/{meeting}/recording/stop")
    before = await campus.data("GET", f"/{meeting}/transcripts", user="bob")
    with campus.api.lobby.tools.begin() as work:
        recordings.complete(
            work.connection,
            RecordingId(id_of(recording)),
            object_key="rec/film.mp4",
            sha256=None,
            size_bytes=1,
            duration_seconds=1.0,
            error_message=None,
        )
    await campus.api.made(f"/recordings/{id_of(recording)}/transcribe")

    [found] = await campus.data("GET", f"/{meeting}/transcripts", user="bob")

    assert before == []
    assert (found["meeting_id"], found["recording_id"]) == (meeting, recording)
    assert (found["status"], found["lines"]) == ("pending", [])


# --- figures ---


async def test_analytics_say_what_happened(campus: Campus) -> None:
    meeting = await campus.live()
    await campus.join(meeting, "bob")
    cy = await campus.join(meeting, "cy")
    await campus.data("POST", f"/{meeting}/chat", {"message": "hi"}, user="bob")
    await campus.go(meeting, cy)
    await campus.come(meeting, cy)

    for_host = await campus.data("GET", f"/{meeting}/analytics")
    for_bob = await campus.data("GET", f"/{meeting}/analytics", user="bob")

    assert for_host["meeting_id"] == meeting
    assert for_host["analytics"] == {
        "total_duration_minutes": 0,
        "peak_participants": 2,
        "total_participants_joined": 2,
        "connection_quality_avg": 0,
        "chat_messages_count": 1,
        "screen_shares_count": 0,
    }
    assert for_bob["analytics"] == for_host["analytics"]
    [bob, _] = for_host["participant_analytics"]
    assert {name: bob[name] for name in bob if name != "participant_id"} == {
        "user_id": "bob",
        "participant_name": "Bob",
        "total_time_minutes": 0,
        "connection_quality_avg": 0,
        "messages_sent": 1,
        "screen_shares": 0,
    }
    assert for_bob["participant_analytics"] == [bob]


async def test_a_meeting_lasts_from_its_start_not_from_when_it_was_made(campus: Campus) -> None:
    meeting = await campus.meeting()
    await campus.data("POST", f"/{meeting}/start")
    with campus.api.lobby.tools.begin() as work:
        past = work.now - timedelta(days=3)
        table = recordings.RECORDINGS.metadata.tables["rooms"]
        work.connection.execute(table.update().values(created_at=past))

    ended = await campus.data("POST", f"/{meeting}/end")

    assert ended["analytics"]["total_duration_minutes"] == 0


async def test_live_figures_are_the_media_servers_and_zero_when_it_is_over(
    campus: Campus,
) -> None:
    meeting = await campus.live()
    bob = await campus.join(meeting, "bob")
    room = RoomId(id_of(meeting))
    before = await campus.data("GET", f"/{meeting}/live-stats")
    campus.bus.measured[room] = figures(room, ParticipantId(id_of(bob)))

    during = await campus.data("GET", f"/{meeting}/live-stats", user="bob")
    whole = await campus.data("GET", f"/{meeting}", user="bob")
    await campus.data("POST", f"/{meeting}/end")
    after = await campus.data("GET", f"/{meeting}/live-stats", user="bob")

    nothing = {"average_rtt": 0, "packet_loss_rate": 0, "jitter": 0}
    assert (before["active_participants"], before["quality_stats"]) == (1, nothing)
    assert during == {
        "meeting_id": meeting,
        "timestamp": "2030-05-01T12:00:00Z",
        "active_participants": 1,
        "producers": 2,
        "consumers": 3,
        "bitrate": {"incoming": 2_500_000, "outgoing": 1_800_000},
        "quality_stats": {"average_rtt": 45.0, "packet_loss_rate": 0.02, "jitter": 12.0},
    }
    assert whole["liveStats"] == {
        "activeParticipants": 1,
        "producers": 2,
        "consumers": 3,
        "bitrate": {"incoming": 2_500_000, "outgoing": 1_800_000},
    }
    assert (after["active_participants"], after["producers"]) == (0, 0)
    assert after["bitrate"] == {"incoming": 0, "outgoing": 0}
    assert after["quality_stats"] == nothing
    assert after["timestamp"].endswith("Z")


async def test_attendance_is_one_line_a_visit(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.join(meeting, "bob")
    await campus.go(meeting, bob)
    await campus.come(meeting, bob)
    await campus.join(meeting, "cy")

    [of_bob, of_cy] = await campus.data("GET", f"/{meeting}/attendance")
    own = await campus.data("GET", f"/{meeting}/attendance", user="cy")
    table = await campus.call("GET", f"/{meeting}/attendance?format=csv")

    assert (of_bob["user_id"], of_bob["role"]) == ("bob", "presenter")
    assert len(of_bob["visits"]) == 2
    assert of_bob["visits"][1]["left_at"] is None
    assert own == [of_cy]
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["user_id"] for row in rows] == ["bob", "bob", "cy"]
    assert [bool(row["left_at"]) for row in rows] == [True, False, False]
    assert rows[0]["joined_at"] == of_bob["visits"][0]["joined_at"]


async def test_no_name_is_a_formula_in_a_spreadsheet(campus: Campus) -> None:
    meeting = await campus.live(participants=["=1+1"])
    await campus.join(meeting, "=1+1")

    table = await campus.call("GET", f"/{meeting}/attendance?format=csv")

    [row] = csv.DictReader(io.StringIO(table.text))
    assert (row["user_id"], row["participant_name"]) == ("'=1+1", "'=1+1")


# --- the whole campus ---


async def test_system_statistics_are_for_administrators(campus: Campus) -> None:
    meeting = await campus.live()
    bob = await campus.join(meeting, "bob")
    await campus.meeting()
    other = Campus(campus.api, *await campus.api.tenant())
    await other.live()
    campus.bus.pod()
    room = RoomId(id_of(meeting))
    campus.bus.measured[room] = figures(room, ParticipantId(id_of(bob)))

    stats = await campus.data("GET", "/system/stats", user="head", role="admin")
    by_key = await campus.data("GET", "/system/stats", user=None)

    assert stats == by_key
    assert (stats["total_meetings"], stats["active_meetings"]) == (2, 1)
    assert stats["total_participants_online"] == 1
    assert stats["webrtc_stats"] == {
        "available": True,
        "workers": 1,
        "routers": 1,
        "active_rooms": 1,
    }
    assert stats["performance"] == {
        "avg_connection_quality": 0,
        "avg_bitrate_mbps": 4.3,
        "cpu_usage": 0,
        "memory_usage": 0,
    }
    for role in ("student", "teacher", "host"):
        assert await campus.refused("GET", "/system/stats", role=role) == (
            403,
            "ACCESS_DENIED",
            "Access denied",
        )
