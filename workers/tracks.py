"""Tracks in a room's log: each begins once and ends once, whoever noticed it first."""

from __future__ import annotations

from datetime import datetime

from infra.contract.commands import TrackNews
from infra.contract.views import TrackView
from infra.db import tracks
from infra.db.rooms import LockedRoom
from infra.db.work import Work


def note(work: Work, room: LockedRoom, news: TrackNews) -> None:
    """What a pod says of a track of the locked room. Heard before, or too late, it adds nothing."""
    if tracks.begin(work.connection, room.id, news.track, news.began_at):
        _log(work, room, "track.published", news.track, news.began_at)
    if news.ended_at is not None:
        _end(work, room, news.track, news.ended_at)


def end_all(work: Work, room: LockedRoom) -> None:
    """The locked room ends, or its pod is given up: nothing is published in it any more."""
    for track in tracks.running(work.connection, room.id):
        _end(work, room, track, work.now)


def _end(work: Work, room: LockedRoom, track: TrackView, at: datetime) -> None:
    if tracks.end(work.connection, room.id, track.track_id, at):
        _log(work, room, "track.unpublished", track, at)


def _log(work: Work, room: LockedRoom, kind: str, track: TrackView, at: datetime) -> None:
    news = {
        "track": track.model_dump(mode="json"),
        "at": at.isoformat().replace("+00:00", "Z"),
    }
    work.event(room.id, room.tenant_id, kind, news)
