"""Waiting for outcomes: one blocking read per process, however many callers wait."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from infra.bus import keys
from infra.bus.broker import open_async_redis
from infra.bus.tasks import end
from infra.contract.ids import CommandId
from infra.contract.messages import Outcome

_BLOCK_S = 5
_AT_ONCE = 100
_SOON_S, _LATER_S = 0.05, 1.0

log = structlog.get_logger(__name__)


class Replies:
    """Futures by command id, fed from this process's reply list. Outlives Redis restarts."""

    def __init__(self, url: str) -> None:
        self.key = keys.replies(uuid.uuid4().hex)
        self._redis = open_async_redis(url, answer_s=_BLOCK_S + 2)
        self._waiting: dict[CommandId, list[asyncio.Future[Outcome]]] = {}
        self._reading = asyncio.create_task(self._read(), name="replies")

    @contextmanager
    def expect(self, command_id: CommandId) -> Iterator[asyncio.Future[Outcome]]:
        """The outcome of the command, for everybody in this process who expects it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(command_id, []).append(future)
        try:
            yield future
        finally:
            left = self._waiting[command_id]
            left.remove(future)
            if not left:
                del self._waiting[command_id]

    async def close(self) -> None:
        await end(self._reading)
        await self._redis.aclose()

    async def _read(self) -> None:
        pause = _SOON_S
        while True:
            try:
                found = await self._redis.blmpop(
                    _BLOCK_S, 1, self.key, direction="LEFT", count=_AT_ONCE
                )
                pause = _SOON_S
            except (RedisError, OSError) as broken:
                log.warning("replies cannot be read", error=str(broken), again_in_s=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATER_S)
                continue
            raws: list[bytes] = found[1] if found else []  # type: ignore[assignment]
            for raw in raws:
                self._settle(raw)

    def _settle(self, raw: bytes) -> None:
        try:
            outcome = Outcome.model_validate_json(raw)
        except ValidationError:
            log.error("a reply that is not an outcome was dropped", size_bytes=len(raw))
            return
        for future in self._waiting.get(outcome.command_id, ()):
            if not future.done():
                future.set_result(outcome)
