"""The pod: takes orders, keeps its rooms' leases, says how it is."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

import structlog

from infra.bus.pods import Answer, Held
from infra.bus.port import PodReport
from infra.contract.commands import ClaimRoom, ReportSpool
from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import ParticipantId, PodId, RecordingId, RoomId, SpoolId
from infra.contract.live import (
    AddCandidate,
    CloseConnection,
    CloseParticipant,
    CloseTrack,
    DropRoom,
    HoldRoom,
    MuteTrack,
    PauseSlot,
    Publish,
    Subscribe,
)
from infra.contract.messages import Command, Done, LiveCommand, Reply
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView
from media.io.chronicle import Chronicle
from media.io.gate import PLACES, QUEUE, WAIT_S, Gate, busy
from media.io.held import Floor, HeldRoom
from media.io.lease import Leases, Verdict
from media.io.machine import Load, Machine
from media.io.meter import Meter
from media.io.news import News
from media.io.recorder import Recorder
from media.io.survey import Survey
from media.io.switchboard import Switchboard

log = structlog.get_logger(__name__)

ROOMS = 1_000
CONNECTIONS = 2_000
"What one process takes on. More: refused with POD_BUSY."
ANSWERS_AT_ONCE = 16
"Each takes a connection to Redis while it is sent; there are not hundreds."
WAIT_FOR_ROOM_S = 1.0
"An order may come before the room it is for; its asker waits for 2 s."
LAST_WORDS_S = 2.0
"For what is left to say when the pod ends."


class Inbox(Protocol):
    """A pod's end of the bus: `PodInbox`."""

    def __aiter__(self) -> AsyncIterator[tuple[LiveCommand[Any], Answer]]: ...

    async def report(self, report: PodReport) -> None: ...

    async def retire(self) -> None: ...

    async def renew_leases(self, rooms: Mapping[RoomId, int]) -> dict[RoomId, Held]: ...

    async def set_tracks(self, room: RoomId, tracks: Sequence[TrackView]) -> None: ...

    async def set_figures(self, figures: Sequence[LiveFigures]) -> None: ...


class House(Protocol):
    """Those a pod talks to: `RedisBus`."""

    async def tell(self, command: Command[Any]) -> object: ...

    async def signal(self, room: RoomId, news: RoomEvent | Signal) -> None: ...

    async def touch_presence(
        self, room: RoomId, participant: ParticipantId, *, heard_s_ago: float = 0.0
    ) -> None: ...


