"""Tracks people publish into a room now, in the hands of somebody who leads it."""

from __future__ import annotations

from collections.abc import Callable

from handlers.call import Call
from handlers.operations import hosting, media
from infra.contract.ids import RoomId, TrackId
from infra.contract.live import CloseTrack, MuteTrack
from infra.contract.messages import Done, LiveCommand, Placement
from infra.contract.refusals import Reason, refuse
from infra.contract.views import TrackView


async def of_room(call: Call, room_id: RoomId) -> list[TrackView]:
    room = await hosting.as_leader(call, room_id)
    return await call.here.live.tracks(room.id)


async def pause(call: Call, room_id: RoomId, track_id: TrackId, *, paused: bool) -> TrackView:
    """As it stands then. Raises `Refused`: as `as_leader`, TRACK_UNKNOWN; NOT_ALLOWED for resuming
    what its owner paused: nobody is made to be seen or heard."""
    track = await _find(call, room_id, track_id)
    if not paused and track.muted and not track.muted_by_host:
        raise refuse(Reason.NOT_ALLOWED, "only its owner resumes what its owner paused")
    await _order(
        call,
        room_id,
        lambda at: MuteTrack(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=track.participant_id,
            track_id=track_id,
            muted=paused,
            by_host=True,
        ),
    )
    return track.model_copy(update={"muted": paused, "muted_by_host": paused})


async def close(call: Call, room_id: RoomId, track_id: TrackId) -> None:
    """Raises `Refused`: as `as_leader`, TRACK_UNKNOWN."""
    track = await _find(call, room_id, track_id)
    await _order(
        call,
        room_id,
        lambda at: CloseTrack(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=track.participant_id,
            track_id=track_id,
        ),
    )


async def _find(call: Call, room_id: RoomId, track_id: TrackId) -> TrackView:
    for track in await of_room(call, room_id):
        if track.track_id == track_id:
            return track
    raise refuse(Reason.TRACK_UNKNOWN)


async def _order(
    call: Call, room_id: RoomId, build: Callable[[Placement], LiveCommand[Done]]
) -> Done:
    return await media.order(call.here, call.tenant_id, room_id, build)
