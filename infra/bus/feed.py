"""Listening to rooms: one pub/sub connection per process, however many rooms and listeners."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from infra.bus import keys
from infra.bus.broker import open_async_redis
from infra.bus.tasks import end
from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason, refuse

_BEHIND = 1000
"News one listener may lag behind; more is dropped for it, and shows as a gap in `seq`."
_SUBSCRIBE_S = 2.0
_SOON_S, _LATER_S = 0.05, 1.0

_SIGNAL: TypeAdapter[Signal] = TypeAdapter(Signal)

log = structlog.get_logger(__name__)

News = RoomEvent | Signal


class _Interrupted:
    """Stands in a listener's queue where news may be missing."""


_INTERRUPTED = _Interrupted()
_Queue = asyncio.Queue[News | _Interrupted]


def encode(news: News) -> str:
    kind = "event" if isinstance(news, RoomEvent) else "signal"
    return json.dumps({"type": kind, "body": news.model_dump(mode="json")}, separators=(",", ":"))


def decode(raw: bytes) -> News:
    said = json.loads(raw)
    if said["type"] == "event":
        return RoomEvent.model_validate(said["body"])
    return _SIGNAL.validate_python(said["body"])


class Listening:
    """Who listens to which room, and the connection they all share."""

    def __init__(self, url: str) -> None:
        self._redis = open_async_redis(url, answer_s=5.0)
        self._rooms: dict[str, set[_Queue]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._reading: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listen(self, room: RoomId) -> AsyncIterator[AsyncIterator[News]]:
        """Nothing published after this is entered is missed before the iterator says so.

        It raises `Refused` UNAVAILABLE where the connection was interrupted: listen again.
        """
        channel = keys.signals(room)
        queue: _Queue = asyncio.Queue(_BEHIND)
        self._rooms.setdefault(channel, set()).add(queue)
        try:
            await self._subscribed(channel)
            yield _drain(queue)
        finally:
            left = self._rooms[channel]
            left.discard(queue)
            if not left:
                del self._rooms[channel]
                self._confirmed.pop(channel, None)
                await self._unsubscribe(channel)

    async def close(self) -> None:
        if self._reading is not None:
            await end(self._reading)
        await self._drop()
        await self._redis.aclose()

    async def _subscribed(self, channel: str) -> None:
        confirmed = self._confirmed.get(channel)
        if confirmed is None:
            confirmed = self._confirmed[channel] = asyncio.Event()
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(), name="feed")
            if self._pubsub is not None:
                try:
                    await self._pubsub.subscribe(channel)
                except (RedisError, OSError) as broken:
                    # The reader meets the same break and subscribes to everything anew.
                    log.warning("a room could not be subscribed to yet", error=str(broken))
        try:
            async with asyncio.timeout(_SUBSCRIBE_S):
                await confirmed.wait()
        except TimeoutError as late:
            raise refuse(
                Reason.UNAVAILABLE, "the message bus does not answer", retry_after_s=2
            ) from late

    async def _unsubscribe(self, channel: str) -> None:
        if self._pubsub is not None:
            try:
                await self._pubsub.unsubscribe(channel)
            except (RedisError, OSError) as broken:
                log.warning("a room could not be unsubscribed from", error=str(broken))

    async def _read(self) -> None:
        pause = _SOON_S
        while True:
            try:
                if not self._rooms:
                    await asyncio.sleep(_SOON_S)
                    continue
                if self._pubsub is None:
                    await self._connect()
                    pause = _SOON_S
                assert self._pubsub is not None
                if self._pubsub.connection is None:
                    raise ConnectionError("a subscription found nobody to connect to")
                said = await self._pubsub.get_message(timeout=1.0)
                if said is not None:
                    self._hear(said)
            except (RedisError, OSError) as broken:
                for confirmed in self._confirmed.values():
                    confirmed.clear()
                for channel in self._rooms:
                    self._interrupt(channel)
                log.warning("the feed was interrupted", error=str(broken), again_in_s=pause)
                await self._drop()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATER_S)

    async def _connect(self) -> None:
        pubsub = self._redis.pubsub()
        channels = list(self._rooms)
        await pubsub.subscribe(*channels)
        # Whoever came meanwhile subscribes by itself from here on, or was in the list.
        late = [channel for channel in self._rooms if channel not in channels]
        self._pubsub = pubsub
        if late:
            await pubsub.subscribe(*late)

    def _interrupt(self, channel: str) -> None:
        for queue in self._rooms.get(channel, ()):
            _put(queue, _INTERRUPTED)

    async def _drop(self) -> None:
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _hear(self, said: dict[str, Any]) -> None:
        channel = said["channel"].decode() if said["channel"] else ""
        if said["type"] == "subscribe":
            confirmed = self._confirmed.get(channel)
            if confirmed is not None and confirmed.is_set():
                # The client reconnected by itself, and subscribed to everything it had.
                self._interrupt(channel)
            elif confirmed is not None:
                confirmed.set()
        if said["type"] != "message":
            return
        try:
            news = decode(said["data"])
        except (ValueError, KeyError, TypeError, ValidationError):
            log.error("something on a room's channel is no news", channel=channel)
            return
        for queue in self._rooms.get(channel, ()):
            _put(queue, news)


def _put(queue: _Queue, news: News | _Interrupted) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(news)


async def _drain(queue: _Queue) -> AsyncIterator[News]:
    while True:
        news = await queue.get()
        if isinstance(news, _Interrupted):
            raise refuse(Reason.UNAVAILABLE, "the room's news was interrupted", retry_after_s=1)
        yield news
