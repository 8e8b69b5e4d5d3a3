"""A room this pod holds: what is ordered of it, carried out in the engine and the recorder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from infra.contract.events import ConnectionChanged, Signal, SlotsChanged, TracksChanged
from infra.contract.ids import ConnectionId, ParticipantId, RoomId, TenantId, TrackId, new_id
from infra.contract.live import (
    AddCandidate,
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
from infra.contract.views import TrackView
from media.core.room import (
    Line,
    Play,
    RoomPlan,
    SlotsStand,
    TrackCame,
    TracksStand,
    TrackWent,
    Wish,
)
from media.engine.port import SourceId
from media.io.gate import Gate, Place, busy
from media.io.links import Link, PublishLink, SubscribeLink
from media.io.recorder import Recorder
from media.io.sdp import MLine, Offer, check_candidate, read_offer
from media.io.switchboard import Switchboard

log = structlog.get_logger(__name__)

CONNECTIONS_OF_ONE_PARTICIPANT = 16

_KIND_OF: dict[Source, str] = {
    "microphone": "audio",
    "camera": "video",
    "screen": "video",
    "screen_audio": "audio",
}


@dataclass(frozen=True, slots=True)
class Floor:
    """What all rooms of a pod share."""

    board: Switchboard
    recorder: Recorder
    gate: Gate
    signal: Callable[[RoomId, object, Signal], None]
    "Room, subject, news: the latest news on a subject is what counts."
    publish_tracks: Callable[[RoomId, tuple[TrackView, ...]], None]
    now: Callable[[], float] = time.monotonic


class HeldRoom:
    """One room under one lease. Orders are carried out one at a time, by the pod."""

    def __init__(self, floor: Floor, room_id: RoomId, tenant_id: TenantId, epoch: int) -> None:
        self.room_id = room_id
        self.tenant_id = tenant_id
        self.epoch = epoch
        self.recording: RecordingOrder | None = None
        self._floor = floor
        self._plan = RoomPlan()
        self._links: dict[ConnectionId, Link] = {}
        self._sources: dict[TrackId, SourceId] = {}
        self._places: dict[ConnectionId, Place] = {}

    # --- what it knows ---

    @property
    def tracks(self) -> tuple[TrackView, ...]:
        return self._plan.tracks

    @property
    def connections(self) -> int:
        return len(self._links)

    def present(self) -> set[ParticipantId]:
        """Participants whose transport works and was heard from of late."""
        now = self._floor.now()
        return {
            link.participant_id
            for link in self._links.values()
            if link.is_connected and link.is_alive(now)
        }

    # --- orders ---

    async def hold(self, order: HoldRoom) -> Done:
        """Do exactly this from now on. An epoch that grew keeps everybody connected."""
        recorder = self._floor.recorder
        if order.recording != self.recording or order.epoch != self.epoch:
            await recorder.stop(self.room_id)
        self.epoch = order.epoch
        self.recording = order.recording
        if order.recording is not None:
            recorder.start(self.room_id, self.tenant_id, self.epoch, order.recording)
        for participant in order.removed:
            self.close_participant(participant)
        return Done()

    async def publish(self, order: Publish) -> Published:
        offer = read_offer(order.offer)
        sources = _sources(order, offer)
        link = self._link(order.connection_id, order.participant_id, PublishLink)
        if link is None:
            self._make_way(order)
            place = await self._floor.gate.enter()
            link = PublishLink(*self._new(order, offer), opened=self._opened, ended=self._ended)
            self._links[link.connection_id] = link
            self._places[link.connection_id] = place
        tracks = self._accept(link, offer, sources)
        return Published(answer=link.answer(offer), tracks=tuple(tracks.values()))

    async def subscribe(self, order: Subscribe) -> Subscribed:
        offer = read_offer(order.offer)
        link = self._link(order.connection_id, order.participant_id, SubscribeLink)
        if link is None:
            place = await self._floor.gate.enter()
            link = SubscribeLink(*self._new(order, offer), opened=self._opened, ended=self._ended)
            self._links[link.connection_id] = link
            self._places[link.connection_id] = place
        link.accept(offer)
        lines = [_line(line) for line in offer.usable if line.wants_media]
        wish = Wish(order.want, order.feeds)
        slots = self._plan.subscribe(link.connection_id, link.participant_id, lines, wish)
        self._play_all(link)
        self._carry_out()
        return Subscribed(answer=link.answer(offer), slots=slots)

    def add_candidate(self, order: AddCandidate) -> Done:
        """Checked and left aside: the client finds us, not we the client."""
        if order.connection_id not in self._links:
            raise refuse(Reason.SESSION_UNKNOWN)
        check_candidate(order.candidate)
        return Done()

    def mute(self, order: MuteTrack) -> Done:
        try:
            self._plan.mute(order.participant_id, order.track_id, order.muted)
        except KeyError:
            raise refuse(Reason.TRACK_UNKNOWN) from None
        source = self._sources.get(order.track_id)
        if source is not None:
            self._floor.board.engine.mute_source(source, order.muted)
            self._floor.recorder.mute_track(order.track_id, order.muted)
        self._carry_out()
        return Done()

    def pause(self, order: PauseSlot) -> Done:
        link = self._link(order.connection_id, order.participant_id, SubscribeLink)
        if link is None:
            raise refuse(Reason.SESSION_UNKNOWN)
        try:
            link.pause(order.mid, order.paused)
        except KeyError:
            raise refuse(Reason.TRACK_UNKNOWN, f"nothing is received on {order.mid}") from None
        return Done()

    def close_connection(self, connection: ConnectionId, participant: ParticipantId) -> Done:
        link = self._links.get(connection)
        if link is not None and link.participant_id == participant:
            link.close()
        return Done()

    def close_participant(self, participant: ParticipantId) -> Done:
        for link in [each for each in self._links.values() if each.participant_id == participant]:
            link.close()
        return Done()

    async def close(self) -> None:
        """Stop recording with everything on disk, and close every connection."""
        await self._floor.recorder.stop(self.room_id)
        self.recording = None
        for link in list(self._links.values()):
            link.close()

    # --- negotiation ---

    def _link[L: Link](
        self, connection: ConnectionId, participant: ParticipantId, kind: type[L]
    ) -> L | None: ...

    # --- what the transports tell ---

    def _opened(self, link: Link) -> None: ...
