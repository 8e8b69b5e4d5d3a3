"""What may be done with transcripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from handlers.call import Call, Visit
from handlers.operations import recordings, rooms
from infra.bus.keys import TRANSCRIPTS
from infra.contract.commands import RequestTranscript
from infra.contract.ids import RecordingId, RoomId, TranscriptId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import TranscriptState, TranscriptView, Turn
from infra.db import transcripts

WHISPER = "whisper"
"The one provider: a Whisper model on the deployment's own machines."


@dataclass(frozen=True, slots=True)
class Provider:
    id: str
    name: str
    available: bool
    "A worker that does it is running."


@dataclass(frozen=True, slots=True)
class Line:
    """One turn, and the transcript it stands in."""

    transcript: TranscriptView
    turn: Turn


async def request(
    call: Call,
    recording_id: RecordingId,
    *,
    room_id: RoomId | None,
    provider: str | None,
    language: str | None,
    model: str | None,
    task: Literal["transcribe", "translate"],
) -> TranscriptView:
    recording = await recordings.get(call, recording_id)
    return await call.ask(
        RequestTranscript(
            tenant_id=recording.tenant_id,
            recording_id=recording.id,
            transcript_id=TranscriptId(new_id()),
            room_id=room_id,
            provider=provider,
            language=language,
            model=model,
            task=task,
        )
    )


async def of_recording(call: Call, recording_id: RecordingId) -> TranscriptView:
    """The newest one."""
    recording = await recordings.get(call, recording_id)
    found = await call.here.reader.read(transcripts.of_recording, recording.tenant_id, recording.id)
    if found is None:
        raise refuse(Reason.TRANSCRIPT_UNKNOWN)
    return found


async def get(call: Call, transcript_id: TranscriptId) -> TranscriptView:
    found = await call.here.reader.read(transcripts.get, call.tenant_id, transcript_id)
    if found is None or not call.who.sees(found.room_id):
        raise refuse(Reason.TRANSCRIPT_UNKNOWN)
    # A transcript is read by whoever may read its recording.
    await recordings.get(call, found.recording_id)
    return found


async def in_room(call: Call, room_id: RoomId) -> list[TranscriptView]:
    """The newest transcript of each of the room's recordings, oldest recording first."""
    await rooms.get(call, room_id)
    found = []
    for recording in await recordings.in_room(call, room_id):
        newest = await call.here.reader.read(
            transcripts.of_recording, recording.tenant_id, recording.id
        )
        if newest is not None:
            found.append(newest)
    return found


async def lines(call: Call, room_id: RoomId, limit: int, offset: int) -> tuple[list[Line], int]:
    """What was said in the room, in order, as far as it is transcribed; and how many lines."""
    said = list(_lines(await in_room(call, room_id)))
    return said[offset : offset + limit], len(said)


async def providers(visit: Visit) -> list[Provider]:
    """The default one comes first."""
    consumed = await visit.here.live.workers()
    return [Provider(WHISPER, "Whisper (self-hosted)", available=bool(consumed.get(TRANSCRIPTS)))]


def _lines(found: list[TranscriptView]) -> Iterator[Line]:
    for transcript in found:
        if transcript.state is TranscriptState.COMPLETED:
            for turn in transcript.turns:
                yield Line(transcript, turn)
