"""A room this pod holds: what is ordered of it, carried out in the engine and the recorder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from infra.contract.ids import (
    ConnectionId,
    ParticipantId,
    RecordingId,
    RoomId,
    TenantId,
    TrackId,
)
from infra.contract.live import (
    AddCandidate,
    CloseTrack,
    HoldRoom,
    MuteTrack,
    PauseSlot,
    Publish,
    Published,
    RecordingOrder,
    Source,
    Subscribe,
    Subscribed,
)
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView
from media.core.room import (
    Output,
    Play,
    RoomPlan,
    SlotsStand,
    TrackCame,
    TracksStand,
    TrackWent,
    Wish,
)
from media.engine.port import SourceId
from media.io.chronicle import Chronicle
from media.io.gate import Gate, Place, busy
from media.io.links import Ends, Link, PublishLink, SubscribeLink
from media.io.offered import plan_line, read_sources, view_track
from media.io.recorder import Recorder
from media.io.sdp import Offer, check_candidate, read_offer
from media.io.switchboard import Switchboard
from media.io.voice import PublishTracks, SayToAll, Voice

log = structlog.get_logger(__name__)

CONNECTIONS_OF_ONE_PARTICIPANT = 16
LOOKED_AT_ONCE = 10
"Participants whose links are measured before packets get their turn."

L = TypeVar("L", bound=Link)


@dataclass(frozen=True, slots=True)
class Floor:
    """What all rooms of a pod share."""

    board: Switchboard
    recorder: Recorder
    gate: Gate
    has_room: Callable[[], bool]
    "Whether the pod takes one more connection."
    signal: SayToAll
    publish_tracks: PublishTracks
    now: Callable[[], float]
    chronicle: Callable[[RoomId, int], Chronicle]
    "Of a room that begins to be held under this epoch."


class HeldRoom:
    """One room under one lease. Orders are carried out one at a time, by the pod."""

    def __init__(self, floor: Floor, room_id: RoomId, tenant_id: TenantId, epoch: int) -> None:
        self.room_id = room_id
        self.tenant_id = tenant_id
        self.epoch = epoch
        self.recording: RecordingOrder | None = None
        self._version = 0
        self._floor = floor
        self._plan = RoomPlan()
        self._links: dict[ConnectionId, Link] = {}
        self._sources: dict[TrackId, SourceId] = {}
        self._places: dict[ConnectionId, Place] = {}
        self._voice = Voice(room_id, floor.signal, floor.publish_tracks)
        self._chronicle = floor.chronicle(room_id, epoch)
        floor.publish_tracks(room_id, ())

    # --- what it knows ---

    @property
    def tracks(self) -> tuple[TrackView, ...]:
        return self._plan.tracks

    @property
    def connections(self) -> int:
        return len(self._links)

    def present(self) -> dict[ParticipantId, float]:
        """Participants whose transport works and was heard from of late: how many seconds ago."""
        now = self._floor.now()
        heard: dict[ParticipantId, float] = {}
        for link in self._links.values():
            if link.is_connected and link.is_alive(now):
                ago = now - link.peer.heard_at
                heard[link.participant_id] = min(ago, heard.get(link.participant_id, ago))
        return heard

    async def measure(self) -> LiveFigures:
        """Look at every link, and give what passed lately. To be called every second; packets
        get their turn in between, and whoever goes meanwhile was looked at as they went."""
        theirs: dict[ParticipantId, list[Link]] = {}
        for link in self._links.values():
            theirs.setdefault(link.participant_id, []).append(link)
        for index, links in enumerate(theirs.values()):
            if index % LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)
            self._chronicle.look(links)
        return self._chronicle.figures(self.tracks)

    # --- orders ---

    async def hold(self, order: HoldRoom) -> Done:
        """Do exactly this from now on. An epoch that grew keeps everybody connected.

        What comes after an order that was decided later is not carried out any more.
        """
        if 0 < order.version < self._version:
            return Done()
        self._version = max(self._version, order.version)
        recorder = self._floor.recorder
        # Audio, video or both: that was settled when the recording began.
        if _recording_id(order.recording) != _recording_id(self.recording) or (
            order.epoch != self.epoch
        ):
            await recorder.stop(self.room_id)
        if order.epoch != self.epoch:
            self.epoch = order.epoch
            self._chronicle.hold_under(order.epoch)
            self.tell_tracks()
        self.recording = order.recording
        if order.recording is not None:
            recorder.start(self.room_id, self.tenant_id, self.epoch, order.recording)
        for participant in order.removed:
            self.close_participant(participant)
        return Done()

    async def publish(self, order: Publish) -> Published:
        offer = read_offer(order.offer)
        sources = read_sources(order, offer)
        link = self._find(order.connection_id, order.participant_id, PublishLink)
        if link is None:
            other = self._in_the_way(order)
            link = await self._open(order, offer, PublishLink)
            if other is not None:
                other.close()
        link.version = max(link.version, order.version)
        tracks = self._accept(link, offer, sources)
        return Published(answer=link.answer(offer), tracks=tuple(tracks.values()))

    async def subscribe(self, order: Subscribe) -> Subscribed:
        offer = read_offer(order.offer)
        link = self._find(order.connection_id, order.participant_id, SubscribeLink)
        if link is None:
            link = await self._open(order, offer, SubscribeLink)
        link.version = max(link.version, order.version)
        self._chronicle.look(self._links_of(link.participant_id))
        link.accept(offer)
        lines = [plan_line(line) for line in offer.usable if line.wants_media]
        wish = Wish(order.want, order.feeds)
        slots = self._plan.subscribe(link.connection_id, link.participant_id, lines, wish)
        self._play_all(link)
        self._carry_out()
        return Subscribed(answer=link.answer(offer), slots=slots)

    def add_candidate(self, order: AddCandidate) -> Done:
        """Checked and left aside: clients find us, we do not look for them."""
        self._mine(order.connection_id, order.participant_id)
        check_candidate(order.candidate)
        return Done()

    def mute(self, order: MuteTrack) -> Done:
        try:
            self._plan.mute(
                order.participant_id, order.track_id, order.muted, by_host=order.by_host
            )
        except KeyError:
            raise refuse(Reason.TRACK_UNKNOWN) from None
        source = self._sources.get(order.track_id)
        if source is not None:
            self._floor.board.engine.mute_source(source, order.muted)
            self._floor.recorder.mute_track(order.track_id, order.muted)
        self._carry_out()
        return Done()

    def close_track(self, order: CloseTrack) -> Done:
        connection = self._plan.publisher(order.participant_id)
        tracks = self._plan.published(connection) if connection is not None else {}
        kept = {mid: each for mid, each in tracks.items() if each.track_id != order.track_id}
        if connection is None or len(kept) == len(tracks):
            raise refuse(Reason.TRACK_UNKNOWN)
        self._plan.publish(connection, order.participant_id, kept)
        self._carry_out()
        return Done()

    def pause(self, order: PauseSlot) -> Done:
        link = self._mine(order.connection_id, order.participant_id)
        if not isinstance(link, SubscribeLink):
            raise refuse(Reason.TRACK_UNKNOWN, "nothing is received on this connection")
        try:
            link.pause(order.mid, order.paused)
        except KeyError:
            raise refuse(Reason.TRACK_UNKNOWN, "nothing is received on this m-line") from None
        return Done()

    def close_connection(self, connection: ConnectionId, participant: ParticipantId) -> Done:
        link = self._links.get(connection)
        if link is not None and link.participant_id == participant:
            link.close()
        return Done()

    def close_participant(self, participant: ParticipantId, version: int = 0) -> Done:
        """`version` 0: every connection; else those asked for before it was decided."""
        for link in self._links_of(participant):
            if version == 0 or link.version < version:
                link.close()
        return Done()

    async def close(self, *, silent: bool) -> None:
        """Stop recording, everything on disk, and close every connection.

        `silent` when the room may be another's by now: what is known of it is theirs to say.
        """
        if silent:
            self._voice.fall_silent()
        await self._floor.recorder.stop(self.room_id)
        self.recording = None
        for link in list(self._links.values()):
            link.close()

    # --- negotiation ---

    def _find(
        self, connection: ConnectionId, participant: ParticipantId, kind: type[L]
    ) -> L | None:
        link = self._links.get(connection)
        if link is None:
            return None
        if link.participant_id != participant or not isinstance(link, kind):
            raise refuse(Reason.SESSION_UNKNOWN, "the connection is there for something else")
        return link

    def _mine(self, connection: ConnectionId, participant: ParticipantId) -> Link:
        link = self._links.get(connection)
        if link is None or link.participant_id != participant:
            raise refuse(Reason.SESSION_UNKNOWN)
        return link

    def _links_of(self, participant: ParticipantId) -> list[Link]:
        return [link for link in self._links.values() if link.participant_id == participant]

    def _in_the_way(self, order: Publish) -> Link | None:
        """One publish connection a participant: the other one, if it may be replaced."""
        other = self._plan.publisher(order.participant_id)
        if other is None:
            return None
        # One that nothing is heard of will not come to an end by itself for a while.
        if not order.replace and self._links[other].is_alive(self._floor.now()):
            raise refuse(Reason.ALREADY_PUBLISHING)
        return self._links[other]

    async def _open(self, order: Publish | Subscribe, offer: Offer, kind: type[L]) -> L:
        crowded = len(self._links_of(order.participant_id)) >= CONNECTIONS_OF_ONE_PARTICIPANT
        if crowded or not self._floor.has_room():
            raise busy()
        place = await self._floor.gate.enter()
        ends = Ends(
            board=self._floor.board,
            connection_id=order.connection_id,
            participant_id=order.participant_id,
            opened=self._opened,
            ended=self._ended,
        )
        link = kind(ends, offer)
        self._links[link.connection_id] = link
        self._places[link.connection_id] = place
        return link

    def _accept(
        self, link: PublishLink, offer: Offer, sources: Mapping[str, Source]
    ) -> dict[str, TrackView]:
        """Have the connection's tracks be those of the offer, in two steps: what ends ends while
        its source is still in the engine, what begins begins once its source is."""
        before = self._plan.published(link.connection_id)
        kept = {mid: before[mid] for mid in link.unchanged(offer) if mid in before}
        if len(kept) < len(before):
            self._plan.publish(link.connection_id, link.participant_id, kept)
            self._carry_out()
        self._chronicle.look(self._links_of(link.participant_id))
        link.accept(offer)
        tracks = {
            line.mid: view_track(kept.get(line.mid), line, link.participant_id, sources[line.mid])
            for line in offer.usable
            if line.offers_media
        }
        self._plan.publish(link.connection_id, link.participant_id, tracks)
        self._carry_out()
        return tracks

    # --- what the transports tell ---

    def _opened(self, link: Link) -> None:
        self._places.pop(link.connection_id).leave()
        if isinstance(link, PublishLink):
            link.open_sources()
        elif isinstance(link, SubscribeLink):
            link.open_forwards()
            self._play_all(link)
        self._chronicle.look(self._links_of(link.participant_id))
        self._plan.connected(link.connection_id)
        self._voice.tell_connection(link, "connected")
        self._carry_out()

    def _ended(self, link: Link) -> None:
        self._chronicle.look(self._links_of(link.participant_id))
        del self._links[link.connection_id]
        self._chronicle.link_went(link, last=not self._links_of(link.participant_id))
        place = self._places.pop(link.connection_id, None)
        if place is not None:
            place.leave()
        self._plan.close(link.connection_id)
        self._voice.tell_connection(link, "closed")
        self._carry_out()

    # --- carrying out what the plan says ---

    def _carry_out(self) -> None:
        for output in self._plan.take_outputs():
            self._do(output)

    def _do(self, output: Output) -> None:
        if isinstance(output, TrackCame):
            self._begin(output)
        elif isinstance(output, TrackWent):
            self._floor.recorder.remove_track(output.track_id)
            self._chronicle.track_went(output.track_id)
            del self._sources[output.track_id]
        elif isinstance(output, Play):
            link = self._links.get(output.connection)
            if isinstance(link, SubscribeLink):
                self._play(link, output.mid, output.track_id)
        elif isinstance(output, TracksStand):
            self.tell_tracks()
        elif isinstance(output, SlotsStand):
            self._voice.tell_slots(output)

    def _begin(self, came: TrackCame) -> None:
        link = self._links[came.connection]
        source = link.source(came.mid) if isinstance(link, PublishLink) else None
        if source is None:
            raise LookupError(f"a track came on {came.mid} and nothing receives it")
        self._sources[came.track.track_id] = source
        if came.track.muted:
            self._floor.board.engine.mute_source(source, True)
        self._floor.recorder.add_track(self.room_id, came.track, source)
        self._chronicle.track_came(came.track)

    def _play_all(self, link: SubscribeLink) -> None:
        if link.connection_id in self._links and link.is_connected:
            for slot in self._plan.slots(link.connection_id):
                self._play(link, slot.mid, slot.track_id)

    def _play(self, link: SubscribeLink, mid: str, track_id: TrackId | None) -> None:
        link.play(mid, self._sources.get(track_id) if track_id is not None else None)

    # --- news ---

    def tell_tracks(self) -> None:
        """Let it be known which tracks there are."""
        self._voice.tell_tracks(self.epoch, self.tracks)


def _recording_id(order: RecordingOrder | None) -> RecordingId | None:
    return order.recording_id if order else None