class Pod:
    """Call :meth:`serve` and :meth:`say` as tasks, and the `every_…` ones on time."""

    def __init__(
        self,
        *,
        pod_id: PodId,
        spool_id: SpoolId,
        board: Switchboard,
        recorder: Callable[[Callable[[RecordingId, int, bool], None]], Recorder],
        inbox: Inbox,
        house: House,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        machine: Callable[[], Load] | None = None,
    ) -> None:
        """`recorder` makes the recorder, given whom it tells of what it closed."""
        self.pod_id = pod_id
        self.spool_id = spool_id
        self.draining = False
        self.news = News()
        self.board = board
        self.recorder = recorder(self._spooled)
        self._inbox = inbox
        self._house = house
        self._now = now
        self._wall = wall
        self.survey = Survey(machine or Machine().read)
        self._leases = Leases()
        self._rooms: dict[RoomId, HeldRoom] = {}
        self._turns: WeakValueDictionary[RoomId, asyncio.Lock] = WeakValueDictionary()
        self._came: dict[RoomId, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._negotiating = 0
        self._answering = asyncio.Semaphore(ANSWERS_AT_ONCE)
        self._floor = Floor(
            board=board,
            recorder=self.recorder,
            gate=Gate(),
            has_room=lambda: self.connections < CONNECTIONS,
            signal=self._signal,
            publish_tracks=self._publish_tracks,
            now=now,
            chronicle=self._begin_chronicle,
        )

    # --- what it knows ---

    @property
    def rooms(self) -> Mapping[RoomId, HeldRoom]:
        return self._rooms

    @property
    def connections(self) -> int:
        return sum(room.connections for room in self._rooms.values())

    def report(self) -> PodReport:
        host, port = self.board.addresses[0]
        return PodReport(
            pod_id=self.pod_id,
            spool_id=self.spool_id,
            pid=os.getpid(),
            engine=self.board.engine.name,
            rooms=len(self._rooms),
            connections=self.connections,
            draining=self.draining,
            media_address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            spool_used=self.recorder.spool_used(),
            cpu_percent=self.survey.load.cpu_percent,
            memory_percent=self.survey.load.memory_percent,
            incoming_bps=self.survey.incoming_bps,
            outgoing_bps=self.survey.outgoing_bps,
        )

    # --- orders ---

    async def serve(self) -> None:
        """Take orders for ever. Those of one room are carried out in their order."""
        async for command, answer in self._inbox:
            task = asyncio.get_running_loop().create_task(self._serve_one(command, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve_one(self, command: LiveCommand[Any], answer: Answer) -> None:
        try:
            said: Reply | BaseException = await self.carry_out(command)
        except Refused as refused:
            log.info("refused", kind=command.kind, reason=refused.refusal.reason)
            said = refused
        except Exception as broken:
            log.exception("an order broke", kind=command.kind)
            said = broken
        async with self._answering:
            await answer(said)

    async def carry_out(self, command: LiveCommand[Any]) -> Reply:
        """Raises `Refused`; STALE_EPOCH for a room that is not held, or under another epoch."""
        if isinstance(command, HoldRoom):
            async with self._turn(command.room_id):
                return await self._hold(command)
        if isinstance(command, DropRoom):
            async with self._turn(command.room_id):
                return await self._drop(command)
        await self._wait_for_room(command)
        if isinstance(command, Publish | Subscribe):
            return await self._negotiate(command)
        async with self._turn(command.room_id):
            return await self._in_room(self._held(command), command)

    async def _negotiate(self, command: Publish | Subscribe) -> Reply:
        """As any other, unless so many wait that the asker would be gone before its turn."""
        if self._negotiating >= PLACES + QUEUE:
            raise busy()
        self._negotiating += 1
        came_at = self._now()
        try:
            async with self._turn(command.room_id):
                if self._now() - came_at > WAIT_S:
                    raise busy()
                return await self._in_room(self._held(command), command)
        finally:
            self._negotiating -= 1

    async def _in_room(self, room: HeldRoom, command: LiveCommand[Any]) -> Reply:
        match command:
            case Publish():
                return await room.publish(command)
            case Subscribe():
                return await room.subscribe(command)
            case AddCandidate():
                return room.add_candidate(command)
            case MuteTrack():
                return room.mute(command)
            case CloseTrack():
                return room.close_track(command)
            case PauseSlot():
                return room.pause(command)
            case CloseConnection():
                return room.close_connection(command.connection_id, command.participant_id)
            case CloseParticipant():
                return room.close_participant(command.participant_id, command.version)
        raise TypeError(f"a pod cannot do {command.kind}")

    async def _hold(self, order: HoldRoom) -> Done:
        if self.draining:
            raise refuse(Reason.NO_MEDIA_POD)
        room = self._rooms.get(order.room_id)
        if room is None:
            if len(self._rooms) >= ROOMS:
                raise busy()
            room = HeldRoom(self._floor, order.room_id, order.tenant_id, order.epoch)
            self._rooms[order.room_id] = room
        elif order.epoch < room.epoch:
            raise refuse(Reason.STALE_EPOCH)
        self._leases.took(order.room_id, now=self._now())
        came = self._came.pop(order.room_id, None)
        if came is not None:
            came.set()
        return await room.hold(order)

    async def _drop(self, order: DropRoom) -> Done:
        room = self._rooms.get(order.room_id)
        if room is not None:
            if order.epoch < room.epoch:
                raise refuse(Reason.STALE_EPOCH)
            await self._let_go(room)
        return Done()

    async def _let_go(self, room: HeldRoom) -> None:
        self._leases.left(room.room_id)
        del self._rooms[room.room_id]
        await room.close(silent=True)

    def _held(self, command: LiveCommand[Any]) -> HeldRoom:
        room = self._rooms.get(command.room_id)
        if room is None or room.epoch != command.epoch:
            raise refuse(Reason.STALE_EPOCH)
        return room

    async def _wait_for_room(self, command: LiveCommand[Any]) -> None:
        """The asker believes that we hold the room: ask its owner, and wait a little for word."""
        room = self._rooms.get(command.room_id)
        if self.draining or (room is not None and command.epoch <= room.epoch):
            return
        came = self._came.setdefault(command.room_id, asyncio.Event())
        self._claim(command.room_id, command.epoch)
        try:
            async with asyncio.timeout(WAIT_FOR_ROOM_S):
                await came.wait()
        except TimeoutError:
            self._came.pop(command.room_id, None)

    def _turn(self, room: RoomId) -> asyncio.Lock:
        lock = self._turns.get(room)
        if lock is None:
            lock = self._turns[room] = asyncio.Lock()
        return lock

    # --- on time ---

    async def every_second(self) -> None:
        """Measure, report, renew the leases, and act on what they say."""
        self.board.tick(self._now())
        figures = await self.survey.take(self._rooms)
        now = self._now()
        try:
            await self._inbox.report(self.report())
            rooms = {room_id: room.epoch for room_id, room in self._rooms.items()}
            held = await self._inbox.renew_leases(rooms)
        except Refused:
            verdict = self._leases.unanswered(now=self._now())
        else:
            verdict = self._leases.answered(held, asked_at=now)
            await self._tell_figures(figures)
        await self._act_on(verdict)

    async def _tell_figures(self, figures: Sequence[LiveFigures]) -> None:
        now = self._now()
        ours = [each for each in figures if self._leases.is_fresh(each.room_id, now=now)]
        try:
            await self._inbox.set_figures(ours)
        except Refused:
            log.info("nobody is told the figures of this second", rooms=len(ours))

    async def _act_on(self, verdict: Verdict) -> None:
        for room_id in verdict.claim:
            if room_id in self._rooms:
                self._claim(room_id, self._rooms[room_id].epoch)
        for room_id in verdict.regained:
            if room_id in self._rooms:
                self._rooms[room_id].tell_tracks()
        for room_id in verdict.drop:
            async with self._turn(room_id):
                if room_id in self._rooms:
                    log.warning("room lost", room_id=str(room_id))
                    await self._let_go(self._rooms[room_id])

    def every_quarter_second(self) -> None:
        self.recorder.tick(self._now())

    async def every_five_seconds(self) -> None:
        """Vouch for the presence of those whose media we see."""
        for room_id, room in list(self._rooms.items()):
            if self._leases.is_fresh(room_id, now=self._now()):
                for participant, heard_s_ago in room.present().items():
                    try:
                        await self._house.touch_presence(
                            room_id, participant, heard_s_ago=heard_s_ago
                        )
                    except Refused:
                        return

    # --- the end ---

    async def drain(self) -> None:
        """Take nothing new, put recordings on disk, send everybody away, say so."""
        self.draining = True
        await self._say_soon(self._inbox.report(self.report()))
        await self.recorder.close()
        await self._say_soon(self._inbox.retire())
        for room in list(self._rooms.values()):
            await room.close(silent=False)
        await self.board.close()
        await self._say_soon(self.news.flush())
        self._rooms.clear()
        for task in list(self._tasks):
            task.cancel()
        self.board.engine.close()

    async def _say_soon(self, saying: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await saying
        except (Refused, TimeoutError):
            log.warning("the bus could not be told that the pod ends")

    # --- news ---

    async def say(self) -> None:
        await self.news.run()

    def _begin_chronicle(self, room_id: RoomId, epoch: int) -> Chronicle:
        return Chronicle(
            Meter(self.board.engine, self._now, self._wall),
            room_id,
            self.pod_id,
            epoch,
            say=self.news.say,
            tell=self._house.tell,
            wall=self._wall,
        )

    def _claim(self, room_id: RoomId, epoch: int) -> None:
        claim = ClaimRoom(room_id=room_id, pod_id=self.pod_id, epoch=epoch)
        self.news.say(("claim", room_id), lambda: self._house.tell(claim))

    def _spooled(self, recording_id: RecordingId, epoch: int, closed: bool) -> None:
        report = ReportSpool(
            recording_id=recording_id, epoch=epoch, spool_id=self.spool_id, closed=closed
        )
        self.news.say(("spool", recording_id, epoch), lambda: self._house.tell(report))

    def _signal(self, room_id: RoomId, subject: Hashable, news: Signal) -> None:
        self.news.say((room_id, subject), lambda: self._house.signal(room_id, news))

    def _publish_tracks(self, room_id: RoomId, tracks: tuple[TrackView, ...]) -> None:
        async def say() -> None:
            # Once a lease may have run out, the list may be somebody else's to write.
            if self._leases.is_fresh(room_id, now=self._now()):
                await self._inbox.set_tracks(room_id, tracks)

        self.news.say(("tracks", room_id), say)
