"""What waits to be sent to one client: bounded, for clients that do not read."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

WAITING_LIMIT = 1_000_000
"Bytes. A client that lets more than this wait is disconnected."


class Overflow(Exception):
    """The client does not read what it is sent."""


class Sender(Protocol):
    async def send_text(self, data: str) -> None: ...


class Postbox:
    """Frames in order. `put` never waits; `run` sends until everything was sent after `seal`."""

    def __init__(self, limit: int = WAITING_LIMIT) -> None:
        self._limit = limit
        self._frames: deque[str] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._sealed = False

    def put(self, frame: str) -> None:
        """Raises Overflow, and holds nothing any more, when the frame does not fit."""
        if self._sealed:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > self._limit:
            self._frames.clear()
            self._sealed = True
            raise Overflow
        self._changed.set()

    def seal(self) -> None:
        """Take no more."""
        self._sealed = True
        self._changed.set()

    async def run(self, sender: Sender) -> None:
        while True:
            while self._frames:
                frame = self._frames.popleft()
                await sender.send_text(frame)
                self._bytes -= len(frame)
            if self._sealed:
                return
            self._changed.clear()
            await self._changed.wait()
