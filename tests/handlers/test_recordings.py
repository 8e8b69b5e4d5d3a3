from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.contract.commands import (
    ArchiveRecording,
    CountDownload,
    DeleteRecording,
    RecoverRecording,
    SyncRecordings,
    SyncReport,
)
from infra.contract.ids import ParticipantId, RecordingId, TenantId, TranscriptId, new_id
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, RecordingView, Turn
from infra.db import recordings, transcripts
from tests.support.api import Api

FILM = bytes(range(256)) * 40


async def ready(api: Api, room: str) -> str:
    """A recording whose file is stored."""
    started = await api.made(f"/rooms/{room}/recordings/start")
    await api.made(f"/rooms/{room}/recordings/stop")
    key = f"rec/{started['id']}/recording.mp4"
    local = Path(api.lobby.settings.home) / "film.mp4"
    local.write_bytes(FILM)
    api.lobby.context.store.put(key, local, content_type="video/mp4")
    with api.lobby.tools.begin() as work:
        recordings.complete(
            work.connection,
            RecordingId(UUID(started["id"])),
            object_key=key,
            sha256=None,
            size_bytes=len(FILM),
            duration_seconds=12.5,
            error_message=None,
        )
    return str(started["id"])


def view(api: Api, recording: str) -> RecordingView:
    with api.lobby.engine.connect() as connection:
        found = recordings.get(
            connection, TenantId(UUID(api.tenant_id)), RecordingId(UUID(recording))
        )
    assert found is not None
    return found


async def test_a_recording_is_started_once_and_stopped_once(api: Api) -> None:
    room = await api.room()
    start, stop = f"/rooms/{room}/recordings/start", f"/rooms/{room}/recordings/stop"

    started = await api.call("POST", start)
    again = await api.call("POST", start)
    stopped = await api.call("POST", stop)
    late = await api.call("POST", stop)

    assert started.status_code == 201
    assert started.json().keys() == {
        *("id", "room_id", "status", "storage_provider", "duration_seconds", "file_size_bytes"),
        *("started_at", "stopped_at", "error_message", "created_at"),
    }
    assert (again.status_code, again.json()["error"]) == (409, "recording already in progress")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "processing")
    assert (late.status_code, late.json()["error"]) == (404, "no active recording found")


async def test_only_a_host_records(api: Api) -> None:
    room = await api.room()
    guest = (await api.seat(room))["access_token"]

    answer = await api.call("POST", f"/rooms/{room}/recordings/start", token=guest)

    assert (answer.status_code, answer.json()["error"]) == (403, "host role required")


async def test_a_recording_is_shown_in_full_by_its_id(api: Api) -> None:
    room = await api.room("Algebra")
    recording = await ready(api, room)

    seen = await api.got(f"/recordings/{recording}")
    listed = await api.got("/recordings")

    assert (seen["room_name"], seen["tenant_id"]) == ("Algebra", api.tenant_id)
    assert (seen["status"], seen["file_size_bytes"]) == ("ready", len(FILM))
    assert [each["id"] for each in listed["recordings"]] == [recording]
    assert (listed["total"], listed["limit"], listed["offset"]) == (1, 20, 0)


async def test_a_guest_sees_the_recordings_of_their_room_and_no_others(api: Api) -> None:
    room, other = await api.room(), await api.room()
    guest = (await api.seat(room))["access_token"]
    mine, theirs = await ready(api, room), await ready(api, other)

    listed = await api.got("/recordings", token=guest)

    assert [each["id"] for each in listed["recordings"]] == [mine]
    assert (await api.call("GET", f"/recordings/{theirs}", token=guest)).status_code == 404
    assert (await api.call("GET", f"/recordings/{theirs}/download", token=guest)).status_code == 404


async def test_a_user_without_a_room_reads_no_recordings(api: Api) -> None:
    recording = await ready(api, await api.room())
    wish = {"api_key": api.key, "user_id": "u7", "role": "student"}
    token = (await api.made("/auth/token", wish, key=""))["access_token"]

    for path in ("/recordings", f"/recordings/{recording}", f"/recordings/{recording}/transcript"):
        assert (await api.call("GET", path, token=token)).status_code == 403


async def test_a_download_link_gives_the_file_to_anybody_for_an_hour(api: Api) -> None:
    recording = await ready(api, await api.room('Al"ge\r\nbra/../é'))

    link = await api.got(f"/recordings/{recording}/download")
    file = await api.http.get(link["download_url"])

    assert (link["recording_id"], link["status"]) == (recording, "ready")
    assert (link["duration"], link["file_size"], link["provider"]) == (12.5, len(FILM), "disk")
    assert file.content == FILM
    assert file.headers["content-type"] == "video/mp4"
    disposition = file.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename\*=utf-8''[A-Za-z0-9._%-]+", disposition)


async def test_giving_out_a_link_leaves_a_trace(api: Api) -> None:
    recording = await ready(api, await api.room())

    await api.got(f"/recordings/{recording}/download")

    (told,) = [command for command in api.bus.told if isinstance(command, CountDownload)]
    assert str(told.recording_id) == recording
    assert (told.actor.kind, told.actor.id) == ("tenant", api.tenant_id)
    assert told.actor.address == "192.0.2.7"


