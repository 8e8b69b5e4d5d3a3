"""What of one held room is to be remembered: which tracks there were, how its links were."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from datetime import datetime
from itertools import islice

from infra.contract.commands import NoteQuality, NoteTracks, QualitySample, TrackNews
from infra.contract.ids import PodId, RoomId, TrackId
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView
from media.io.links import Link
from media.io.meter import Meter
from media.io.news import Saying

TRACKS_AT_ONCE = 200
SAMPLES_AT_ONCE = 1_000

Tell = Callable[[NoteTracks | NoteQuality], Awaitable[object]]


class Chronicle:
    """Keeps what was not said yet until the bus has taken it, also after the room is gone.

    It is said under the epoch of then: what was measured under an earlier tenure of ours is ours
    to say for as long as nobody else holds the room.
    """

    def __init__(
        self,
        meter: Meter,
        room_id: RoomId,
        pod_id: PodId,
        epoch: int,
        *,
        say: Callable[[Hashable, Saying], None],
        tell: Tell,
        wall: Callable[[], datetime],
    ) -> None:
        self._epoch = epoch
        self._meter = meter
        self._room_id = room_id
        self._pod_id = pod_id
        self._say = say
        self._tell = tell
        self._wall = wall
        self._there: dict[TrackId, TrackNews] = {}
        self._tracks: dict[TrackId, TrackNews] = {}
        "Not said yet, the latest of each."
        self._samples: list[QualitySample] = []
        "Not said yet."

    def hold_under(self, epoch: int) -> None:
        """The tenure is a new one. What was said under the last may have come too late for it."""
        self._epoch = epoch
        for track in self._there.values():
            self._keep_track(track)

    def look(self, links: Iterable[Link]) -> None:
        """At all of the room's links, or all of somebody's: every second, and before any of their
        sources or forwards goes."""
        self._meter.read(links)
        self._keep_samples()

    def link_went(self, link: Link, *, last: bool) -> None:
        """`last`: it was its participant's last."""
        self._meter.forget(link, last=last)
        self._keep_samples()

    def track_came(self, track: TrackView) -> None:
        self._there[track.track_id] = TrackNews(track=track, began_at=self._wall())
        self._keep_track(self._there[track.track_id])

    def track_went(self, track_id: TrackId) -> None:
        began = self._there.pop(track_id)
        ended_at = max(self._wall(), began.began_at)
        self._keep_track(began.model_copy(update={"ended_at": ended_at}))

    def figures(self, tracks: Iterable[TrackView]) -> LiveFigures:
        return LiveFigures(
            room_id=self._room_id,
            epoch=self._epoch,
            at=self._wall(),
            links=self._meter.lately(tracks),
        )

    def _keep_track(self, news: TrackNews) -> None:
        self._tracks[news.track.track_id] = news
        self._say((self, "tracks"), self._say_tracks)

    def _keep_samples(self) -> None:
        samples = self._meter.take_samples()
        if samples:
            self._samples += samples
            self._say((self, "quality"), self._say_samples)

    async def _say_tracks(self) -> None:
        while self._tracks:
            batch = tuple(islice(self._tracks.values(), TRACKS_AT_ONCE))
            await self._tell(
                NoteTracks(
                    room_id=self._room_id, pod_id=self._pod_id, epoch=self._epoch, news=batch
                )
            )
            for said in batch:
                if self._tracks.get(said.track.track_id) is said:
                    del self._tracks[said.track.track_id]

    async def _say_samples(self) -> None:
        while self._samples:
            batch = tuple(self._samples[:SAMPLES_AT_ONCE])
            await self._tell(
                NoteQuality(
                    room_id=self._room_id, pod_id=self._pod_id, epoch=self._epoch, samples=batch
                )
            )
            del self._samples[: len(batch)]
