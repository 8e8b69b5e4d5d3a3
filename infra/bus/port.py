"""What a program may do with messages. `redis.py` is the real part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from pydantic import Field

from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import CommandId, ParticipantId, PodId, RoomId, SpoolId
from infra.contract.messages import Command, LiveCommand, Message, Reply
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView

R = TypeVar("R", bound=Reply)

REPLY_DEADLINE_S = 2.0
"Seconds a caller waits for an owner before it says COMMAND_PENDING."


class PodReport(Message):
    """What a pod says of itself every second."""

    pod_id: PodId
    spool_id: SpoolId
    pid: int
    engine: str
    rooms: int
    connections: int
    draining: bool
    media_address: str
    "host:port clients send to."
    spool_used: float = Field(default=0.0, ge=0.0, le=1.0)
    "How full the disk is that it records to."
    cpu_percent: float | None = Field(default=None, ge=0.0, le=100.0)
    "How busy its machine was since the report before; None where that cannot be read."
    memory_percent: float | None = Field(default=None, ge=0.0, le=100.0)
    "Of its machine's memory, what no program could have; None where that cannot be read."
    incoming_bps: int = 0
    "Media from all clients during the last seconds."
    outgoing_bps: int = 0


class CommandBus(Protocol):
    """The asking side, as handlers and pods have it. asyncio."""

    async def ask(
        self,
        command: Command[R],
        *,
        within: float = REPLY_DEADLINE_S,
        command_id: CommandId | None = None,
        body_sha256: str | None = None,
        request_id: str | None = None,
    ) -> R:
        """Have the owner do it and wait for the reply.

        Raises `Refused` with the owner's refusal; with COMMAND_PENDING (`subject` is the
        command's id) when the deadline passes; with UNAVAILABLE when Redis cannot be reached or
        the owner broke.
        """

    async def tell(self, command: Command[R]) -> CommandId:
        """Have it done some time soon. Raises `Refused` UNAVAILABLE when it could not be queued."""

    async def order(
        self, pod: PodId, command: LiveCommand[R], *, within: float = REPLY_DEADLINE_S
    ) -> R:
        """Have a pod do it now. Refuses as `ask` does; a dead pod shows as COMMAND_PENDING."""


class Feed(Protocol):
    """A room's news as it happens. Lossy across a Redis restart: compare `seq` and read the log."""

    def listen(
        self, room: RoomId
    ) -> AbstractAsyncContextManager[AsyncIterator[RoomEvent | Signal]]:
        """Entering it, and each step, raises `Refused` UNAVAILABLE when Redis cannot be reached:
        news may be missing then, and whoever still wants to know listens again."""

    async def signal(self, room: RoomId, news: RoomEvent | Signal) -> None: ...


class LiveState(Protocol):
    """What is true right now and nowhere else."""

    async def pods(self) -> list[PodReport]: ...

    async def workers(self) -> dict[str, list[int]]:
        """Process ids of the live workers, by the queue they consume."""

    async def stamp(self, room: RoomId) -> str:
        """Differs from every earlier one once anything of the room has changed. A room without one,
        as after Redis came back empty, is given one."""

    async def ping(self) -> None:
        """Raises `Refused` UNAVAILABLE unless Redis answers."""

    async def tracks(self, room: RoomId) -> list[TrackView]: ...

    async def figures(self, room: RoomId) -> LiveFigures | None:
        """What the room's pod measured last; None when none has said so for some seconds."""

    async def figures_of(self, rooms: Sequence[RoomId]) -> list[LiveFigures]:
        """Those of these rooms that a pod measures, in any order."""

    async def touch_presence(
        self, room: RoomId, participant: ParticipantId, *, heard_s_ago: float = 0.0
    ) -> None:
        """Somebody is there, or was so long ago."""
