"""A media pod with everything real but Redis, and callers made of unmodified aiortc."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError

from infra.bus.pods import Answer, Held
from infra.bus.port import PodReport
from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import (
    ConnectionId,
    ParticipantId,
    PodId,
    RoomId,
    TenantId,
    TrackId,
    new_id,
)
from infra.contract.live import (
    HoldRoom,
    Publish,
    Published,
    RecordingOrder,
    Slot,
    Source,
    Subscribe,
    Subscribed,
    TrackOffer,
)
from infra.contract.messages import LiveCommand
from infra.contract.refusals import Reason, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView
from infra.settings import Settings
from media.app import PodApp
from media.io.pod import Pod
from tests.support.bus import LocalBus

PATIENCE = 10.0


class LocalInbox:
    """`PodInbox` without Redis. Leases are granted by `leases`, and vanish when it is cleared."""

    def __init__(self) -> None:
        self.orders: asyncio.Queue[tuple[LiveCommand[Any], Answer]] = asyncio.Queue()
        self.reports: list[PodReport] = []
        self.tracks: dict[RoomId, tuple[TrackView, ...]] = {}
        self.figures: dict[RoomId, LiveFigures] = {}
        self.retired = False
        self.down = False
        self.leases: dict[RoomId, Held] = {}
        "What a renewal says; held for rooms that are not in here."

    async def __aiter__(self) -> AsyncIterator[tuple[LiveCommand[Any], Answer]]:
        while True:
            yield await self.orders.get()

    async def report(self, report: PodReport) -> None:
        self._reach()
        self.reports.append(report)

    async def retire(self) -> None:
        self._reach()
        self.retired = True

    async def renew_leases(self, rooms: Mapping[RoomId, int]) -> dict[RoomId, Held]:
        self._reach()
        return {room: self.leases.get(room, "held") for room in rooms}

    async def set_tracks(self, room: RoomId, tracks: Sequence[TrackView]) -> None:
        self._reach()
        self.tracks[room] = tuple(tracks)

    async def set_figures(self, figures: Sequence[LiveFigures]) -> None:
        self._reach()
        self.figures.update({each.room_id: each for each in figures})

    def _reach(self) -> None:
        if self.down:
            raise refuse(Reason.UNAVAILABLE)


class HeardBus(LocalBus):
    """Remembers the signals, too."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[RoomEvent | Signal] = []

    async def signal(self, room: RoomId, news: RoomEvent | Signal) -> None:
        await super().signal(room, news)
        self.heard.append(news)

    def signals(self, kind: type[Signal]) -> list[Any]:
        return [news for news in self.heard if isinstance(news, kind)]


class PodUnderTest:
    def __init__(self, app: PodApp, inbox: LocalInbox, bus: HeardBus) -> None:
        self.app = app
        self.inbox = inbox
        self.bus = bus

    @property
    def pod(self) -> Pod:
        return self.app.pod

    async def room(self, recording: RecordingOrder | None = None) -> RoomUnderTest:
        room = RoomUnderTest(self)
        await room.hold(recording=recording)
        return room


class RoomUnderTest:
    """A room the pod holds, and the way to order things of it."""

    def __init__(self, pod: PodUnderTest) -> None:
        self.under = pod
        self.id = RoomId(new_id())
        self.tenant_id = TenantId(new_id())
        self.epoch = 1

    async def hold(self, *, recording: RecordingOrder | None = None, removed: Any = ()) -> None:
        await self.order(
            HoldRoom, tenant_id=self.tenant_id, recording=recording, removed=tuple(removed)
        )

    async def order(self, kind: type[LiveCommand[Any]], **fields: Any) -> Any:
        command = kind(room_id=self.id, epoch=self.epoch, **fields)
        return await self.under.pod.carry_out(command)

    @property
    def tracks(self) -> tuple[TrackView, ...]:
        return self.under.pod.rooms[self.id].tracks

    def caller(self) -> Caller:
        return Caller(self)


