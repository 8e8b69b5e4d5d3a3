"""Who publishes in one room, who wants what, and which slot plays which track."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from infra.contract.ids import ConnectionId, ParticipantId, TrackId
from infra.contract.live import Slot
from infra.contract.views import TrackView

Kind = Literal["audio", "video"]
FACE_TO_FACE = ("microphone", "camera")
"Sources of which everybody is expected to have one; the others come on top."


@dataclass(frozen=True, slots=True)
class Line:
    """An m-line a subscriber receives on."""

    mid: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber wants to get; both None: everybody else's tracks, as they come and go."""

    tracks: tuple[TrackId, ...] | None = None
    feeds: tuple[ParticipantId, ...] | None = None


@dataclass(frozen=True, slots=True)
class TracksStand:
    """Output: the room's tracks are these now."""

    tracks: tuple[TrackView, ...]


@dataclass(frozen=True, slots=True)
class TrackCame:
    """Output: a track plays from now on."""

    connection: ConnectionId
    mid: str
    track: TrackView


@dataclass(frozen=True, slots=True)
class TrackWent:
    """Output: a track is over."""

    track_id: TrackId


@dataclass(frozen=True, slots=True)
class Play:
    """Output: the slot plays this track now, or nothing."""

    connection: ConnectionId
    mid: str
    track_id: TrackId | None


@dataclass(frozen=True, slots=True)
class SlotsStand:
    """Output: news for a subscriber, whose slots changed hands without its asking."""

    connection: ConnectionId
    participant: ParticipantId
    slots: tuple[Slot, ...]


Output = TracksStand | TrackCame | TrackWent | Play | SlotsStand


@dataclass(slots=True)
class _Publisher:
    participant: ParticipantId
    tracks: dict[str, TrackView]
    "By mid."
    live: bool = False
    "Whether its transport is connected: only then are its tracks anybody else's business."


@dataclass(slots=True)
class _Subscriber:
    participant: ParticipantId
    lines: tuple[Line, ...]
    wish: Wish
    playing: dict[str, TrackId] = field(default_factory=dict)
    "Track by mid."


