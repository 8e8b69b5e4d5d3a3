"""The bus without Redis: commands answered by functions, orders by a pod made of functions."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

from infra.bus.port import REPLY_DEADLINE_S, CommandBus, Feed, LiveState, PodReport
from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import CommandId, ParticipantId, PodId, RoomId, new_id
from infra.contract.messages import Command, LiveCommand, Message, Reply
from infra.contract.refusals import Reason, Refused, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView

R = TypeVar("R", bound=Reply)
M = TypeVar("M", bound=Message)
Answer = Callable[[Any], Reply]
_INTERRUPTED = object()


class LocalBus(CommandBus, Feed, LiveState):
    """Keeps what it was given, so that tests can look: `asked`, `told`, `ordered`, `touched`.

    `answer(CreateRoom, function)` says how a command or a live command is answered; the function
    may raise `Refused`. `perform` answers the commands no function was named for. A command nobody
    answers is refused with COMMAND_PENDING, as a real one would be whose owner is away.
    """

    def __init__(self, perform: Callable[[Command[Any]], Reply] | None = None) -> None:
        self.asked: list[Command[Any]] = []
        self.told: list[Command[Any]] = []
        self.ordered: list[tuple[PodId, LiveCommand[Any]]] = []
        self.touched: list[tuple[RoomId, ParticipantId]] = []
        self.reports: dict[PodId, PodReport] = {}
        self.published: dict[RoomId, tuple[TrackView, ...]] = {}
        self.measured: dict[RoomId, LiveFigures] = {}
        self.stamps: dict[RoomId, int] = {}
        self.consumed: dict[str, list[int]] = {}
        "Process ids of workers, by queue."
        self.deaf = False
        "While set, news is lost on its way, as across a Redis restart."
        self.late = False
        "While set, commands are carried out and their answers come too late."
        self.down = False
        "While set, nothing can be reached."
        self.stubborn = False
        "While set, reading tracks survives a cancellation, as a client of Redis may."
        self.slow_s = 0.0
        "Seconds a pod takes for an order."
        self._perform = perform
        self._answers: dict[type[Message], Answer] = {}
        self._outcomes: dict[CommandId, tuple[Reply | Refused, str | None]] = {}
        self._listeners: dict[RoomId, set[asyncio.Queue[object]]] = defaultdict(set)

    # --- what tests say ---

    def answer(self, order: type[M], answer: Callable[[M], Reply]) -> None:
        self._answers[order] = answer

    def pod(self, *, draining: bool = False) -> PodId:
        """Have a media pod."""
        pod = PodId(new_id())
        self.reports[pod] = PodReport.model_validate(
            {
                "pod_id": pod,
                "spool_id": new_id(),
                "pid": 1,
                "engine": "reference",
                "rooms": 0,
                "connections": 0,
                "draining": draining,
                "media_address": "127.0.0.1:40000",
            }
        )
        return pod

    def interrupt(self) -> None:
        """End every subscription, as a Redis that goes away does."""
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait(_INTERRUPTED)

    def orders(self, kind: type[M]) -> list[M]:
        return [order for _, order in self.ordered if isinstance(order, kind)]

    def listeners(self, room: RoomId) -> int:
        return len(self._listeners[room])

    # --- CommandBus ---

    async def ask(
        self,
        command: Command[R],
        *,
        within: float = REPLY_DEADLINE_S,
        command_id: CommandId | None = None,
        body_sha256: str | None = None,
        request_id: str | None = None,
    ) -> R:
        self._reach()
        self.asked.append(command)
        if command_id is not None and command_id in self._outcomes:
            outcome, before = self._outcomes[command_id]
            if body_sha256 != before:
                outcome = refuse(Reason.KEY_REUSED)
        else:
            outcome = self._carry_out(command)
            if command_id is not None:
                self._outcomes[command_id] = (outcome, body_sha256)
        await asyncio.sleep(0)
        if self.late:
            raise refuse(Reason.COMMAND_PENDING, retry_after_s=1, subject=str(command_id))
        if isinstance(outcome, Refused):
            raise outcome
        return cast(R, outcome)

    async def tell(self, command: Command[R]) -> CommandId:
        self._reach()
        self.told.append(command)
        self._carry_out(command)
        return CommandId(new_id())

    async def order(
        self, pod: PodId, command: LiveCommand[R], *, within: float = REPLY_DEADLINE_S
    ) -> R:
        self._reach()
        self.ordered.append((pod, command))
        answer = self._answers.get(type(command))
        await asyncio.sleep(self.slow_s)
        if answer is None or pod not in self.reports:
            raise refuse(Reason.COMMAND_PENDING)
        return cast(R, answer(command))

    def _carry_out(self, command: Command[Any]) -> Reply | Refused:
        answer = self._answers.get(type(command), self._perform)
        try:
            return answer(command) if answer else refuse(Reason.COMMAND_PENDING)
        except Refused as refused:
            return refused

    def _reach(self) -> None:
        if self.down:
            raise refuse(Reason.UNAVAILABLE, retry_after_s=1)

    # --- Feed ---

    @asynccontextmanager
    async def listen(self, room: RoomId) -> AsyncIterator[AsyncIterator[RoomEvent | Signal]]:
        self._reach()
        queue: asyncio.Queue[object] = asyncio.Queue()
        self._listeners[room].add(queue)
        try:
            yield self._news(queue)
        finally:
            self._listeners[room].discard(queue)

    async def _news(self, queue: asyncio.Queue[object]) -> AsyncIterator[RoomEvent | Signal]:
        while True:
            news = await queue.get()
            if news is _INTERRUPTED:
                raise refuse(Reason.UNAVAILABLE)
            yield cast("RoomEvent | Signal", news)

    async def signal(self, room: RoomId, news: RoomEvent | Signal) -> None:
        self._reach()
        self.say(room, news)

    def say(self, room: RoomId, news: RoomEvent | Signal) -> None:
        """`signal` for code that is not asynchronous."""
        if not self.deaf:
            for queue in self._listeners[room]:
                queue.put_nowait(news)

    # --- LiveState ---

    async def pods(self) -> list[PodReport]:
        self._reach()
        return list(self.reports.values())

    async def workers(self) -> dict[str, list[int]]:
        self._reach()
        return {queue: list(pids) for queue, pids in self.consumed.items()}

    async def ping(self) -> None:
        self._reach()

    async def tracks(self, room: RoomId) -> list[TrackView]:
        self._reach()
        if self.stubborn:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(self.slow_s)
        return list(self.published.get(room, ()))

    async def figures(self, room: RoomId) -> LiveFigures | None:
        self._reach()
        return self.measured.get(room)

    async def figures_of(self, rooms: Sequence[RoomId]) -> list[LiveFigures]:
        self._reach()
        return [self.measured[room] for room in rooms if room in self.measured]

    async def stamp(self, room: RoomId) -> str:
        self._reach()
        return str(self.stamps.get(room, 0))

    def touch(self, room: RoomId) -> None:
        """Something of the room was changed."""
        self.stamps[room] = self.stamps.get(room, 0) + 1

    async def touch_presence(
        self, room: RoomId, participant: ParticipantId, *, heard_s_ago: float = 0.0
    ) -> None:
        self._reach()
        self.touched.append((room, participant))
