"""Recordings and transcripts."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from handlers.auth import May
from handlers.call import Call, Visit
from handlers.dialects.chalk.wire import recordings as wire
from handlers.dialects.chalk.wire.fields import Page
from handlers.dialects.operation import Answer, Table
from handlers.operations import recordings, transcripts
from infra.contract.cues import to_srt, to_text, to_webvtt
from infra.contract.ids import RecordingId, RoomId, TranscriptId
from infra.contract.refusals import Reason
from infra.contract.views import RecordingState, RecordingView, TranscriptView

TABLE = Table()
lead = partial(TABLE.add, tag="recordings", may=May.LEAD)
see = partial(TABLE.add, "GET", tag="recordings", may=May.JOIN)


@lead(
    "POST",
    "/rooms/{room_id}/recordings/start",
    status=201,
    refuses=(
        Reason.ROOM_NOT_ACTIVE,
        Reason.RECORDING_DISABLED,
        Reason.ALREADY_RECORDING,
        Reason.STORAGE_FULL,
    ),
)
async def start_recording(call: Call, room_id: RoomId) -> wire.Recording:
    """Start recording."""
    return wire.Recording.of(await recordings.start(call, room_id))


@lead("POST", "/rooms/{room_id}/recordings/stop", refuses=(Reason.NOT_RECORDING,))
async def stop_recording(call: Call, room_id: RoomId) -> wire.Recording:
    """Stop recording.

    It is then stored, put together, and transcribed where the tenant has it so.
    """
    return wire.Recording.of(await recordings.stop(call, room_id))


@lead("POST", "/rooms/{room_id}/recordings/sync")
async def sync_recordings(call: Call, room_id: RoomId) -> wire.Synced:
    """Sync recordings with what storage holds for the room."""
    return wire.Synced.of(await recordings.sync(call, room_id))


@see("/recordings")
async def list_recordings(call: Call, query: Page) -> wire.Recordings:
    """List recordings.

    Newest first.
    """
    found, total = await recordings.page(call, query.limit, query.offset)
    shown = [wire.Recording.of(recording) for recording in found]
    return wire.Recordings(recordings=shown, total=total, limit=query.limit, offset=query.offset)


@see("/recordings/{recording_id}")
async def get_recording(call: Call, recording_id: RecordingId) -> wire.RecordingInFull:
    """Get recording."""
    return wire.RecordingInFull.of(await recordings.get(call, recording_id))


@see("/recordings/{recording_id}/download")
async def get_download_url(call: Call, recording_id: RecordingId) -> wire.Download:
    """Get download URL.

    Each one given out is written to the audit log. No URL: `status` and `message` say why.
    """
    link = await recordings.link(call, recording_id)
    if link is None:
        return wire.Download.none_yet(await recordings.get(call, recording_id))
    return wire.Download.of(*link)


@lead("POST", "/recordings/{recording_id}/archive", refuses=(Reason.RECORDING_NOT_READY,))
async def archive_recording(call: Call, recording_id: RecordingId) -> wire.Archived:
    """Archive recording.

    Its file moves to the cold storage class.
    """
    return _archived(await recordings.archive(call, recording_id))


@lead(
    "POST",
    "/rooms/{room_id}/recordings/{recording_id}/archive",
    refuses=(Reason.RECORDING_NOT_READY,),
    extension=True,
)
async def archive_recording_of_room(
    call: Call, room_id: RoomId, recording_id: RecordingId
) -> wire.Archived:
    """Archive a recording of this room."""
    return _archived(await recordings.archive(call, recording_id, room_id))


@lead(
    "POST",
    "/recordings/{recording_id}/recover",
    status=202,
    also=(200,),
    refuses=(Reason.RECORDING_NOT_PROCESSING, Reason.NOTHING_TO_RECOVER),
)
async def recover_recording(
    call: Call, recording_id: RecordingId
) -> wire.Recovered | Answer[wire.Recovered]:
    """Recover recording.

    Takes up one that is stuck in processing; 202 while that is under way.
    """
    recording = await recordings.recover(call, recording_id)
    shown = wire.Recovered.of(recording)
    return Answer(shown, 200) if recording.state is RecordingState.READY else shown


@lead("DELETE", "/recordings/{recording_id}")
async def delete_recording(call: Call, recording_id: RecordingId) -> wire.Deleted:
    """Delete recording.

    Every object of it, and its transcripts.
    """
    await recordings.delete(call, recording_id)
    return wire.Deleted(id=recording_id)


def _archived(recording: RecordingView) -> wire.Archived:
    return wire.Archived(id=recording.id, status=recording.state)


# --- transcripts ---

read = partial(TABLE.add, "GET", tag="transcription", may=May.JOIN)
CAPTIONS = {"vtt": to_webvtt, "srt": to_srt, "txt": to_text}
MEDIA = {
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}


@TABLE.add(
    "POST",
    "/recordings/{recording_id}/transcribe",
    tag="transcription",
    may=May.LEAD,
    status=202,
    refuses=(
        Reason.RECORDING_NOT_READY,
        Reason.PROVIDER_UNKNOWN,
        Reason.UNUSABLE,
        Reason.TRANSCRIPTION_DISABLED,
        Reason.TRANSCRIPTION_RUNNING,
    ),
)
async def queue_transcription(
    call: Call, recording_id: RecordingId, body: wire.Transcribe
) -> wire.Queued:
    """Queue transcription."""
    transcript = await transcripts.request(call, recording_id, **dict(body))
    return wire.Queued(transcript_id=transcript.id, status=transcript.state.value)


@read("/recordings/{recording_id}/transcript", media=tuple(MEDIA.values()))
async def get_transcript(
    call: Call, recording_id: RecordingId, query: wire.Format
) -> wire.Transcript | Response:
    """Get the newest transcript of a recording."""
    return _shown(await transcripts.of_recording(call, recording_id), query)


@TABLE.add("GET", "/transcription/providers", tag="transcription", may=None)
async def list_providers(visit: Visit) -> wire.Providers:
    """List providers."""
    found = await transcripts.providers(visit)
    return wire.Providers(
        providers=[wire.ProviderShown.of(provider) for provider in found],
        default_provider=found[0].id,
    )


@read("/transcription/{transcript_id}", media=tuple(MEDIA.values()))
async def get_transcript_by_id(
    call: Call, transcript_id: TranscriptId, query: wire.Format
) -> wire.Transcript | Response:
    """Get transcript by ID."""
    return _shown(await transcripts.get(call, transcript_id), query)


@read("/rooms/{room_id}/transcripts", extension=True)
async def list_room_transcripts(call: Call, room_id: RoomId, query: wire.LinesQuery) -> wire.Lines:
    """Read what was said in a room, line by line."""
    found, total = await transcripts.lines(call, room_id, query.limit, query.offset)
    shown = [wire.LineShown.of(line) for line in found]
    return wire.Lines(transcripts=shown, total=total, limit=query.limit, offset=query.offset)


@read("/rooms/{room_id}/post-meeting-transcripts", extension=True)
async def list_post_meeting_transcripts(call: Call, room_id: RoomId) -> wire.Transcripts:
    """Read the transcripts of a room's recordings."""
    found = await transcripts.in_room(call, room_id)
    return wire.Transcripts(transcripts=[wire.Transcript.of(transcript) for transcript in found])


def _shown(transcript: TranscriptView, query: wire.Format) -> wire.Transcript | Response:
    if query.format == "json":
        return wire.Transcript.of(transcript)
    # Spoken words are data: no browser is to take them for anything else.
    headers = {"Cache-Control": "no-store"}
    return Response(
        CAPTIONS[query.format](transcript.turns), headers=headers, media_type=MEDIA[query.format]
    )
