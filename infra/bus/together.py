"""Asking Redis from an event loop: what is asked while a call is under way goes with the next."""

from __future__ import annotations

import asyncio
from typing import Any

import redis.asyncio

_AT_ONCE = 256


class Together(redis.asyncio.Redis):
    """A client whose commands share round trips: under load each costs a fraction of one.

    For short commands that nobody blocks on. One connection carries them all, in the order they
    were asked; when it breaks, all that were under way raise what broke it.
    """

    _waiting: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]]
    _asking: asyncio.Task[None] | None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if "_waiting" not in self.__dict__:
            self._waiting, self._asking = [], None
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((args, options, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(), name="redis, together")
        return await answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                batch = [asked for asked in batch if not asked[2].done()]
                if batch:
                    await self._ask(batch)
        finally:
            self._asking = None

    async def _ask(
        self, batch: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]]
    ) -> None:
        pipe = self.pipeline(transaction=False)
        for args, options, _ in batch:
            pipe.execute_command(*args, **options)
        try:
            answers = await pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as broken:
            answers = [broken] * len(batch)
        for (_, _, future), said in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(said, Exception):
                future.set_exception(said)
            else:
                future.set_result(said)
