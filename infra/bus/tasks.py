"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel the task until it is done.

    Once is not enough for one that reads from Redis: a cancellation that arrives together with an
    answer is swallowed by the client, and the task goes on.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.2)