async def test_a_link_is_answered_in_ranges(api: Api) -> None:
    url = (await api.got(f"/recordings/{await ready(api, await api.room())}/download"))[
        "download_url"
    ]

    part = await api.http.get(url, headers={"Range": "bytes=100-199"})
    beyond = await api.http.get(url, headers={"Range": "bytes=99999-"})
    many = ",".join(f"{n * 2}-{n * 2}" for n in range(5000))
    shredded = await api.http.get(url, headers={"Range": f"bytes={many}"})

    assert (part.status_code, part.content) == (206, FILM[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(FILM)}"
    assert beyond.status_code == 416
    assert shredded.status_code < 500


@pytest.mark.parametrize("field", ["expires", "filename", "type", "signature", "key"])
async def test_a_link_that_was_changed_opens_nothing(api: Api, field: str) -> None:
    url = (await api.got(f"/recordings/{await ready(api, await api.room())}/download"))[
        "download_url"
    ]
    changed = {
        "expires": url.replace("expires=", "expires=9"),
        "filename": url.replace("filename=", "filename=x"),
        "type": url.replace("type=video%2Fmp4", "type=text%2Fhtml"),
        "signature": url[:-1] + ("0" if url[-1] != "0" else "1"),
        "key": url.replace("recording.mp4", "manifest.jsonl"),
    }[field]

    answer = await api.http.get(changed)

    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")


@pytest.mark.parametrize(
    "path", ["", "x", "../keys/secret", "%2e%2e/keys/secret", "..%2f..%2fetc/passwd", "\0", "é"]
)
async def test_no_path_leads_out_of_the_store(api: Api, path: str) -> None:
    url = f"/files/{path.replace(chr(0), '%00')}?expires=9999999999&filename=a&type=b&signature=c"

    assert (await api.http.get(url)).status_code in (403, 404)


async def test_there_is_no_link_before_there_is_a_file(api: Api) -> None:
    room = await api.room()
    recording = (await api.made(f"/rooms/{room}/recordings/start"))["id"]

    link = await api.got(f"/recordings/{recording}/download")

    assert link["download_url"] is None
    assert (link["status"], link["message"]) == ("recording", "recording is recording")
    assert not api.bus.told


async def test_the_owners_of_recordings_are_asked_what_they_own(api: Api) -> None:
    room = await api.room()
    recording = await ready(api, room)
    as_it_is = view(api, recording)

    def now(state: RecordingState) -> Any:
        return lambda _: as_it_is.model_copy(update={"state": state})

    report = SyncReport(existing=2, synced=(as_it_is,), errors=("one",))
    api.bus.answer(SyncRecordings, lambda _: report)
    api.bus.answer(ArchiveRecording, now(RecordingState.ARCHIVED))
    api.bus.answer(RecoverRecording, now(RecordingState.PROCESSING))
    api.bus.answer(DeleteRecording, lambda _: Done())

    synced = await api.made(f"/rooms/{room}/recordings/sync")
    archived = await api.made(f"/recordings/{recording}/archive")
    of_room = await api.made(f"/rooms/{room}/recordings/{recording}/archive")
    recovered = await api.call("POST", f"/recordings/{recording}/recover")
    deleted = await api.call("DELETE", f"/recordings/{recording}")

    assert (synced["message"], synced["synced"], synced["synced_count"]) == ("sync completed", 1, 1)
    assert (synced["existing"], synced["errors"]) == (2, ["one"])
    assert archived == of_room
    assert (archived["id"], archived["status"]) == (recording, "archived")
    assert (recovered.status_code, recovered.json()["status"]) == (202, "processing")
    assert (deleted.status_code, deleted.json()["id"]) == (200, recording)


async def test_what_was_recovered_at_once_is_a_200(api: Api) -> None:
    recording = await ready(api, await api.room())
    as_it_is = view(api, recording)
    api.bus.answer(RecoverRecording, lambda _: as_it_is)

    answer = await api.call("POST", f"/recordings/{recording}/recover")

    assert (answer.status_code, answer.json()["message"]) == (200, "recording recovered")


async def test_a_recording_is_archived_only_through_its_own_room(api: Api) -> None:
    recording, other = await ready(api, await api.room()), await api.room()

    answer = await api.call("POST", f"/rooms/{other}/recordings/{recording}/archive")

    assert answer.status_code == 404


async def test_archiving_too_early_is_refused_in_the_published_words(api: Api) -> None:
    recording = await ready(api, await api.room())

    def early(_: ArchiveRecording) -> Done:
        raise refuse(Reason.RECORDING_NOT_READY)

    api.bus.answer(ArchiveRecording, early)

    answer = await api.call("POST", f"/recordings/{recording}/archive")

    assert answer.status_code == 400
    assert answer.json()["error"] == "recording must be ready and stored in R2"


# --- transcripts ---


TURNS = (
    Turn(
        speaker_id=ParticipantId(new_id()),
        speaker="Ann <b>",
        start_ms=1500,
        end_ms=2500,
        text="hello & welcome",
    ),
    Turn(speaker_id=None, speaker="Ben", start_ms=3000, end_ms=4000, text="thanks"),
)


async def transcribed(api: Api, room: str) -> tuple[str, str]:
    """A recording and its finished transcript."""
    recording = await ready(api, room)
    queued = await api.call("POST", f"/recordings/{recording}/transcribe", {"room_id": room})
    assert (queued.status_code, queued.json()["status"]) == (202, "pending")
    transcript = queued.json()["transcript_id"]
    with api.lobby.tools.begin() as work:
        transcripts.complete(
            work.connection,
            TranscriptId(UUID(transcript)),
            turns=TURNS,
            language="en",
            duration_seconds=12.5,
            word_count=3,
            dropped={"silence": 1},
            missing_ms=0,
            error_message=None,
            now=work.now,
        )
    return recording, transcript


async def test_a_transcript_says_who_said_what_and_when(api: Api) -> None:
    recording, transcript = await transcribed(api, await api.room())

    seen = await api.got(f"/recordings/{recording}/transcript")

    assert seen == await api.got(f"/transcription/{transcript}")
    assert (seen["status"], seen["word_count"], seen["language"]) == ("completed", 3, "en")
    assert seen["transcript_text"] == "Ann <b>: hello & welcome\nBen: thanks"
    first, second = seen["transcript_json"]["segments"]
    assert (first["start"], first["end"], first["text"]) == (1.5, 2.5, "hello & welcome")
    assert (first["speaker_id"], second["speaker_id"]) == (str(TURNS[0].speaker_id), None)


@pytest.mark.parametrize(
    ("kind", "media", "begins"),
    [
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT"),
        ("srt", "application/x-subrip; charset=utf-8", "1\n00:00:01,500"),
        ("txt", "text/plain; charset=utf-8", "[00:00:01] Ann"),
    ],
)
async def test_a_transcript_can_be_had_as_a_file(
    api: Api, kind: str, media: str, begins: str
) -> None:
    _, transcript = await transcribed(api, await api.room())

    answer = await api.call("GET", f"/transcription/{transcript}?format={kind}")

    assert answer.headers["content-type"] == media
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith(begins)


async def test_no_other_format_is_made_up(api: Api) -> None:
    _, transcript = await transcribed(api, await api.room())

    assert (await api.call("GET", f"/transcription/{transcript}?format=pdf")).status_code == 400


async def test_a_recording_that_was_not_transcribed_has_no_transcript(api: Api) -> None:
    recording = await ready(api, await api.room())

    answer = await api.call("GET", f"/recordings/{recording}/transcript")

    assert (answer.status_code, answer.json()["error"]) == (404, "transcript not found")


async def test_a_transcript_is_read_line_by_line(api: Api) -> None:
    room = await api.room()
    _, transcript = await transcribed(api, room)

    page = await api.got(f"/rooms/{room}/transcripts?limit=1&offset=1")
    whole = await api.got(f"/rooms/{room}/post-meeting-transcripts")

    assert (page["total"], page["limit"], page["offset"]) == (2, 1, 1)
    assert [(line["speaker"], line["text"]) for line in page["transcripts"]] == [("Ben", "thanks")]
    assert [each["id"] for each in whole["transcripts"]] == [transcript]


async def test_a_transcript_is_not_seen_from_another_room(api: Api) -> None:
    room, other = await api.room(), await api.room()
    recording, transcript = await transcribed(api, room)
    inside, outside = [(await api.seat(where))["access_token"] for where in (room, other)]

    for path in (f"/recordings/{recording}/transcript", f"/transcription/{transcript}"):
        assert (await api.call("GET", path, token=inside)).status_code == 200
        assert (await api.call("GET", path, token=outside)).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"provider": "nobody"}, 400),
        ({"language": "!"}, 400),
        ({"task": "sing"}, 400),
        ({"model": "gigantic"}, 400),
        ({"room_id": str(new_id())}, 400),
    ],
)
async def test_a_transcription_nobody_can_make_is_refused(
    api: Api, body: dict[str, str], status: int
) -> None:
    recording = await ready(api, await api.room())

    answer = await api.call("POST", f"/recordings/{recording}/transcribe", body)

    assert answer.status_code == status


async def test_one_transcription_at_a_time(api: Api) -> None:
    recording = await ready(api, await api.room())
    await api.made(f"/recordings/{recording}/transcribe")

    answer = await api.call("POST", f"/recordings/{recording}/transcribe", {})

    assert (answer.status_code, answer.json()["code"]) == (409, "TRANSCRIPTION_RUNNING")


@pytest.mark.parametrize("running", [True, False])
async def test_anybody_may_ask_who_transcribes(api: Api, running: bool) -> None:
    api.bus.consumed = {"transcripts": [4242]} if running else {}

    seen = await api.got("/transcription/providers", key="")

    assert seen["default_provider"] == "whisper"
    assert [(one["id"], one["available"]) for one in seen["providers"]] == [("whisper", running)]
