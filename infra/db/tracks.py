"""Tracks that are or were published: what the log already says of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from infra.contract.ids import RoomId, TrackId
from infra.contract.views import TrackView
from infra.db.tables import Track
from infra.db.upsert import insert_new

TRACKS = Track.metadata.tables["tracks"]


def begin(connection: Connection, room_id: RoomId, track: TrackView, at: datetime) -> bool:
    """False: it has begun before."""
    return insert_new(
        connection,
        TRACKS,
        id=track.track_id,
        room_id=room_id,
        track=track.model_dump(mode="json"),
        began_at=at,
    )


def end(connection: Connection, room_id: RoomId, track_id: TrackId, at: datetime) -> bool:
    """False: it has ended before, or never begun in this room."""
    ended = connection.execute(
        update(TRACKS)
        .where(TRACKS.c.id == track_id, TRACKS.c.room_id == room_id, TRACKS.c.ended_at.is_(None))
        .values(ended_at=at)
    )
    return ended.rowcount == 1


def forget(connection: Connection, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` tracks that ended before then; how many there were."""
    old = select(TRACKS.c.id).where(TRACKS.c.ended_at < before).limit(limit)
    return connection.execute(delete(TRACKS).where(TRACKS.c.id.in_(old))).rowcount


def running(connection: Connection, room_id: RoomId) -> list[TrackView]:
    """Those that have begun and not ended, the oldest first."""
    found = connection.scalars(
        select(TRACKS.c.track)
        .where(TRACKS.c.room_id == room_id, TRACKS.c.ended_at.is_(None))
        .order_by(TRACKS.c.began_at, TRACKS.c.id)
    )
    return [TrackView.model_validate(track) for track in found]
