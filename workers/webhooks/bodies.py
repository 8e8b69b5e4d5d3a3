"""What a delivery says.

Every body has `type`, `timestamp` and `data`, as Standard Webhooks has it: `data` names what the
event is about, and its `seq` in the meeting's log. Beside them stand Chalk's keys: `event`, which
is the same as `type`, and what is named, in full: `meeting`, `participant`, `recording`, ...
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, or_, select

from infra.contract.ids import RecordingId, TenantId, TranscriptId
from infra.contract.roles import Role
from infra.contract.views import RecordingState, RecordingView, TranscriptState, TranscriptView
from infra.contract.webhooks import RECORDING_READY, TEST, Part
from infra.db import recordings, transcripts
from infra.db.sending import Claimed
from infra.db.tables import Room
from infra.storage.port import ObjectStore

LINK_S = 54 * 3600
"Seconds a download link lives: a day at the last of all tries, and longer at the ones before."
SEGMENTS_LIMIT_BYTES = 1_048_576
"Of a transcript's segments. Longer ones are had from the API, and nobody is sent megabytes."
PARTICIPANTS_LIMIT = 1_000
PLAYABLE = "video/mp4"

_ROOMS = Room.metadata.tables["rooms"]
_PARTICIPANTS = Room.metadata.tables["participants"]

Body = dict[str, Any]


def write(
    connection: Connection, claimed: Claimed, *, store: ObjectStore, base_url: str, now: datetime
) -> str:
    """The body as it stands now; JSON."""
    about = claimed.about
    happened_at = _time(datetime.fromisoformat(about["at"]))
    body: Body = {"type": claimed.event, "event": claimed.event, "timestamp": happened_at}
    if claimed.event == TEST:
        body["data"] = {"message": "This is a test: nothing happened."}
    else:
        body["data"] = _named(claimed)
        body["meeting"] = _meeting(connection, claimed)
        body |= _Telling(connection, claimed, store, base_url, now).of_its_kind()
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _named(claimed: Claimed) -> Body:
    data = claimed.about["data"]
    named: Body = {"seq": claimed.seq, "meeting_id": str(claimed.room_id)}
    if "participant" in data:
        named["participant_id"] = data["participant"]["id"]
    for name in ("recording_id", "transcript_id", "reason"):
        if name in data:
            named[name] = data[name]
    return named


def _meeting(connection: Connection, claimed: Claimed) -> Body:
    """As it was at the event where that has it, else as it is."""
    at_event = claimed.about["data"].get("room")
    if at_event is not None:
        name = at_event["name"]
        started_at, ended_at = _read(at_event["started_at"]), _read(at_event["ended_at"])
    else:
        row = connection.execute(
            select(_ROOMS.c.name, _ROOMS.c.started_at, _ROOMS.c.ended_at).where(
                _ROOMS.c.id == claimed.room_id
            )
        ).one()
        name, started_at, ended_at = row
    lasted = ended_at - started_at if started_at is not None and ended_at is not None else None
    return {
        "id": str(claimed.room_id),
        "name": name,
        "started_at": _time(started_at),
        "ended_at": _time(ended_at),
        "duration_seconds": None if lasted is None else round(lasted.total_seconds(), 3),
        "participant_count": _count(connection, claimed, started_at),
    }


def _came(claimed: Claimed, started_at: datetime | None) -> tuple[Any, ...]:
    """People of the session that began then."""
    seats = _PARTICIPANTS.c
    came = (seats.room_id == claimed.room_id, seats.joined_at.is_not(None))
    if started_at is None:
        return came
    return (*came, or_(seats.left_at.is_(None), seats.left_at >= started_at))


def _count(connection: Connection, claimed: Claimed, started_at: datetime | None) -> int:
    query = select(func.count()).select_from(_PARTICIPANTS).where(*_came(claimed, started_at))
    return int(connection.execute(query).scalar_one())


class _Telling:
    """Of one event: whatever is named in it, in full."""

    def __init__(
        self,
        connection: Connection,
        claimed: Claimed,
        store: ObjectStore,
        base_url: str,
        now: datetime,
    ) -> None:
        self._connection = connection
        self._claimed = claimed
        self._data: Mapping[str, Any] = claimed.about["data"]
        self._tenant_id: TenantId = claimed.tenant_id
        self._store = store
        self._base_url = base_url
        self._now = now
        self._errors: list[Body] = []

    def of_its_kind(self) -> Body:
        if self._claimed.event == RECORDING_READY:
            return self._finished()
        if "participant" in self._data:
            return {"participant": _participant(self._data["participant"])}
        if "transcript_id" in self._data:
            return {"transcript": self._transcript_named(), "errors": self._errors}
        if "recording_id" in self._data:
            return {"recording": self._recording(), "errors": self._errors}
        return {}

    def _finished(self) -> Body:
        """Chalk's `meeting.recording_ready`: what there is, and in `errors` why the rest is not."""
        parts = self._claimed.parts
        told: Body = {
            "participants": self._participants(),
            "recording": self._recording() if Part.RECORDING in parts else None,
            "transcript": self._transcript() if Part.TRANSCRIPT in parts else None,
            "summary": None,
            "action_items": [],
        }
        for part in (Part.SUMMARY, Part.ACTION_ITEMS):
            if part in parts:
                self._miss(part.value, "NOT_AVAILABLE", "this deployment does not make any")
        return {**told, "errors": self._errors}

    def _miss(self, field: str, code: str, message: str) -> None:
        self._errors.append({"field": field, "code": code, "message": message})

    def _participants(self) -> list[Body]:
        started_at = self._connection.execute(
            select(_ROOMS.c.started_at).where(_ROOMS.c.id == self._claimed.room_id)
        ).scalar_one()
        rows = self._connection.execute(
            select(_PARTICIPANTS)
            .where(*_came(self._claimed, started_at))
            .order_by(_PARTICIPANTS.c.joined_at, _PARTICIPANTS.c.id)
            .limit(PARTICIPANTS_LIMIT)
        )
        return [_participant(row._asdict()) for row in rows]

    def _recording(self) -> Body | None:
        recording_id = RecordingId(UUID(self._data["recording_id"]))
        found = recordings.get(self._connection, self._tenant_id, recording_id)
        if found is None:
            self._miss("recording", "RECORDING_DELETED", "the recording was deleted")
            return None
        shown: Body = {
            "id": str(found.id),
            "status": found.state.value,
            "started_at": _time(found.started_at),
            "stopped_at": _time(found.stopped_at),
            "duration_seconds": found.duration_seconds,
            "size_bytes": found.size_bytes,
            "download_url": None,
            "download_api": f"{self._base_url}/api/v1/recordings/{found.id}/download",
            "expires_at": None,
        }
        if found.state is RecordingState.FAILED:
            self._miss("recording", "RECORDING_FAILED", found.error_message or "it failed")
        elif found.error_message is not None:
            self._miss("recording", "RECORDING_INCOMPLETE", found.error_message)
        return shown | self._link(found)

    def _link(self, recording: RecordingView) -> Body:
        if recording.state is not RecordingState.READY or recording.object_key is None:
            return {}
        url = self._store.link(
            recording.object_key,
            filename=f"{recording.room_name} {recording.started_at:%Y-%m-%d}.mp4",
            content_type=PLAYABLE,
            expires_s=LINK_S,
        )
        return {"download_url": url, "expires_at": _time(self._now + timedelta(seconds=LINK_S))}

    def _transcript(self) -> Body | None:
        """The recording's newest; None without an error where there was to be none."""
        recording_id = RecordingId(UUID(self._data["recording_id"]))
        found = transcripts.of_recording(self._connection, self._tenant_id, recording_id)
        return self._shown(found) if found is not None else None

    def _transcript_named(self) -> Body | None:
        transcript_id = TranscriptId(UUID(self._data["transcript_id"]))
        found = transcripts.get(self._connection, self._tenant_id, transcript_id)
        if found is None:
            self._miss("transcript", "TRANSCRIPT_DELETED", "the transcript was deleted")
            return None
        return self._shown(found)

    def _shown(self, transcript: TranscriptView) -> Body | None:
        if transcript.state is TranscriptState.FAILED:
            self._miss("transcript", "TRANSCRIPT_FAILED", transcript.error_message or "it failed")
            return None
        if transcript.state is not TranscriptState.COMPLETED:
            self._miss("transcript", "TRANSCRIPT_PENDING", "it is still being made")
            return None
        if transcript.error_message is not None:
            self._miss("transcript", "TRANSCRIPT_INCOMPLETE", transcript.error_message)
        return {
            "id": str(transcript.id),
            "recording_id": str(transcript.recording_id),
            "text": "\n".join(f"{turn.speaker}: {turn.text}" for turn in transcript.turns),
            "word_count": transcript.word_count,
            "language": transcript.language,
            "provider": transcript.provider,
            "segments": self._segments(transcript),
        }

    def _segments(self, transcript: TranscriptView) -> list[Body]:
        segments = [
            {
                "start": turn.start_ms / 1000,
                "end": turn.end_ms / 1000,
                "speaker": turn.speaker,
                "speaker_id": str(turn.speaker_id) if turn.speaker_id else None,
                "text": turn.text,
            }
            for turn in transcript.turns
        ]
        if len(json.dumps(segments)) <= SEGMENTS_LIMIT_BYTES:
            return segments
        path = f"{self._base_url}/api/v1/transcription/{transcript.id}"
        self._miss("transcript.segments", "TOO_LARGE", f"they are at {path}")
        return []


def _participant(seat: Mapping[str, Any]) -> Body:
    """Of a view in a log, or of a row."""
    return {
        "id": str(seat["id"]),
        "external_user_id": seat["external_user_id"],
        "display_name": seat["display_name"],
        "role": "host" if Role(seat["role"]).leads else "participant",
        "joined_at": _time(_read(seat["joined_at"])),
        "left_at": _time(_read(seat["left_at"])),
    }


def _read(time: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(time) if isinstance(time, str) else time


def _time(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
