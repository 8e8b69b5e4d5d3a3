"""One open socket: what its client asks, and its room's news, until either is over."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from handlers.context import Context
from handlers.dialects.chalk.refusals import CHALK_SAYS
from handlers.operations.ice import ice_servers
from handlers.operations.seats import enter
from handlers.socket import wire
from handlers.socket.admission import Guest
from handlers.socket.frames import BadFrame, Frame, parse, render
from handlers.socket.keepalive import GIVEN_UP
from handlers.socket.limits import Allowance
from handlers.socket.media_requests import close_media
from handlers.socket.news import LOG_PAGE, Reel
from handlers.socket.postbox import Overflow, Postbox
from handlers.socket.requests import REQUESTS, Desk, Lane
from handlers.socket.room_requests import change_hand
from infra.bus.tasks import end
from infra.contract.commands import Entered, EnterRoom, LeaveRoom
from infra.contract.events import Arrived, RoomEvent, Signal
from infra.contract.ids import ConnectionId
from infra.contract.refusals import Reason, Refusal, Refused
from infra.contract.views import ParticipantView, RoomView
from infra.db import events, participants, recordings, rooms

log = structlog.get_logger(__name__)

PRESENCE_S = 5.0
"Seconds between two signs of life; presence outlives three of them."
QUEUED_REQUESTS = 64
"Requests of one lane that may wait."
SEND_S = 5.0
"Seconds the last frames and the close may take."
FEED_AGAIN_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"Seconds before the feed is tried again; the last one from then on."

GONE = frozenset({1000, 1001, 1005})
"Close codes of a client that meant it: a page left, closed, or reloaded (RFC 6455, 7.4.1)."
CLOSE_NORMAL = 1000
CLOSE_POLICY = 1008
CLOSE_TRY_AGAIN = 1013
CLOSE_REMOVED = 4003
CLOSE_SLOW = 4008


@dataclass
class Over(Exception):
    """The session ends with this close code."""

    code: int
    reason: str
    left: bool = False
    "The client is not coming back on this connection: the room need not wait for its presence."


class Session:
    def __init__(
        self, here: Context, socket: WebSocket, guest: Guest, connection_id: ConnectionId
    ) -> None:
        self._here = here
        self._socket = socket
        self._guest = guest
        self._connection_id = connection_id
        self._postbox = Postbox()
        self._allowance = Allowance()
        self._lanes: dict[Lane, asyncio.Queue[Frame]] = {
            "media": asyncio.Queue(QUEUED_REQUESTS),
            "room": asyncio.Queue(QUEUED_REQUESTS),
        }

    async def enter(self) -> Entered:
        """Be in the room. Raises `Refused`; entering again changes nothing."""
        guest = self._guest
        return await enter(
            self._here,
            EnterRoom(
                tenant_id=guest.tenant_id,
                room_id=guest.room_id,
                participant_id=guest.participant_id,
                connection_id=self._connection_id,
            ),
        )

    async def run(self, entered: Entered) -> None:
        """Serve the accepted socket until it is over. The client hears why."""
        self._desk = Desk(
            here=self._here,
            guest=self._guest,
            you=entered.participant,
            config=entered.room.config,
            say=self._say,
            show_room=self._show_room,
        )
        writing = asyncio.create_task(self._postbox.run(self._socket))
        try:
            over = await self._serve(entered)
            log.info("socket.over", connection=str(self._connection_id), code=over.code)
            if over.left:
                await self._leave()
            self._postbox.seal()
            with suppress(TimeoutError, WebSocketDisconnect):
                async with asyncio.timeout(SEND_S):
                    await writing
                    await self._socket.close(over.code, over.reason)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _serve(self, entered: Entered) -> Over:
        """Until one of the tasks is over. A task group would not do: it cancels each but once."""
        works = [self._read(), self._follow(entered), self._be_present()]
        works += [self._carry_out(lane) for lane in self._lanes]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            first, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await asyncio.gather(*map(end, tasks))
        try:
            await first.pop()
        except Over as over:
            return over
        except Overflow:
            return Over(CLOSE_SLOW, "not reading")
        raise AssertionError("a session's tasks end by raising")

    # --- what the client says ---

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or 1005
                # Only a close frame brings a reason with it, be it empty; a connection that broke
                # may be back in a moment and has left nothing.
                meant = code in GONE and message.get("reason") is not None
                raise Over(code, "", left=meant or message == GIVEN_UP)
            if not self._allowance.frame(now=time.monotonic()):
                if self._allowance.spent:
                    raise Over(CLOSE_POLICY, "too many frames")
                self._refuse(Refusal(reason=Reason.RATE_LIMITED, retry_after_s=1), None)
                continue
            text = message.get("text")
            try:
                if text is None:
                    raise BadFrame("frames are text")
                frame = parse(text, self._guest.framing)
            except BadFrame as bad:
                self._refuse(Refusal(reason=Reason.MALFORMED, detail=str(bad)), None)
                continue
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        request = REQUESTS.get(frame.event)
        if request is None:
            no = Refusal(reason=Reason.MALFORMED, detail=f"nothing is called {frame.event!r}")
            return self._refuse(no, frame.id)
        if not self._allowance.event(frame.event, now=time.monotonic()):
            no = Refusal(reason=Reason.RATE_LIMITED, detail=frame.event, retry_after_s=1)
            return self._refuse(no, frame.id)
        try:
            self._lanes[request.lane].put_nowait(frame)
        except asyncio.QueueFull:
            no = Refusal(reason=Reason.RATE_LIMITED, detail="answers first", retry_after_s=1)
            self._refuse(no, frame.id)

    async def _carry_out(self, lane: Lane) -> None:
        while True:
            frame = await self._lanes[lane].get()
            request = REQUESTS[frame.event]
            try:
                answer = await request.carry(self._desk, request.body.model_validate(frame.data))
            except ValidationError as wrong:
                self._refuse(Refusal(reason=Reason.MALFORMED, detail=_first(wrong)), frame.id)
            except Refused as refused:
                self._refuse(refused.refusal, frame.id)
            else:
                if answer is not None:
                    self._say(answer, frame.id)
                elif frame.id is not None:
                    self._say(("ack", {"of": frame.event}), frame.id)

    # --- what the room says ---

    async def _follow(self, entered: Entered) -> None:
        """Give the client the room as it is, then every event once and in order."""
        reel = Reel(entered.room.seq, self._read_log)
        fresh: Entered | None = entered
        failures = 0
        while True:
            try:
                async with self._here.feed.listen(self._guest.room_id) as news:
                    # Listening first: what happens from now on is in the feed, the rest in the log.
                    if fresh is not None:
                        await self._welcome(fresh)
                    async for missed in reel.catch_up():
                        await self._pass_on(missed)
                    if fresh is None:
                        await self._show_room()
                    fresh, failures = None, 0
                    async for item in news:
                        async for known in reel.take(item):
                            await self._pass_on(known)
            except Refused as refused:
                if refused.refusal.reason is not Reason.UNAVAILABLE:
                    raise
                log.info("socket.feed_lost", room=str(self._guest.room_id))
            await asyncio.sleep(FEED_AGAIN_S[min(failures, len(FEED_AGAIN_S) - 1)])
            failures += 1

    async def _read_log(self, after: int) -> list[RoomEvent]:
        guest = self._guest
        return await self._here.reader.read(
            events.since, guest.tenant_id, guest.room_id, after, limit=LOG_PAGE
        )

    async def _pass_on(self, news: RoomEvent | Signal) -> None:
        if isinstance(news, Arrived) and self._desk.hand_raised:
            await change_hand(self._desk, raised=True)
        if not isinstance(news, RoomEvent):
            said = wire.signal(news, self._guest.participant_id)
            return self._say(said) if said else None
        seen = self._desk.reader.see(news)
        if seen is not None:
            self._say(wire.event(seen))
        if "room" in news.data:
            self._desk.config = RoomView.model_validate(news.data["room"]).config
        if news.kind == "room.ended":
            raise Over(CLOSE_NORMAL, "room ended")
        if news.kind.startswith("participant."):
            await self._notice(news)

    async def _notice(self, news: RoomEvent) -> None:
        """What happens to participants, as far as it changes this session."""
        participant = ParticipantView.model_validate(news.data["participant"])
        if participant.id != self._guest.participant_id:
            return
        if news.kind == "participant.updated":
            self._desk.you = participant
        elif news.kind == "participant.left":
            await self._return(news.data.get("reason"))

    async def _return(self, why_left: object) -> None:
        """Somebody took us for gone. If the seat is still ours, be there again."""
        if why_left == "ended":
            # `room.ended` follows, and ends this too.
            return
        if why_left == "quit":
            # Their owner said so elsewhere.
            raise Over(CLOSE_NORMAL, "left", left=True)
        try:
            self._desk.you = (await self.enter()).participant
        except Refused as refused:
            if refused.refusal.reason in (Reason.UNAVAILABLE, Reason.COMMAND_PENDING):
                raise Over(CLOSE_TRY_AGAIN, "come again") from refused
            # What it negotiated while its seat was being taken away is still connected.
            raise Over(CLOSE_REMOVED, "removed", left=True) from refused

    # --- what is sent ---

    async def _welcome(self, entered: Entered) -> None:
        scene = wire.Scene(
            room=entered.room,
            participants=entered.participants,
            tracks=await self._here.live.tracks(self._guest.room_id),
            recording_id=entered.recording_id,
        )
        connected: dict[str, Any] = {
            "connection_id": str(self._connection_id),
            "participant_id": str(self._guest.participant_id),
            "room_id": str(self._guest.room_id),
        }
        self._say(("connected", connected))
        self._show(scene)
        await self._here.feed.signal(
            self._guest.room_id,
            Arrived(room_id=self._guest.room_id, participant_id=self._guest.participant_id),
        )

    async def _show_room(self) -> None:
        tenant, room, read = self._guest.tenant_id, self._guest.room_id, self._here.reader.read
        view = await read(rooms.get, tenant, room)
        if view is None:
            raise Over(CLOSE_NORMAL, "room ended")
        running = await read(recordings.running, tenant, room)
        self._show(
            wire.Scene(
                room=view,
                participants=await read(participants.in_room, tenant, room, active=True),
                tracks=await self._here.live.tracks(room),
                recording_id=running.id if running else None,
            )
        )

    def _show(self, scene: wire.Scene) -> None:
        servers = ice_servers(
            self._here.settings,
            tenant=self._guest.tenant_id,
            participant=self._guest.participant_id,
            now=self._here.now(),
        )
        self._say(wire.snapshot(scene, self._desk.you, servers))

    def _say(self, said: wire.Said, id: str | int | None = None) -> None:
        self._postbox.put(render(self._guest.framing, *said, id))

    def _refuse(self, refusal: Refusal, id: str | int | None) -> None:
        self._say(wire.error(refusal, CHALK_SAYS.said(refusal), id), id)

    # --- being there ---

    async def _be_present(self) -> None:
        guest = self._guest
        while True:
            try:
                await self._here.live.touch_presence(guest.room_id, guest.participant_id)
            except Refused:
                log.info("socket.presence_unsaid", participant=str(guest.participant_id))
            await asyncio.sleep(PRESENCE_S)

    async def _leave(self) -> None:
        guest = self._guest
        try:
            async with asyncio.timeout(SEND_S):
                await self._here.bus.tell(
                    LeaveRoom(
                        tenant_id=guest.tenant_id,
                        room_id=guest.room_id,
                        participant_id=guest.participant_id,
                        connection_id=self._connection_id,
                    )
                )
                for connection in tuple(self._desk.media):
                    await close_media(self._desk, connection)
        except (Refused, TimeoutError) as error:
            # The sweep finds whoever is not present, and the pod whoever is silent.
            log.info("socket.leave_unsaid", connection=str(self._connection_id), error=str(error))


def _first(wrong: ValidationError) -> str:
    """The first thing that is wrong, without the value: it may be as long as a frame."""
    error = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
