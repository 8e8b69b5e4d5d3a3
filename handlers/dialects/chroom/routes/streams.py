"""Streams: what people send into a meeting now."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.chroom.wire import streams as wire
from handlers.dialects.operation import Table
from handlers.operations import streams
from infra.contract.ids import RoomId, TrackId
from infra.contract.refusals import Reason
from infra.contract.scopes import Scope

TABLE = Table()
lead = partial(TABLE.add, tag="streams", may=May.JOIN, extension=True)
ALL = "/meetings/{room_id}/streams"
ONE = f"{ALL}/{{track_id}}"
THEIRS = (Reason.NOT_A_MEMBER, Reason.HOST_ONLY)
HELD = (*THEIRS, Reason.NO_MEDIA_POD, Reason.ROOM_NOT_ACTIVE)


@lead("GET", ALL, scope=Scope.STREAMS_READ, refuses=THEIRS)
async def list_streams(call: Call, room_id: RoomId) -> wire.Streams:
    """List the streams of a meeting."""
    found = await streams.of_room(call, room_id)
    return wire.Streams(items=[wire.Stream.of(track) for track in found])


@lead("PATCH", ONE, scope=Scope.STREAMS_WRITE, refuses=HELD)
async def pause_stream(
    call: Call, room_id: RoomId, track_id: TrackId, body: wire.PauseStream
) -> wire.Stream:
    """Pause a stream, or resume one that was paused this way.

    What its owner paused only its owner resumes.
    """
    track = await streams.pause(call, room_id, track_id, paused=body.paused)
    return wire.Stream.of(track)


@lead("DELETE", ONE, scope=Scope.STREAMS_WRITE, refuses=HELD)
async def close_stream(call: Call, room_id: RoomId, track_id: TrackId) -> wire.ClosedStream:
    """Take a stream out of the meeting.

    Whoever sends it stays, and may offer it anew.
    """
    await streams.close(call, room_id, track_id)
    return wire.ClosedStream(stream_id=names.shown(fields.STREAM, track_id))
