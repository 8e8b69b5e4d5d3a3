"""Sending from an event loop: what comes while a call is under way goes with the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError

from infra.contract.refusals import Reason, refuse

Step = Callable[[Any], object]
"Adds its Redis calls to a pipeline. May be carried out twice."

_AT_ONCE = 128
_AGAIN_S = 0.05


class Posting:
    """Batches calls on one connection: under load, each costs a fraction of a round trip."""

    def __init__(self, client: redis.asyncio.Redis, script: Any) -> None:
        self._redis = client
        self._script = script
        self._waiting: list[tuple[Step, asyncio.Future[None]]] = []
        self._posting: asyncio.Task[None] | None = None

    async def post(self, step: Step, *, until: float) -> None:
        """Returns when Redis has it. Tries again until the loop's time `until`.

        Raises `Refused` UNAVAILABLE after that; then it may or may not have happened.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until):
                while True:
                    done: asyncio.Future[None] = loop.create_future()
                    self._waiting.append((step, done))
                    if self._posting is None:
                        self._posting = asyncio.create_task(self._post_all(), name="posting")
                    try:
                        await done
                        return
                    except (RedisError, OSError):
                        await asyncio.sleep(_AGAIN_S)
        except TimeoutError as late:
            raise refuse(
                Reason.UNAVAILABLE, "the message bus does not answer", retry_after_s=2
            ) from late

    async def _post_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                broken = await self._send([step for step, done in batch if not done.cancelled()])
                for _, done in batch:
                    if done.done():
                        continue
                    if broken is None:
                        done.set_result(None)
                    else:
                        done.set_exception(broken)
        finally:
            self._posting = None

    async def _send(self, steps: list[Step]) -> Exception | None:
        for attempt in (0, 1):
            pipe = self._redis.pipeline(transaction=False)
            for step in steps:
                step(pipe)
            try:
                await pipe.execute()
                return None
            except NoScriptError as unknown:
                if attempt:
                    return unknown
                try:
                    await self._redis.script_load(self._script)
                except (RedisError, OSError) as broken:
                    return broken
            except (RedisError, OSError) as broken:
                return broken
        return None