class RoomPlan:
    """One room's publications and subscriptions.

    Performs no I/O: call a method, then carry out :meth:`take_outputs` in order. Slots are stable:
    a track keeps its slot until it ends or the subscriber asks for something else.
    """

    def __init__(self) -> None:
        self._publishers: dict[ConnectionId, _Publisher] = {}
        self._subscribers: dict[ConnectionId, _Subscriber] = {}
        self._kinds: dict[TrackId, Kind] = {}
        "Of tracks that were ever wanted or live, so that a wish means the same when one has gone."
        self._outputs: list[Output] = []

    # --- what it knows ---

    @property
    def tracks(self) -> tuple[TrackView, ...]:
        """Those that play now, the oldest first."""
        return tuple(
            track
            for publisher in self._publishers.values()
            if publisher.live
            for track in publisher.tracks.values()
        )

    def publisher(self, participant: ParticipantId) -> ConnectionId | None:
        """The connection the participant publishes on."""
        for connection, publisher in self._publishers.items():
            if publisher.participant == participant:
                return connection
        return None

    def published(self, connection: ConnectionId) -> Mapping[str, TrackView]:
        """Tracks of a publish connection by mid."""
        publisher = self._publishers.get(connection)
        return publisher.tracks if publisher else {}

    def slots(self, connection: ConnectionId) -> tuple[Slot, ...]:
        subscriber = self._subscribers[connection]
        owners = {track.track_id: track.participant_id for track in self.tracks}
        slots = []
        for line in subscriber.lines:
            track_id = subscriber.playing.get(line.mid)
            owner = owners.get(track_id) if track_id else None
            slots.append(Slot(mid=line.mid, track_id=track_id, participant_id=owner))
        return tuple(slots)

    # --- what happens ---

    def publish(
        self, connection: ConnectionId, participant: ParticipantId, tracks: Mapping[str, TrackView]
    ) -> None:
        """These are all tracks of the connection now, by mid. Others it had are over."""
        publisher = self._publishers.setdefault(connection, _Publisher(participant, {}))
        before, publisher.tracks = publisher.tracks, dict(tracks)
        if publisher.live:
            self._went(t for mid, t in before.items() if _other(tracks.get(mid), t))
            self._came(connection, {m: t for m, t in tracks.items() if _other(before.get(m), t)})
            self._settle()

    def connected(self, connection: ConnectionId) -> None:
        """The transport works. What it publishes is now there for others."""
        publisher = self._publishers.get(connection)
        if publisher is not None and not publisher.live:
            publisher.live = True
            self._came(connection, publisher.tracks)
            self._settle()

    def subscribe(
        self,
        connection: ConnectionId,
        participant: ParticipantId,
        lines: Sequence[Line],
        wish: Wish,
    ) -> tuple[Slot, ...]:
        """Returned is how the slots stand; no `SlotsStand` is put out for it."""
        subscriber = self._subscribers.get(connection)
        if subscriber is None:
            subscriber = _Subscriber(participant, tuple(lines), wish)
            self._subscribers[connection] = subscriber
        subscriber.lines, subscriber.wish = tuple(lines), wish
        mids = {line.mid for line in lines}
        subscriber.playing = {m: t for m, t in subscriber.playing.items() if m in mids}
        self._assign(connection, subscriber)
        return self.slots(connection)

    def mute(
        self, participant: ParticipantId, track_id: TrackId, muted: bool, *, by_host: bool = False
    ) -> None:
        """Raises KeyError unless the track is one of the participant's."""
        for publisher in self._publishers.values():
            for mid, track in publisher.tracks.items():
                if track.track_id == track_id and publisher.participant == participant:
                    if track.muted != muted:
                        publisher.tracks[mid] = track.model_copy(
                            update={"muted": muted, "muted_by_host": muted and by_host}
                        )
                        self._outputs.append(TracksStand(self.tracks))
                    return
        raise KeyError(track_id)

    def close(self, connection: ConnectionId) -> None:
        """The connection is gone, whichever it was. One that is unknown is gone already."""
        self._subscribers.pop(connection, None)
        publisher = self._publishers.pop(connection, None)
        if publisher is not None and publisher.live and publisher.tracks:
            self._went(publisher.tracks.values())
            self._settle()

    def take_outputs(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    # --- inside ---

    def _came(self, connection: ConnectionId, tracks: Mapping[str, TrackView]) -> None:
        self._outputs += [TrackCame(connection, mid, track) for mid, track in tracks.items()]

    def _went(self, tracks: Iterable[TrackView]) -> None:
        self._outputs += [TrackWent(track.track_id) for track in tracks]

    def _settle(self) -> None:
        """The set of tracks changed: tell everybody, and hand slots over."""
        self._outputs.append(TracksStand(self.tracks))
        for connection, subscriber in self._subscribers.items():
            if self._assign(connection, subscriber):
                self._outputs.append(
                    SlotsStand(connection, subscriber.participant, self.slots(connection))
                )

    def _assign(self, connection: ConnectionId, subscriber: _Subscriber) -> bool:
        """Give the subscriber's slots what they should play. True when any changed."""
        tracks = {track.track_id: track for track in self.tracks}
        self._kinds |= {track.track_id: track.kind for track in tracks.values()}
        before = dict(subscriber.playing)
        if subscriber.wish.tracks is not None:
            after = self._in_order(subscriber, subscriber.wish.tracks, tracks)
        elif subscriber.wish.feeds is not None:
            after = self._by_feed(subscriber, subscriber.wish.feeds, tracks)
        else:
            others = [t for t in tracks.values() if t.participant_id != subscriber.participant]
            after = _keep_and_fill(subscriber.lines, before, others)
        subscriber.playing = after
        for line in subscriber.lines:
            if before.get(line.mid) != after.get(line.mid):
                self._outputs.append(Play(connection, line.mid, after.get(line.mid)))
        return before != after

    def _in_order(
        self,
        subscriber: _Subscriber,
        wanted: Sequence[TrackId],
        tracks: Mapping[TrackId, TrackView],
    ) -> dict[str, TrackId]:
        """The k-th m-line of a kind plays the k-th wanted track of that kind."""
        after = {}
        for kind in ("audio", "video"):
            mids = [line.mid for line in subscriber.lines if line.kind == kind]
            known = [track_id for track_id in wanted if self._kinds.get(track_id) == kind]
            for mid, track_id in zip(mids, known, strict=False):
                if track_id in tracks:
                    after[mid] = track_id
        return after

    def _by_feed(
        self,
        subscriber: _Subscriber,
        feeds: Sequence[ParticipantId],
        tracks: Mapping[TrackId, TrackView],
    ) -> dict[str, TrackId]:
        """The k-th m-line of a kind plays the k-th feed; lines beyond play what is on top."""
        after: dict[str, TrackId] = {}
        on_top: list[TrackView] = []
        for kind in ("audio", "video"):
            mids = [line.mid for line in subscriber.lines if line.kind == kind]
            for place, feed in enumerate(dict.fromkeys(feeds)):
                theirs = [t for t in tracks.values() if t.participant_id == feed and t.kind == kind]
                theirs.sort(key=lambda track: track.source not in FACE_TO_FACE)
                if theirs and place < len(mids):
                    after[mids[place]] = theirs.pop(0).track_id
                on_top += theirs
        beyond = [
            line
            for kind in ("audio", "video")
            for line in [each for each in subscriber.lines if each.kind == kind][len(feeds) :]
        ]
        return after | _keep_and_fill(beyond, subscriber.playing, on_top)


def _other(now: TrackView | None, before: TrackView) -> bool:
    return now is None or now.track_id != before.track_id


def _keep_and_fill(
    lines: Sequence[Line], playing: Mapping[str, TrackId], tracks: Sequence[TrackView]
) -> dict[str, TrackId]:
    """Leave what plays where it is and give newcomers free slots.

    Lines of one place are played in step, so a participant's tracks go to the same place of each
    kind while there is room: the k-th audio line beside the k-th video line.
    """
    wanted = {track.track_id: track for track in tracks}
    mids = {line.mid for line in lines}
    after = {mid: t for mid, t in playing.items() if mid in mids and t in wanted}
    placed = set(after.values())
    for track in tracks:
        if track.track_id in placed:
            continue
        free = [line for line in lines if line.kind == track.kind and line.mid not in after]
        if free:
            best = min(free, key=lambda line: _strangers_beside(line, lines, after, wanted, track))
            after[best.mid] = track.track_id
    return after


def _strangers_beside(
    line: Line,
    lines: Sequence[Line],
    playing: Mapping[str, TrackId],
    tracks: Mapping[TrackId, TrackView],
    newcomer: TrackView,
) -> int:
    """0: the line beside plays the newcomer's own; 1: it is free; 2: it plays somebody else's."""
    place = [each for each in lines if each.kind == line.kind].index(line)
    others = [each for each in lines if each.kind != line.kind]
    beside = playing.get(others[place].mid) if place < len(others) else None
    if beside is None:
        return 1
    return 0 if tracks[beside].participant_id == newcomer.participant_id else 2
