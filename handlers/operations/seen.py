"""What was read of rooms, remembered until a worker changes something of them.

Workers set a new stamp for a room in Redis after every commit that touches it (`Work.touch`); what
was read under a stamp is true as long as the room has it. The stamp is asked first and the database
second, so nothing is ever remembered under a stamp that is younger than itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from infra.bus.port import LiveState
from infra.contract.ids import RoomId, TenantId
from infra.contract.refusals import Refused
from infra.contract.views import RoomView
from infra.db import rooms
from infra.db.reader import Reader

V = TypeVar("V")

FRESH_S = 5.0
"""Seconds anything is believed at most, whatever its stamp: a Redis that lost its last writes may
give back an old one. Longer: fewer reads, and such a loss shows longer."""
REMEMBERED = 20_000
"Things kept; the oldest make room."


class Seen:
    """One process's; safe to lose, and right in every other process too."""

    def __init__(
        self, live: LiveState, reader: Reader, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` gives seconds, for forgetting."""
        self._live = live
        self._reader = reader
        self._clock = clock
        self._kept: dict[Hashable, tuple[str, float, Any]] = {}
        self._asking: dict[Hashable, asyncio.Future[Any]] = {}

    async def room(self, tenant_id: TenantId, room_id: RoomId) -> RoomView | None:
        """The room as it stands, if the tenant has it."""
        return await self.of(
            room_id,
            ("room", tenant_id),
            lambda: self._reader.read(rooms.get, tenant_id, room_id),
        )

    async def of(
        self,
        room_id: RoomId,
        what: Hashable,
        ask: Callable[[], Awaitable[V]],
        fresh_s: float = FRESH_S,
    ) -> V:
        """What `ask` answers, asked again once anything of the room changed or `fresh_s` passed.
        `what` tells it from other things of the room and from what others may see of it."""
        try:
            stamp = await self._live.stamp(room_id)
        except Refused:
            # Nobody can say whether it still holds.
            return await ask()
        key = (room_id, what)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == stamp and self._clock() < kept[1]:
            return cast(V, kept[2])
        until = self._clock() + fresh_s
        value = await self._asked_once((key, stamp), ask)
        self._kept.pop(key, None)
        while len(self._kept) >= REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (stamp, until, value)
        return value

    async def _asked_once(self, what: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """Those who want the same at once wait for one answer; whoever gives up stops nobody."""
        asking = self._asking.get(what)
        if asking is None:
            asking = self._asking[what] = asyncio.ensure_future(ask())
            asking.add_done_callback(lambda done: self._asking.pop(what, None))
        return cast(V, await asyncio.shield(asking))
