"""What a client may ask about its media. The pod that holds the room carries it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import AliasChoices, Field

from handlers.operations import media
from handlers.operations.publishing import require_may_send, require_source
from handlers.socket.requests import Body, Desk, carries
from handlers.socket.wire import Said, shown, slots
from infra.contract.ids import ConnectionId, ParticipantId, TrackId, new_id
from infra.contract.live import (
    SDP_LIMIT,
    AddCandidate,
    CloseConnection,
    MuteTrack,
    PauseSlot,
    Publish,
    Subscribe,
    TrackOffer,
)
from infra.contract.messages import LiveCommand, Placement, Reply
from infra.contract.refusals import Reason, refuse

R = TypeVar("R", bound=Reply)


async def _order(desk: Desk, build: Callable[[Placement], LiveCommand[R]]) -> R:
    return await media.order(desk.here, desk.guest.tenant_id, desk.guest.room_id, build)


class PublishBody(Body):
    offer: str = Field(min_length=1, max_length=SDP_LIMIT)
    tracks: tuple[TrackOffer, ...] = Field(default=(), max_length=64)
    connection_id: ConnectionId | None = None
    replace: bool = True
    "What the participant published before gives way: a page that came back need not wait for it."


@carries("media.publish", PublishBody, lane="media")
async def publish(desk: Desk, body: PublishBody) -> Said:
    require_may_send(desk.config, desk.you, body.offer, body.tracks)
    connection = body.connection_id or ConnectionId(new_id())
    published = await _order(
        desk,
        lambda at: Publish(
            room_id=at.room_id,
            epoch=at.epoch,
            version=at.version,
            participant_id=desk.guest.participant_id,
            connection_id=connection,
            offer=body.offer,
            tracks=body.tracks,
            replace=body.replace,
        ),
    )
    desk.media.add(connection)
    return "media.published", {
        "connection_id": str(connection),
        "answer": published.answer,
        "tracks": [shown(track) for track in published.tracks],
    }


class SubscribeBody(Body):
    offer: str = Field(min_length=1, max_length=SDP_LIMIT)
    want: tuple[TrackId, ...] | None = Field(default=None, max_length=512)
    feeds: tuple[ParticipantId, ...] | None = Field(default=None, max_length=512)
    connection_id: ConnectionId | None = None


@carries("media.subscribe", SubscribeBody, lane="media")
async def subscribe(desk: Desk, body: SubscribeBody) -> Said:
    connection = body.connection_id or ConnectionId(new_id())
    subscribed = await _order(
        desk,
        lambda at: Subscribe(
            room_id=at.room_id,
            epoch=at.epoch,
            version=at.version,
            participant_id=desk.guest.participant_id,
            connection_id=connection,
            offer=body.offer,
            want=body.want,
            feeds=body.feeds,
        ),
    )
    desk.media.add(connection)
    return "media.subscribed", {
        "answer": subscribed.answer,
        **slots(connection, subscribed.slots),
    }


class CandidateBody(Body):
    connection_id: ConnectionId
    candidate: str | None = Field(default=None, max_length=1024)
    mid: str | None = Field(
        default=None, max_length=16, validation_alias=AliasChoices("mid", "sdpMid")
    )


@carries("media.candidate", CandidateBody, lane="media")
async def add_candidate(desk: Desk, body: CandidateBody) -> None:
    await _order(
        desk,
        lambda at: AddCandidate(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=body.connection_id,
            candidate=body.candidate or None,
            mid=body.mid,
        ),
    )


class ConnectionBody(Body):
    connection_id: ConnectionId


@carries("media.close", ConnectionBody, lane="media")
async def close(desk: Desk, body: ConnectionBody) -> None:
    await close_media(desk, body.connection_id)


async def close_media(desk: Desk, connection: ConnectionId) -> None:
    desk.media.discard(connection)
    await _order(
        desk,
        lambda at: CloseConnection(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=connection,
        ),
    )


class MuteBody(Body):
    track_id: TrackId
    muted: bool = True


@carries("media.mute", MuteBody, lane="media")
async def mute(desk: Desk, body: MuteBody) -> None:
    """One's own track either way; a host may mute others, and only they themselves unmute."""
    tracks = await desk.here.live.tracks(desk.guest.room_id)
    track = next((each for each in tracks if each.track_id == body.track_id), None)
    if track is None:
        raise refuse(Reason.TRACK_UNKNOWN)
    owner = track.participant_id
    if not body.muted:
        require_source(desk.config, desk.you, track.source)
    if owner != desk.guest.participant_id:
        desk.require_host()
        if not body.muted:
            raise refuse(Reason.NOT_ALLOWED, "only its owner unmutes a track")
    await _order(
        desk,
        lambda at: MuteTrack(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=owner,
            track_id=body.track_id,
            muted=body.muted,
            by_host=owner != desk.guest.participant_id,
        ),
    )


class PauseBody(Body):
    connection_id: ConnectionId
    mid: str = Field(min_length=1, max_length=16)
    paused: bool = True


@carries("media.pause", PauseBody, lane="media")
async def pause(desk: Desk, body: PauseBody) -> None:
    await _order(
        desk,
        lambda at: PauseSlot(
            room_id=at.room_id,
            epoch=at.epoch,
            participant_id=desk.guest.participant_id,
            connection_id=body.connection_id,
            mid=body.mid,
            paused=body.paused,
        ),
    )
