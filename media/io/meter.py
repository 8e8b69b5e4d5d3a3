"""Reads what the engine counted of one room's links, participant by participant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from infra.contract.commands import QualitySample
from infra.contract.ids import ParticipantId
from infra.contract.statistics import LinkFigures, quality_of
from infra.contract.views import TrackView
from media.core.figures import WINDOW, Counts, Figures, Lately, Reading, mean, worst
from media.engine.port import Engine, ForwardId, ForwardStats, SourceId, SourceStats
from media.io.links import Link, PublishLink, SubscribeLink

SAMPLE_S = 10.0
"Seconds of one sample of quality, which is kept. Shorter: a finer picture, and more rows."


class Meter:
    """Of one room. `now` gives monotonic seconds, `wall` aware UTC."""

    def __init__(
        self, engine: Engine, now: Callable[[], float], wall: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._now = now
        # One reading of the wall clock for all: stretches meet though it be set meanwhile.
        self._wall_at, self._zero = wall(), now()
        self._people: dict[ParticipantId, Figures] = {}
        self._sources: dict[SourceId, SourceStats] = {}
        self._forwards: dict[ForwardId, ForwardStats] = {}
        self._consumers: dict[ParticipantId, int] = {}
        self._samples: list[QualitySample] = []
        self._cut_at = self._zero

    # --- what happens ---

    def read(self, links: Iterable[Link]) -> None:
        """Look at these links: all of the room's, or all of somebody's."""
        now = self._now()
        of: dict[ParticipantId, list[Link]] = {}
        for link in links:
            if link.is_connected:
                of.setdefault(link.participant_id, []).append(link)
        for participant, theirs in of.items():
            figures = self._people.get(participant)
            if figures is None:
                figures = self._people[participant] = Figures(now)
            figures.read(self._read(participant, theirs, now), now=now)

    def forget(self, link: Link, *, last: bool) -> None:
        """A connection is gone, which was read before; `last`: it was its participant's last."""
        if isinstance(link, PublishLink):
            for source in link.sources:
                self._sources.pop(source, None)
        elif isinstance(link, SubscribeLink):
            for forward in link.forwards:
                self._forwards.pop(forward, None)
        if last:
            self._consumers.pop(link.participant_id, None)
            figures = self._people.pop(link.participant_id, None)
            if figures is not None:
                self._cut(link.participant_id, figures)

    # --- what is known ---

    def lately(self, tracks: Iterable[TrackView]) -> tuple[LinkFigures, ...]:
        """Of everybody connected, over the last seconds; `tracks` are the room's."""
        producers: dict[ParticipantId, int] = {}
        for track in tracks:
            producers[track.participant_id] = producers.get(track.participant_id, 0) + 1
        return tuple(
            self._figures(participant, figures.lately(), producers.get(participant, 0))
            for participant, figures in self._people.items()
        )

    def take_samples(self) -> tuple[QualitySample, ...]:
        """Stretches that ended since the last call; everybody's, when it is time again."""
        if self._now() - self._cut_at >= SAMPLE_S:
            self._cut_at = self._now()
            for participant, figures in self._people.items():
                self._cut(participant, figures)
        samples, self._samples = tuple(self._samples), []
        return samples

    # --- inside ---

    def _read(self, participant: ParticipantId, links: list[Link], now: float) -> Reading:
        counts = Counts()
        jitters: list[float] = []
        trips: list[float] = []
        consumers = 0
        for link in links:
            if isinstance(link, PublishLink):
                for source in link.sources:
                    stats = self._engine.source_stats(source)
                    before = self._sources.get(source)
                    self._sources[source] = stats
                    counts = counts.plus(_received(stats, before))
                    if stats.jitter_s is not None and (
                        before is None or stats.packets > before.packets
                    ):
                        jitters.append(stats.jitter_s)
            elif isinstance(link, SubscribeLink):
                for forward in link.forwards:
                    sent = self._engine.forward_stats(forward)
                    counts = counts.plus(_sent(sent, self._forwards.get(forward)))
                    self._forwards[forward] = sent
                    consumers += sent.is_fed
                    if sent.reported_at is not None and now - sent.reported_at < WINDOW:
                        if sent.jitter_s is not None:
                            jitters.append(sent.jitter_s)
                        if sent.round_trip_s is not None:
                            trips.append(sent.round_trip_s)
        self._consumers[participant] = consumers
        return Reading(counts, worst(jitters), mean(trips))

    def _figures(self, participant: ParticipantId, lately: Lately, producers: int) -> LinkFigures:
        jitter_ms, rtt_ms = _ms(lately.jitter_s), _ms(lately.round_trip_s)
        quality = None
        if lately.loss is not None and jitter_ms is not None:
            quality = quality_of(lately.loss, jitter_ms, rtt_ms)
        return LinkFigures(
            participant_id=participant,
            producers=producers,
            consumers=self._consumers.get(participant, 0),
            incoming_bps=lately.incoming_bps,
            outgoing_bps=lately.outgoing_bps,
            rtt_ms=rtt_ms,
            loss=lately.loss,
            jitter_ms=jitter_ms,
            speaking=lately.speaking,
            quality=quality,
        )

    def _cut(self, participant: ParticipantId, figures: Figures) -> None:
        stretch = figures.cut(now=self._now())
        if stretch.ended == stretch.began:
            return
        self._samples.append(
            QualitySample(
                participant_id=participant,
                from_at=self._at(stretch.began),
                until_at=self._at(stretch.ended),
                packets=max(0, stretch.counts.expected),
                packets_lost=max(0, stretch.counts.lost),
                octets_in=stretch.counts.octets_in,
                octets_out=stretch.counts.octets_out,
                rtt_ms=_ms(stretch.round_trip_s),
                jitter_ms=_ms(stretch.jitter_s),
            )
        )

    def _at(self, now: float) -> datetime:
        return self._wall_at + timedelta(seconds=now - self._zero)


def _received(stats: SourceStats, before: SourceStats | None) -> Counts:
    if before is None:
        before = SourceStats(0, 0, 0, None)
    return Counts(
        expected=stats.packets_expected - before.packets_expected,
        lost=stats.packets_lost - before.packets_lost,
        octets_in=stats.bytes - before.bytes,
        levelled=stats.packets_levelled - before.packets_levelled,
        loud=stats.packets_loud - before.packets_loud,
    )


def _sent(stats: ForwardStats, before: ForwardStats | None) -> Counts:
    return Counts(
        expected=stats.packets_expected - (before.packets_expected if before else 0),
        lost=stats.packets_lost - (before.packets_lost if before else 0),
        octets_out=stats.bytes - (before.bytes if before else 0),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
