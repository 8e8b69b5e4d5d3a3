"""The asking side on Redis: durable commands, orders to pods, room news, live state."""

from __future__ import annotations

import asyncio
import functools
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError

from infra.bus import keys
from infra.bus.broker import ACTOR, WakeRedisBroker, messages_url, open_async_redis
from infra.bus.feed import Listening, encode
from infra.bus.port import REPLY_DEADLINE_S, PodReport
from infra.bus.posting import Posting, Step
from infra.bus.replies import Replies
from infra.bus.together import Together
from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import CommandId, ParticipantId, PodId, RoomId, new_id
from infra.contract.messages import Command, Envelope, LiveCommand, Outcome, Reply
from infra.contract.refusals import Reason, Refusal, Refused, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView

R = TypeVar("R", bound=Reply)
T = TypeVar("T")

POSTING_S = 1.5
"Seconds a command may take to reach Redis before the caller is told that nobody could be asked."

ORDERS_KEPT = 10_000
"Orders a pod's stream holds, about."
ORDERS_TTL_S = 3600
"The stream of a pod nobody orders anything of any more."

ROOMS_AT_ONCE = 500
"Rooms whose figures are fetched together."

_TRACKS = TypeAdapter(list[TrackView])

log = structlog.get_logger(__name__)


class RedisBus:
    """`CommandBus`, `Feed` and `LiveState` in one. Make it in the loop that uses it.

    Opening does not need Redis: until it answers, calls refuse with UNAVAILABLE within two seconds.
    """

    def __init__(self, url: str) -> None:
        self._broker = WakeRedisBroker(url)
        self._messages = open_async_redis(messages_url(url))
        self._state = open_async_redis(url)
        self._together = open_async_redis(url, kind=Together)
        self._posting = Posting(self._messages, self._broker.scripts["dispatch"].script)
        self._ordering = Posting(self._state, b"return 1")
        self._replies = Replies(messages_url(url))
        self._listening = Listening(url)

    @classmethod
    async def open(cls, url: str) -> RedisBus:
        return cls(url)

    async def close(self) -> None:
        await self._replies.close()
        await self._listening.close()
        await self._messages.aclose()
        await self._state.aclose()
        await self._together.aclose()
        self._broker.client.close()

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
        envelope = Envelope(
            command_id=command_id or CommandId(new_id()),
            kind=command.kind,
            body=command.model_dump(mode="json"),
            reply_to=self._replies.key,
            body_sha256=body_sha256,
            not_after=datetime.now(UTC) + timedelta(seconds=within),
            request_id=request_id,
        )
        step = self._enqueue(command.queue, envelope)
        outcome = await self._outcome(self._posting, step, envelope.command_id, within)
        return _unwrap(outcome, cast(type[R], _reply_type(type(command))))

    async def tell(self, command: Command[R]) -> CommandId:
        envelope = Envelope(
            command_id=CommandId(new_id()), kind=command.kind, body=command.model_dump(mode="json")
        )
        until = asyncio.get_running_loop().time() + POSTING_S
        await self._posting.post(self._enqueue(command.queue, envelope), until=until)
        return envelope.command_id

    async def order(
        self, pod: PodId, command: LiveCommand[R], *, within: float = REPLY_DEADLINE_S
    ) -> R:
        envelope = Envelope(
            command_id=CommandId(new_id()),
            kind=command.kind,
            body=command.model_dump(mode="json"),
            reply_to=self._replies.key,
            not_after=datetime.now(UTC) + timedelta(seconds=within),
        )
        step = order_step(pod, envelope)
        outcome = await self._outcome(self._ordering, step, envelope.command_id, within)
        return _unwrap(outcome, cast(type[R], _reply_type(type(command))))

    async def _outcome(
        self, posting: Posting, step: Step, command_id: CommandId, within: float
    ) -> Outcome:
        now = asyncio.get_running_loop().time()
        with self._replies.expect(command_id) as answer:
            await posting.post(step, until=now + min(within, POSTING_S))
            try:
                async with asyncio.timeout_at(now + within):
                    return await answer
            except TimeoutError as late:
                raise refuse(
                    Reason.COMMAND_PENDING, retry_after_s=1, subject=str(command_id)
                ) from late

    def _enqueue(self, queue: str, envelope: Envelope) -> Step:
        redis_message_id = uuid.uuid4().hex
        message = json.dumps(
            {
                "queue_name": queue,
                "actor_name": ACTOR,
                "args": [envelope.model_dump_json(exclude_none=True)],
                "kwargs": {},
                "options": {"redis_message_id": redis_message_id},
                "message_id": str(envelope.command_id),
                "message_timestamp": int(time.time() * 1000),
            },
            separators=(",", ":"),
        )
        return lambda pipe: self._broker.add_enqueue(pipe, queue, redis_message_id, message)

    # --- Feed ---

    def listen(
        self, room: RoomId
    ) -> AbstractAsyncContextManager[AsyncIterator[RoomEvent | Signal]]:
        return self._listening.listen(room)

    async def signal(self, room: RoomId, news: RoomEvent | Signal) -> None:
        await _reached(self._state.publish(keys.signals(room), encode(news)))

    # --- LiveState ---

    async def pods(self) -> list[PodReport]:
        """Every pod that has reported within its time. The others are forgotten here."""
        seen = cast(set[bytes], await _reached(self._state.smembers(keys.PODS)))
        ids = sorted(seen)
        if not ids:
            return []
        found = await _reached(
            self._state.mget([keys.pod(PodId(uuid.UUID(id_.decode()))) for id_ in ids])
        )
        gone = [id_ for id_, report in zip(ids, found, strict=True) if report is None]
        if gone:
            await _reached(self._state.srem(keys.PODS, *gone))
        reports = []
        for report in found:
            if report is not None:
                try:
                    reports.append(PodReport.model_validate_json(report))
                except ValidationError:
                    log.warning("a pod of another release was left out")
        return reports

    async def workers(self) -> dict[str, list[int]]:
        """Process ids of the live workers, by the queue they consume."""
        seen = cast(set[bytes], await _reached(self._state.smembers(keys.WORKERS)))
        names = sorted(member.decode().partition(":") for member in seen)
        if not names:
            return {}
        pids = await _reached(self._state.mget([keys.worker(q, name) for q, _, name in names]))
        live: dict[str, list[int]] = {}
        for (queue, colon, name), pid in zip(names, pids, strict=True):
            if pid is None:
                await _reached(self._state.srem(keys.WORKERS, queue + colon + name))
            else:
                live.setdefault(queue, []).append(int(pid))
        return live

    async def tracks(self, room: RoomId) -> list[TrackView]:
        stored = await _reached(self._state.get(keys.tracks(room)))
        return _TRACKS.validate_json(stored) if stored else []

    async def figures(self, room: RoomId) -> LiveFigures | None:
        found = await self.figures_of([room])
        return found[0] if found else None

    async def figures_of(self, rooms: Sequence[RoomId]) -> list[LiveFigures]:
        found: list[LiveFigures] = []
        for start in range(0, len(rooms), ROOMS_AT_ONCE):
            wanted = [keys.figures(room) for room in rooms[start : start + ROOMS_AT_ONCE]]
            for stored in await _reached(self._state.mget(wanted)):
                if stored is not None:
                    try:
                        found.append(LiveFigures.model_validate_json(stored))
                    except ValidationError:
                        log.warning("figures of another release were left out")
        return found

    async def touch_presence(
        self, room: RoomId, participant: ParticipantId, *, heard_s_ago: float = 0.0
    ) -> None:
        key = keys.presence(room, participant)
        lasts_ms = int((keys.PRESENCE_S + keys.HEARD_S - heard_s_ago) * 1000)
        if lasts_ms > 0:
            pipe = self._state.pipeline(transaction=False)
            pipe.set(key, 1, px=lasts_ms, nx=True)
            # Another of their connections may have been heard later.
            pipe.pexpire(key, lasts_ms, gt=True)
            await _reached(pipe.execute())

    async def stamp(self, room: RoomId) -> str:
        key = keys.stamp(room)
        found = await _reached(self._together.get(key))
        if found is None:
            # Whoever is first gives it; a worker's own replaces it at the next change.
            fresh = new_id().hex
            await _reached(self._together.set(key, fresh, nx=True, ex=keys.STAMP_S))
            found = await _reached(self._together.get(key)) or fresh.encode()
        return cast(bytes, found).decode()

    async def ping(self) -> None:
        """Raises `Refused` UNAVAILABLE unless Redis answers."""
        await _reached(self._state.ping())


def order_step(pod: PodId, envelope: Envelope) -> Step:
    """Puts a live command on the pod's stream."""
    stream = keys.orders(pod)
    fields = {"envelope": envelope.model_dump_json(exclude_none=True)}

    def add(pipe: Any) -> None:
        pipe.xadd(stream, fields, maxlen=ORDERS_KEPT, approximate=True)
        pipe.expire(stream, ORDERS_TTL_S)

    return add


@functools.cache
def _reply_type(order: type[Command[Any]] | type[LiveCommand[Any]]) -> type[Reply]:
    return order.reply_type()


def _unwrap(outcome: Outcome, reply: type[R]) -> R:
    if outcome.reply is not None:
        return reply.model_validate(outcome.reply)
    if outcome.refusal is not None:
        raise Refused(Refusal.model_validate(outcome.refusal))
    log.error("a command's owner broke", command_id=str(outcome.command_id), error=outcome.error)
    raise refuse(Reason.UNAVAILABLE, "the owner of the command broke", retry_after_s=5)


async def _reached(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (RedisError, OSError) as broken:
        raise refuse(
            Reason.UNAVAILABLE, "the message bus does not answer", retry_after_s=2
        ) from broken
