"""What was read of rooms, remembered until a worker changes something of them.

Workers set a new stamp for a room in Redis after every commit that touches it (`Work.touch`); what
was read under a stamp is true as long as the room has it. The stamp is asked first and the database
second, so nothing is ever remembered under a stamp that is younger than itself.
"""

from __future__ import annotations

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

FRESH_S = 2.0
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

    async def room(self, tenant_id: TenantId, room_id: RoomId) -> RoomView | None:
        """The room as it stands, if the tenant has it."""
        return await self.of(
            room_id,
            ("room", tenant_id),
            lambda: self._reader.read(rooms.get, tenant_id, room_id),
        )

    async def of(self, room_id: RoomId, what: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """What `ask` answers, asked again once anything of the room has changed. `what` tells it
        from other things of the room and from what others may see of it."""
        try:
            stamp = await self._live.stamp(room_id)
        except Refused:
            # Nobody can say whether it still holds.
            return await ask()
        key = (room_id, what)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == stamp and self._clock() < kept[1]:
            return cast(V, kept[2])
        until = self._clock() + FRESH_S
        value = await ask()
        self._kept.pop(key, None)
        while len(self._kept) >= REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (stamp, until, value)
        return value