class Caller:
    """A participant with as many connections as it opens. Close it."""

    def __init__(self, room: RoomUnderTest) -> None:
        self.room = room
        self.id = ParticipantId(new_id())
        self.pcs: dict[ConnectionId, RTCPeerConnection] = {}
        self.received: dict[str, Received] = {}
        "What came, by the m-line it came on."

    def new_pc(self) -> RTCPeerConnection:
        # aiortc's default policy loses the second m-line of a kind that joins a bundle.
        return RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )

    async def publish(
        self,
        *sources: Source,
        connection: ConnectionId | None = None,
        replace: bool = False,
        version: int = 0,
        munge: Callable[[str], str] = lambda sdp: sdp,
        unmunge: Callable[[str], str] = lambda sdp: sdp,
    ) -> Published:
        """Send synthetic sound and pictures; returns when the transport works."""
        connection = connection or ConnectionId(new_id())
        pc = self.pcs.setdefault(connection, self.new_pc())
        added: list[Source] = list(sources)
        for source in added:
            pc.addTrack(VideoStreamTrack() if source in ("camera", "screen") else hum())
        await pc.setLocalDescription(await pc.createOffer())
        fresh = [t.mid for t in pc.getTransceivers()][-len(added) :] if added else []
        published = await self.room.order(
            Publish,
            participant_id=self.id,
            connection_id=connection,
            offer=munge(pc.localDescription.sdp),
            tracks=[TrackOffer(mid=m, source=s) for m, s in zip(fresh, added, strict=True)],
            replace=replace,
            version=version,
        )
        answer = unmunge(published.answer)
        await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await settled(pc)
        return cast(Published, published)

    async def subscribe(
        self,
        *kinds: str,
        want: Sequence[TrackId] | None = None,
        feeds: Sequence[ParticipantId] | None = None,
        connection: ConnectionId | None = None,
    ) -> Subscribed:
        connection = connection or ConnectionId(new_id())
        pc = self.pcs.setdefault(connection, self.new_pc())
        for kind in kinds:
            pc.addTransceiver(kind, direction="recvonly")
        if not pc.listeners("track"):
            pc.on("track", lambda track: self._follow(pc, track))
        await pc.setLocalDescription(await pc.createOffer())
        subscribed = await self.room.order(
            Subscribe,
            participant_id=self.id,
            connection_id=connection,
            offer=pc.localDescription.sdp,
            want=None if want is None else tuple(want),
            feeds=None if feeds is None else tuple(feeds),
        )
        await pc.setRemoteDescription(RTCSessionDescription(subscribed.answer, "answer"))
        await settled(pc)
        return cast(Subscribed, subscribed)

    def slot(self, slots: Sequence[Slot], track_id: TrackId) -> Received:
        """What comes on the line that plays the track."""
        (mid,) = [slot.mid for slot in slots if slot.track_id == track_id]
        return self.received[mid]

    def _follow(self, pc: RTCPeerConnection, track: MediaStreamTrack) -> None:
        (mid,) = [t.mid for t in pc.getTransceivers() if t.receiver.track is track]
        self.received[mid] = Received(track)

    async def close(self) -> None:
        for received in self.received.values():
            received.task.cancel()
        for pc in self.pcs.values():
            await pc.close()


class Received:
    """Decoded frames of one incoming track, counted as they come."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.kind = track.kind
        self.frames = 0
        self.loud = 0
        self.last_at = 0.0
        self.longest_gap_s = 0.0
        self.task = asyncio.create_task(self._count(track))

    async def _count(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            now = time.monotonic()
            if self.frames:
                self.longest_gap_s = max(self.longest_gap_s, now - self.last_at)
            self.last_at = now
            self.frames += 1
            if self.kind == "audio" and abs(cast(Any, frame).to_ndarray()).max() > 500:
                self.loud += 1

    async def more(self, count: int = 5) -> None:
        """Wait for so many more frames."""
        goal = self.frames + count
        await until(lambda: self.frames >= goal, f"{count} more {self.kind} frames")

    async def silence(self, seconds: float = 0.5) -> int:
        """Wait until nothing comes; give the frames that came in the last `seconds`."""
        await asyncio.sleep(seconds)
        before = self.frames
        await asyncio.sleep(seconds)
        return self.frames - before


def hum() -> MediaStreamTrack:
    """A tone loud enough to tell from silence."""

    class Hum(AudioStreamTrack):
        async def recv(self) -> Any:
            frame: Any = await super().recv()
            plane = memoryview(frame.planes[0]).cast("B").cast("h")
            for n in range(frame.samples):
                plane[n] = 8000 if (n // 20) % 2 else -8000
            return frame

    return Hum()


async def settled(pc: RTCPeerConnection) -> None:
    """Connected, or hung up on."""
    await until(lambda: pc.connectionState in ("connected", "closed"), "the transport")


async def until(check: Callable[[], Any], what: str, within: float = PATIENCE) -> None:
    deadline = time.monotonic() + within
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:.0f} s")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running_pod(home: Path, **settings: Any) -> AsyncIterator[PodUnderTest]:
    inbox, bus = LocalInbox(), HeardBus()
    here = Settings(home=home, media_host="127.0.0.1", media_port=0, **settings)
    app = PodApp(here, pod_id=PodId(new_id()), inbox=inbox, house=bus)
    await app.start()
    try:
        yield PodUnderTest(app, inbox, bus)
    finally:
        await app.stop()
