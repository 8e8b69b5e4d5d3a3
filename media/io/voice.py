"""What a held room lets be known of itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal

from infra.contract.events import ConnectionChanged, Signal, SlotsChanged, TracksChanged
from infra.contract.ids import RoomId
from infra.contract.views import TrackView
from media.core.room import SlotsStand
from media.io.links import Link

SayToAll = Callable[[RoomId, Hashable, Signal], None]
"Room, subject, news: the latest news on a subject is what counts."
PublishTracks = Callable[[RoomId, tuple[TrackView, ...]], None]


class Voice:
    """One room's, under whatever epoch it is held."""

    def __init__(self, room_id: RoomId, say: SayToAll, publish_tracks: PublishTracks) -> None:
        self._room_id = room_id
        self._say = say
        self._publish_tracks = publish_tracks
        self._silent = False

    def fall_silent(self) -> None:
        """For good: what is known of the room may be another pod's to say by now."""
        self._silent = True

    def tell_tracks(self, epoch: int, tracks: tuple[TrackView, ...]) -> None:
        if not self._silent:
            news = TracksChanged(room_id=self._room_id, epoch=epoch, tracks=tracks)
            self._publish_tracks(self._room_id, tracks)
            self._say(self._room_id, "tracks", news)

    def tell_slots(self, stand: SlotsStand) -> None:
        if not self._silent:
            news = SlotsChanged(
                room_id=self._room_id,
                participant_id=stand.participant,
                connection_id=stand.connection,
                slots=stand.slots,
            )
            self._say(self._room_id, ("slots", stand.connection), news)

    def tell_connection(self, link: Link, state: Literal["connected", "closed"]) -> None:
        if not self._silent:
            news = ConnectionChanged(
                room_id=self._room_id,
                participant_id=link.participant_id,
                connection_id=link.connection_id,
                state=state,
            )
            self._say(self._room_id, ("connection", link.connection_id), news)
