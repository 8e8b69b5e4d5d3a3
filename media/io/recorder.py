"""Writes what is published to the spool, still encoded, while the room goes on.

The event loop's side only moves packets into a bounded queue; one thread takes them out, cuts
them into segments and writes. What it cannot keep up with is dropped and counted.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from infra.contract.ids import PodId, RecordingId, RoomId, SpoolId, TenantId, TrackId
from infra.contract.live import RecordingOrder
from infra.contract.views import TrackView
from media.core.segments import RtpIn
from media.engine.port import Engine, SourceId, Tap, TapPacket
from media.io.spool_writer import PartOrder, PartWriter, RecorderStats

log = structlog.get_logger(__name__)

QUEUE_S = 2.0
"Seconds of packets that wait for the writer at most."
WAKE_S = 0.1
"Seconds between two looks of the writer into the queue: what a kill loses beside the reordering."
PLENTY = 64 * 1024**3
"Bytes. The last of it, when nothing new is begun, still holds ten cameras for an hour."
ASK_AGAIN_S = 1.0
"Seconds between two requests for a keyframe of one track."

Report = Callable[[RecordingId, int, bool], None]
"Recording, epoch, and whether nothing more will be written under it."


@dataclass(slots=True)
class _Track:
    view: TrackView
    source: SourceId
    asked_at: float = float("-inf")


@dataclass(slots=True)
class _Room:
    tracks: dict[TrackId, _Track] = field(default_factory=dict)
    order: RecordingOrder | None = None
    part: PartWriter | None = None


@dataclass(frozen=True, slots=True)
class _Packet:
    part: PartWriter
    track_id: TrackId
    packet: TapPacket


class Recorder:
    """One for a media process. Called from its event loop; only `stop` waits for the disk."""

    def __init__(
        self,
        spool_root: Path,
        spool_id: SpoolId,
        pod_id: PodId,
        engine: Engine,
        *,
        segment_s: float,
        report: Report,
        wall: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`report` is called on the loop, from `tick` and `stop`: a segment was closed, or a part.

        `clock` is the one that `TapPacket.arrived_at` is read from.
        """
        self.stats = RecorderStats()
        self._root = spool_root
        self._spool_id = spool_id
        self._pod_id = pod_id
        self._engine = engine
        self._segment_s = segment_s
        self._report = report
        self._wall = wall
        self._clock = clock
        self._rooms: dict[RoomId, _Room] = {}
        self._stopped: set[tuple[RecordingId, int]] = set()
        self._inbox: deque[_Packet | Callable[[], None]] = deque()
        self._oldest_at: float | None = None
        self._news: deque[tuple[RecordingId, int, bool]] = deque()
        self._wanted: frozenset[TrackId] = frozenset()
        self._parts: list[PartWriter] = []
        "The writer's own."
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def start(
        self, room_id: RoomId, tenant_id: TenantId, epoch: int, order: RecordingOrder
    ) -> None:
        """Record the room, tracks to come included. What is being done already goes on; under
        another epoch, or for another recording, the part before is closed first."""
        room = self._rooms.setdefault(room_id, _Room())
        if room.part is not None:
            at_it = room.part.order
            if (at_it.recording_id, at_it.epoch) == (order.recording_id, epoch):
                return
            self._finish(room)
        if (order.recording_id, epoch) in self._stopped:
            # Its part has been closed, and may be stored and gone from here.
            return
        since = max(0.0, (self._wall() - order.started_at).total_seconds())
        part = PartWriter(
            self._root,
            PartOrder(
                order.recording_id,
                room_id,
                tenant_id,
                epoch,
                self._pod_id,
                self._spool_id,
                order.started_at,
                self._clock() - since,
            ),
            segment_s=self._segment_s,
            stats=self.stats,
            closed_segment=partial(self._news.append, (order.recording_id, epoch, False)),
        )
        room.order, room.part = order, part
        self._tell(partial(self._parts.append, part))
        self._tell(part.begin)
        for track in room.tracks.values():
            self._begin_track(room, track)

    def add_track(self, room_id: RoomId, track: TrackView, source: SourceId) -> None:
        """A track to be recorded whenever its room is. Adding it again changes nothing."""
        room = self._rooms.setdefault(room_id, _Room())
        if track.track_id not in room.tracks:
            room.tracks[track.track_id] = _Track(track, source)
            self._begin_track(room, room.tracks[track.track_id])

    def remove_track(self, track_id: TrackId) -> None:
        """It is not published any more. Call before its source is removed."""
        for room_id, room in list(self._rooms.items()):
            track = room.tracks.pop(track_id, None)
            if track is not None and room.part is not None:
                self._untap(track.source)
                self._tell(partial(room.part.remove_track, track_id))
            if not room.tracks and room.part is None:
                del self._rooms[room_id]

    def mute_track(self, track_id: TrackId, muted: bool) -> None:
        for room in self._rooms.values():
            track = room.tracks.get(track_id)
            if track is not None and room.part is not None:
                if muted:
                    self._tell(partial(room.part.mute_track, track_id))
                elif track.view.kind == "video":
                    track.asked_at = float("-inf")

    async def stop(self, room_id: RoomId) -> None:
        """Stop recording the room; returns when everything of it is on the disk and reported."""
        room = self._rooms.get(room_id)
        if room is None or room.part is None:
            return
        done = self._finish(room)
        if not room.tracks:
            del self._rooms[room_id]
        await done
        self._hand_over()

    async def close(self) -> None:
        """Stop every recording, then the writer."""
        for room_id in list(self._rooms):
            await self.stop(room_id)
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join)

    def spool_used(self) -> float:
        """How full the spool's disk is, as :func:`share_used` has it; 1 when it cannot be asked."""
        try:
            disk = shutil.disk_usage(self._root)
        except OSError as error:
            log.error("the spool cannot be reached", error=error.strerror)
            return 1.0
        return share_used(total=disk.total, free=disk.free)

    def tick(self, now: float) -> None:
        """Call a few times a second: reports what was closed, asks for keyframes."""
        self._hand_over()
        wanted = self._wanted
        for room in self._rooms.values():
            for track_id, track in room.tracks.items():
                if track_id in wanted and now - track.asked_at >= ASK_AGAIN_S:
                    track.asked_at = now
                    try:
                        self._engine.request_keyframe(track.source)
                    except KeyError:
                        pass  # its leg closed a moment ago

    # --- the loop's side ---

    def _begin_track(self, room: _Room, track: _Track) -> None:
        part, order = room.part, room.order
        if part is None or order is None:
            return
        if not (order.audio if track.view.kind == "audio" else order.video):
            return
        self._tell(partial(part.add_track, track.view))
        self._engine.tap(track.source, self._tap(part, track.view.track_id))

    def _tap(self, part: PartWriter, track_id: TrackId) -> Tap:
        inbox = self._inbox

        def take(packet: TapPacket) -> None:
            oldest = self._oldest_at
            if oldest is None:
                self._oldest_at = packet.arrived_at
            elif packet.arrived_at - oldest > QUEUE_S:
                self.stats.dropped += 1
                return
            inbox.append(_Packet(part, track_id, packet))

        return take

    def _untap(self, source: SourceId) -> None:
        try:
            self._engine.tap(source, None)
        except KeyError:
            pass  # the source went first, and its tap with it

    def _finish(self, room: _Room) -> asyncio.Future[None]:
        part, room.part, room.order = room.part, None, None
        assert part is not None
        for track in room.tracks.values():
            self._untap(track.source)
        order = part.order
        self._stopped.add((order.recording_id, order.epoch))
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def close() -> None:
            self._parts.remove(part)
            try:
                part.close()
            finally:
                self._news.append((order.recording_id, order.epoch, True))
                loop.call_soon_threadsafe(_resolve, done)

        self._tell(close)
        return done

    def _tell(self, do: Callable[[], None]) -> None:
        # Orders wait behind the packets that came before them, and are never dropped.
        self._inbox.append(do)
        self._wake.set()

    def _hand_over(self) -> None:
        while self._news:
            self._report(*self._news.popleft())

    # --- the writer's side ---

    def _write(self) -> None:
        while not self._closing or self._inbox:
            self._wake.wait(WAKE_S)
            self._wake.clear()
            # From here on the loop may queue two seconds more.
            self._oldest_at = None
            for _ in range(len(self._inbox)):
                self._do(self._inbox.popleft())
            now = self._clock()
            for part in self._parts:
                part.tick(now)
            self._wanted = frozenset().union(*(part.wants_keyframe() for part in self._parts))

    def _do(self, item: _Packet | Callable[[], None]) -> None:
        try:
            if isinstance(item, _Packet):
                item.part.packet(item.track_id, _rtp(item.packet))
            else:
                item()
        except Exception:
            # One recording's trouble is not the others', who have this thread too.
            log.exception("the recorder could not carry out an order")
            self.stats.broken += 1


def share_used(*, total: int, free: int) -> float:
    """From 0 to 1. A disk counts as no larger than :data:`PLENTY`: what is left on a large one is
    worth no less for being a small share of it."""
    counted = max(1, min(total, PLENTY))
    return 1.0 - min(free, counted) / counted


def _resolve(done: asyncio.Future[None]) -> None:
    # Whoever waited may have been cancelled.
    if not done.done():
        done.set_result(None)


def _rtp(packet: TapPacket) -> RtpIn:
    return RtpIn(
        packet.codec.name,
        packet.codec.clock_rate,
        packet.sequence,
        packet.timestamp,
        packet.marker,
        packet.payload,
        packet.arrived_at,
        packet.ntp_time,
    )
