from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from infra.contract.commands import EndRoom, UpdateTenant
from infra.contract.ids import ParticipantId, RecordingId, new_id
from infra.contract.views import Turn
from infra.db.engine import make_engine
from tests.support.house import joining
from tests.workers.webhooks.conftest import Post
from workers.webhooks import bodies


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """What is said is the same whatever it was read from."""
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


def turn(text: str = "Good morning.") -> Turn:
    return Turn(
        speaker_id=ParticipantId(new_id()), speaker="Ann", start_ms=1000, end_ms=2500, text=text
    )


def test_a_meetings_story_is_told_by_its_own_names(untranscribed: Post) -> None:
    post = untranscribed
    post.endpoint()
    seat = post.house.add(post.room).participant.id
    connection = post.house.enter(post.room, seat)
    post.house.wait(minutes=5)
    post.house.leave(post.room, seat, connection)
    post.house.do(EndRoom(tenant_id=post.tenant.id, room_id=post.room.id))

    post.deliver()

    told = post.heard()
    joined, left, ended = told
    assert [one["type"] for one in told] == [
        "participant.joined",
        "participant.left",
        "meeting.ended",
    ]
    assert all(one["event"] == one["type"] for one in told)
    assert all(one["data"]["meeting_id"] == str(post.room.id) for one in told)
    assert joined["data"]["participant_id"] == joined["participant"]["id"] == str(seat)
    assert joined["participant"] == {
        "id": str(seat),
        "external_user_id": None,
        "display_name": "Ann",
        "role": "participant",
        "joined_at": "2030-05-01T12:00:00.000Z",
        "left_at": None,
    }
    assert left["participant"]["left_at"] == left["timestamp"] == "2030-05-01T12:05:00.000Z"
    assert ended["meeting"] == {
        "id": str(post.room.id),
        "name": "Physics",
        "started_at": "2030-05-01T12:00:00.000Z",
        "ended_at": "2030-05-01T12:05:00.000Z",
        "duration_seconds": 300.0,
        "participant_count": 1,
    }


def test_a_room_that_is_live_when_it_is_made_has_started(untranscribed: Post) -> None:
    post = untranscribed
    post.endpoint("meeting.started")
    made = post.house.room(post.tenant, "Chemistry")
    post.house.add(post.room)
    post.house.do(joining(post.tenant.id, "Biology"))

    post.deliver()

    chemistry, biology = post.heard()
    assert chemistry["meeting"]["id"] == str(made.id)
    assert chemistry["meeting"]["started_at"] == chemistry["timestamp"]
    assert chemistry["data"]["seq"] == 0
    assert biology["meeting"]["name"] == "Biology"


def test_a_recording_is_told_with_its_transcript_once_that_is_there(post: Post) -> None:
    post.endpoint("meeting.recording_ready", "meeting.transcript_ready")
    post.house.come(post.room)
    recording = post.recorded()
    post.deliver()
    assert post.heard() == []

    said = turn()
    post.transcribed(recording, said)
    post.deliver()

    ready, transcript_ready = post.heard()
    assert ready["event"] == "meeting.recording_ready"
    assert ready["recording"] | {"expires_at": None, "download_url": None} == {
        "id": str(recording),
        "status": "ready",
        "started_at": "2030-05-01T12:00:00.000Z",
        "stopped_at": "2030-05-01T12:00:00.000Z",
        "duration_seconds": 61.5,
        "size_bytes": 1000,
        "download_url": None,
        "download_api": f"http://127.0.0.1:8080/api/v1/recordings/{recording}/download",
        "expires_at": None,
    }
    assert ready["recording"]["download_url"].startswith("https://store.example/")
    assert ready["transcript"]["text"] == "Ann: Good morning."
    assert ready["transcript"]["segments"] == [
        {
            "start": 1.0,
            "end": 2.5,
            "speaker": "Ann",
            "speaker_id": str(said.speaker_id),
            "text": "Good morning.",
        }
    ]
    assert ready["transcript"]["language"] == "en"
    assert ready["transcript"]["word_count"] == 2
    assert [person["display_name"] for person in ready["participants"]] == ["Ann"]
    assert (ready["summary"], ready["action_items"], ready["errors"]) == (None, [], [])
    assert transcript_ready["type"] == "meeting.transcript_ready"
    assert transcript_ready["transcript"] == ready["transcript"]
    assert ready["data"]["seq"] == transcript_ready["data"]["seq"]


def test_a_transcript_that_failed_is_told_as_missing(post: Post) -> None:
    post.endpoint("meeting.recording_ready")
    recording = post.recorded()

    post.transcribed(recording, failed="the speech model is not available")
    post.deliver()

    (ready,) = post.heard()
    assert ready["transcript"] is None
    assert ready["recording"]["download_url"]
    assert ready["errors"] == [
        {
            "field": "transcript",
            "code": "TRANSCRIPT_FAILED",
            "message": "the speech model is not available",
        }
    ]


def test_without_transcription_nothing_is_waited_for(untranscribed: Post) -> None:
    untranscribed.endpoint("meeting.recording_ready")

    untranscribed.recorded()
    untranscribed.deliver()

    (ready,) = untranscribed.heard()
    assert (ready["transcript"], ready["errors"]) == (None, [])


def test_a_recording_deleted_meanwhile_is_told_as_missing(untranscribed: Post) -> None:
    untranscribed.endpoint("meeting.recording_ready")
    untranscribed.say("recording.ready", {"recording_id": str(RecordingId(new_id()))})

    untranscribed.deliver()

    (ready,) = untranscribed.heard()
    assert ready["recording"] is None
    assert ready["errors"][0]["code"] == "RECORDING_DELETED"


def test_a_transcript_of_megabytes_is_left_to_the_api(post: Post) -> None:
    post.endpoint("meeting.transcript_ready")
    recording = post.recorded()

    post.transcribed(recording, *[turn("word " * 2000)] * 120)
    post.deliver()

    (ready,) = post.heard()
    assert ready["transcript"]["segments"] == []
    assert ready["errors"][0]["field"] == "transcript.segments"
    assert len(ready["transcript"]["text"]) > bodies.SEGMENTS_LIMIT_BYTES


def configured(post: Post, **hook: Any) -> None:
    secret = hook.pop("secret", None)
    post.house.do(
        UpdateTenant(
            tenant_id=post.tenant.id,
            config={"post_meeting_webhook": hook},
            webhook_secret_sealed=post.sealed(secret) if secret else None,
        )
    )


def test_a_configured_webhook_hears_of_recordings_with_the_parts_it_wants(post: Post) -> None:
    configured(
        post,
        url=post.receiver.url,
        secret="whsec_" + "ab" * 32,
        include_transcript=False,
        include_summary=True,
    )
    post.house.come(post.room)

    post.recorded()
    post.deliver()

    (ready,) = post.heard()
    assert ready["type"] == "meeting.recording_ready"
    assert ready["transcript"] is None
    assert [error["field"] for error in ready["errors"]] == ["summary"]
    configured(post, enabled=False)
    post.recorded()
    configured(post, enabled=True, events=["participant.joined"])
    post.house.come(post.room)
    post.deliver()
    assert [one["type"] for one in post.heard()][1:] == ["participant.joined"]


def test_a_body_is_what_it_says_it_is(untranscribed: Post) -> None:
    untranscribed.room = untranscribed.house.room(untranscribed.tenant, "Übung “1”")
    untranscribed.endpoint()
    untranscribed.house.come(untranscribed.room)

    untranscribed.deliver()

    assert json.loads(untranscribed.receiver.heard[-1].body)["meeting"]["name"] == "Übung “1”"
