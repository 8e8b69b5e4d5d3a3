"""Calls what is to be called again and again."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


async def every(seconds: float, work: Callable[[], Awaitable[None] | None]) -> None:
    """Do the work, wait, again, for ever. Work that raises is logged, and done again in its time.

    Never twice at once; turns that were missed are not made up for.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        try:
            done = work()
            if inspect.isawaitable(done):
                await done
        except Exception:
            log.exception("periodic work failed", work=getattr(work, "__qualname__", repr(work)))
        due = max(due + seconds, loop.time())
        await asyncio.sleep(due - loop.time())
