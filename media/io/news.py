"""What the pod has to say to the house, said as soon as the bus takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

import structlog

from infra.contract.refusals import Refused

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 0.5

Saying = Callable[[], Awaitable[object]]


class News:
    """A queue of things to say, of which only the latest about one subject is kept.

    Everything said here is absolute (these are the tracks, this spool is closed), so what is
    replaced before the bus could be reached need not be heard by anybody, and an outage of any
    length leaves no more than one saying a subject.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Saying] = {}
        self._more = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def say(self, subject: Hashable, saying: Saying) -> None:
        """Returns at once. Later sayings about the subject replace one that waits."""
        self._waiting.pop(subject, None)
        self._waiting[subject] = saying
        self._more.set()

    async def run(self) -> None:
        """Say it all, in order, for ever."""
        while True:
            await self._more.wait()
            if await self.flush():
                self._more.clear()
            else:
                await asyncio.sleep(AGAIN_AFTER_S)

    async def flush(self) -> bool:
        """Say what waits. False when the bus did not take it: it goes on waiting."""
        while self._waiting:
            subject, saying = next(iter(self._waiting.items()))
            try:
                await saying()
            except Refused as refused:
                log.info("the bus takes no news", reason=refused.refusal.reason, waiting=len(self))
                return False
            if self._waiting.get(subject) is saying:
                del self._waiting[subject]
        return True
