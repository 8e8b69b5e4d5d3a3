"""What may be done with recordings."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from handlers.call import Call
from handlers.operations import rooms
from infra.contract.commands import (
    ArchiveRecording,
    CountDownload,
    DeleteRecording,
    RecoverRecording,
    StartRecording,
    StopRecording,
    SyncRecordings,
    SyncReport,
)
from infra.contract.ids import RecordingId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RecordingState, RecordingView
from infra.db import recordings

PLAYABLE = "video/mp4"


async def start(call: Call, room_id: RoomId) -> RecordingView:
    return await call.ask(
        StartRecording(
            tenant_id=call.tenant_id,
            room_id=call.in_room(room_id),
            recording_id=RecordingId(new_id()),
        )
    )


async def stop(call: Call, room_id: RoomId) -> RecordingView:
    return await call.ask(StopRecording(tenant_id=call.tenant_id, room_id=call.in_room(room_id)))


async def sync(call: Call, room_id: RoomId) -> SyncReport:
    return await call.ask(SyncRecordings(tenant_id=call.tenant_id, room_id=call.in_room(room_id)))


async def page(call: Call, limit: int, offset: int) -> tuple[list[RecordingView], int]:
    """Recordings this principal sees, newest first, and how many there are."""
    if call.who.room_id is None:
        call.require_insider()
        return await call.here.reader.read(recordings.page, call.tenant_id, limit, offset)
    found = await call.here.reader.read(recordings.of_room, call.tenant_id, call.who.room_id)
    found.reverse()
    return found[offset : offset + limit], len(found)


async def in_room(call: Call, room_id: RoomId) -> list[RecordingView]:
    """Those of one room, oldest first."""
    await rooms.get(call, room_id)
    call.require_insider()
    return await call.here.reader.read(recordings.of_room, call.tenant_id, room_id)


async def get(
    call: Call, recording_id: RecordingId, room_id: RoomId | None = None
) -> RecordingView:
    """Raises `Refused` RECORDING_UNKNOWN, also when it is not of the room that is named."""
    call.require_insider()
    found = await call.here.reader.read(recordings.get, call.tenant_id, recording_id)
    if found is None or not call.who.sees(found.room_id):
        raise refuse(Reason.RECORDING_UNKNOWN)
    if room_id is not None and found.room_id != room_id:
        raise refuse(Reason.RECORDING_UNKNOWN)
    return found


async def link(call: Call, recording_id: RecordingId) -> tuple[RecordingView, str, datetime] | None:
    """A link to the playable file and when it expires, written to the audit log; None: no file yet.

    The file of an archived recording can be had only where cold storage is no other place.
    """
    recording = await get(call, recording_id)
    here = call.here
    cold = recording.state is RecordingState.ARCHIVED and here.store.provider != "disk"
    if recording.state not in (RecordingState.READY, RecordingState.ARCHIVED) or cold:
        return None
    if recording.object_key is None:
        return None
    expires_s = here.settings.link_s
    now = here.now()
    url = await asyncio.to_thread(
        here.store.link,
        recording.object_key,
        filename=f"{recording.room_name} {recording.started_at:%Y-%m-%d}.mp4",
        content_type=PLAYABLE,
        expires_s=expires_s,
    )
    await here.bus.tell(
        CountDownload(
            tenant_id=recording.tenant_id,
            recording_id=recording.id,
            actor=call.actor,
            at=now,
        )
    )
    return recording, url, now + timedelta(seconds=expires_s)


async def archive(
    call: Call, recording_id: RecordingId, room_id: RoomId | None = None
) -> RecordingView:
    recording = await get(call, recording_id, room_id)
    return await call.ask(
        ArchiveRecording(tenant_id=recording.tenant_id, recording_id=recording.id)
    )


async def recover(call: Call, recording_id: RecordingId) -> RecordingView:
    recording = await get(call, recording_id)
    return await call.ask(
        RecoverRecording(tenant_id=recording.tenant_id, recording_id=recording.id)
    )


async def delete(call: Call, recording_id: RecordingId) -> None:
    # Asked without looking first: a retry must reach the owner after the recording is gone.
    if call.who.room_id is not None:
        await get(call, recording_id)
    await call.ask(DeleteRecording(tenant_id=call.tenant_id, recording_id=recording_id))
