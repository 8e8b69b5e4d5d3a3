"""A room's news, made whole: each event once and in order, whatever the feed lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from infra.contract.events import RoomEvent, Signal

LOG_PAGE = 500
"Events read at once when some are missing."

ReadLog = Callable[[int], Awaitable[list[RoomEvent]]]
"The next events after a `seq`, at most LOG_PAGE of them."


class Reel:
    """Puts events in their places. `seq` is the last one given out."""

    def __init__(self, seq: int, read: ReadLog) -> None:
        self.seq = seq
        self._read = read

    async def take(self, news: RoomEvent | Signal) -> AsyncIterator[RoomEvent | Signal]:
        """What to pass on now that `news` came: nothing, itself, or what was missing before it."""
        if not isinstance(news, RoomEvent):
            yield news
            return
        if news.seq > self.seq + 1:
            async for missed in self.catch_up(until=news.seq - 1):
                yield missed
        if news.seq > self.seq:
            self.seq = news.seq
            yield news

    async def catch_up(self, until: int | None = None) -> AsyncIterator[RoomEvent]:
        """What the log holds after `seq`, up to `until` or its end."""
        while until is None or self.seq < until:
            page = await self._read(self.seq)
            for event in page:
                if until is not None and event.seq > until:
                    return
                self.seq = event.seq
                yield event
            if len(page) < LOG_PAGE:
                return
